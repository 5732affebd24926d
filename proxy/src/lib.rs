//! The data plane: one endpoint in front of every model provider.
//!
//! [`state`] holds what is served by now. [`api`] takes requests, [`route`] chooses, [`forward`] carries them to an
//! [`upstream`] or a [`mock`]. [`tally`] counts the tokens that no provider tells. [`app`] wires them together.

pub mod access;
pub mod api;
pub mod app;
pub mod args;
pub mod cloud;
pub mod config;
pub mod drain;
pub mod forward;
pub mod log;
pub mod mock;
pub mod route;
pub mod standalone;
pub mod state;
pub mod sync;
pub mod tally;
pub mod translate;
pub mod upstream;
