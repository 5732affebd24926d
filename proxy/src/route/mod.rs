//! Which provider answers a request, decided from data alone.

pub mod glob;
pub mod rotation;
pub mod select;
pub mod table;
pub mod verdict;

pub use rotation::Rotation;
pub use select::Candidates;
pub use table::{Group, Member, NoRoute, Route, Table};
pub use verdict::{Failure, Verdict, judge};
