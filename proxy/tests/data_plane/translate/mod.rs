//! Clients of one protocol and providers of another.

mod pairs;
mod said;
mod speakers;
