//! The ways the fake provider behaves.

use std::time::Duration;

/// How a request is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// At once, with an echo.
    Ok,
    /// With an echo, each chunk of a stream this long after the one before.
    Slow(Duration),
    /// Not at all.
    Hang,
    /// With this status and an error in OpenAI's form; 429 says `Retry-After: 7`.
    Status(u16),
    /// 200, and a page of HTML instead of JSON.
    Garbage,
    /// The connection breaks in the middle of the body.
    Cut,
    /// A chunk, and then nothing more.
    Stall,
    /// As was recorded: the name of a fixture of Chat Completions.
    Fixture(String),
}

impl Behaviour {
    /// The behaviour a path names; `ok` when it names none. What stands behind it (`slow-20-GENERATION`) is for the
    /// echo alone.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let (head, argument) = name.split_once('-').unwrap_or((name, ""));
        let number = argument.split('-').next().unwrap_or_default();
        match head {
            "slow" => Self::Slow(Duration::from_millis(number.parse().unwrap_or(50))),
            "hang" => Self::Hang,
            "status" => Self::Status(number.parse().unwrap_or(500)),
            "garbage" => Self::Garbage,
            "cut" => Self::Cut,
            "stall" => Self::Stall,
            "fixture" => Self::Fixture(argument.to_owned()),
            _ => Self::Ok,
        }
    }
}
