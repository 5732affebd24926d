//! The data plane: one endpoint in front of every model provider.
//!
//! [`state`] holds what is served by now, applied from snapshots that [`sync`] or [`standalone`] bring. [`api`]
//! takes requests, [`route`] chooses, [`forward`] carries them to an [`upstream`] or a [`mock`].

pub mod state;
