//! Clients of one protocol and providers of another.

mod errors;
mod lasting;
mod others;
mod pairs;
mod routing;
mod said;
mod same;
mod speakers;
