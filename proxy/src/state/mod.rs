//! What is served by, and how it changes: off to the side, then at once.

pub mod runtime;
pub mod store;

pub use runtime::Runtime;
pub use store::Store;
