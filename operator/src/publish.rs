//! The config stream: editions of the configuration go out, acknowledgements come back.

pub mod acks;
pub mod auth;
pub mod edition;
pub mod metrics;
pub mod proxies;
pub mod server;

mod query;
mod reply;
mod routes;
mod session;

pub use auth::{Authenticator, Denied};
pub use edition::{Edition, Publisher};
pub use proxies::Proxies;
pub use routes::Desk;
pub use session::Timing;
