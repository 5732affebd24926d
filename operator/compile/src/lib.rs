//! From Kubernetes objects to the snapshot the proxies serve by. Pure: no client, no runtime, no clock.
//!
//! [`World`] holds the objects and all they refer to; [`compile`] turns it into a snapshot and one
//! [`Verdict`] an object, and never fails: an object that cannot be served is left out, or stays in the form
//! it had in the last good snapshot, and its verdict says why. [`Compiler`] gives the same and remembers what
//! every object became, so that a change costs what it touches. The way back is [`patch`](fn@patch): a
//! verdict and the acknowledgements of the proxies become the status of the object.

mod assemble;
mod capabilities;
mod check;
pub mod cloud;
mod compiler;
mod key;
mod models;
mod object;
pub mod patch;
mod provider;
mod refs;
mod spec;
pub mod verdict;
mod visibility;
pub mod world;

pub use compiler::{Compiled, Compiler, Options, UnknownFields, compile};
pub use patch::{Acks, Event, EventType, Patch, Status, patch};
pub use spec::without_value;
pub use verdict::{Judgement, KeyFacts, Reason, Serving, Verdict};
pub use world::{Data, Object, ObjectName, World};
