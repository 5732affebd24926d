//! Clients of one protocol and providers of another.

mod content;
mod counting;
mod ends;
mod errors;
mod failing;
mod lasting;
mod odd;
mod options;
mod others;
mod pairs;
mod routing;
mod said;
mod same;
mod speakers;
mod warned;
