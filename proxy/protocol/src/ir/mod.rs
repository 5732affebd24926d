//! The neutral form: what the four protocols say, in one set of types.
//!
//! Everything borrows from the body it was read from. What a protocol says beyond the neutral form rides in
//! [`Ext`]: the same protocol writes it back unchanged, another protocol accounts for it by the rules of
//! [`crate::facts`].

mod answers;
mod event;
mod ext;
mod finish;
mod fold;
mod marks;
mod pair;
mod pieces;
mod request;
mod response;
mod sequence;
mod thinking;
mod tool;
mod turn;
mod usage;

#[cfg(test)]
mod tests;

pub(crate) use answers::{Answers, Found};
pub use event::{BlockKind, Delta, Event, Sink};
pub(crate) use ext::{ABSENT, has, has_inside};
pub use ext::{Ext, ExtField, Scope};
pub use finish::Finish;
pub use fold::Fold;
pub use marks::{Citation, Logprob, Marks, Token};
pub use pair::pair;
pub(crate) use pieces::whole;
pub use request::{OutputFormat, Request, Sampling};
pub use response::{Choice, Response};
pub use sequence::Sequence;
pub(crate) use thinking::nearest;
pub use thinking::{Effort, Thinking};
pub use tool::{Arguments, CallStyle, Tool, ToolCall, ToolChoice, ToolKind, ToolResult};
pub use turn::{Block, Content, Media, MediaKind, NONE, Role, Source, State, Turn, runs, speakers};
pub use usage::Usage;
