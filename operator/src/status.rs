//! The way back: verdicts and acknowledgements become the statuses of the objects, and Events.

pub mod events;
pub mod metrics;
pub mod observed;
pub mod queue;
pub mod writer;

pub use observed::Statuses;
pub use writer::Writer;
