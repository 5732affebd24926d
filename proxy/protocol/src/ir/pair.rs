//! Calls and results brought together.

use std::borrow::Cow;
use std::collections::VecDeque;

use foldhash::HashMap;

use super::{Content, Role, Turn};

/// Gives every call an id and every result the id and the name of the call it answers.
///
/// A call without an id gets `call_{turn}_{block}`. A result without an id answers the earliest unanswered call of
/// its name, or, without a name, the earliest unanswered call. Calls of one run with the same id are answered in order.
/// Deterministic: the same history always gives the same
/// ids, so that a conversation keeps its provider's prompt cache. Every request decoder calls this last.
pub fn pair(turns: &mut [Turn<'_>]) {
    let mut calls = Calls::default();
    for (t, turn) in turns.iter_mut().enumerate() {
        calls.run += usize::from(turn.role != Role::Assistant);
        for (b, block) in turn.blocks.iter_mut().enumerate() {
            match &mut block.content {
                Content::ToolCall(call) => {
                    if call.id.is_empty() {
                        call.id = Cow::Owned(format!("call_{t}_{b}"));
                        call.made_id = true;
                    }
                    calls.add(call.id.clone(), call.name.clone());
                }
                Content::ToolResult(result) => {
                    let found = if result.call_id.is_empty() {
                        calls.next_of(&result.name)
                    } else {
                        calls.by_id(&result.call_id)
                    };
                    if let Some((id, name)) = found {
                        if result.call_id.is_empty() {
                            result.call_id = id;
                            result.made_id = true;
                        }
                        if result.name.is_empty() {
                            result.name = name;
                        }
                    } else if result.call_id.is_empty() {
                        result.call_id = Cow::Owned(format!("call_{t}_{b}"));
                        result.made_id = true;
                    }
                }
                _ => {}
            }
        }
    }
}

/// The calls so far, found in constant time: a hostile history may hold a hundred thousand. Most histories look for them
/// in one way only, so that each index grows when it is asked.
#[derive(Default)]
struct Calls<'a> {
    all: Vec<Call<'a>>,
    by_id: HashMap<Cow<'a, str>, Same>,
    /// How many of all are in `by_id`.
    with_id: usize,
    by_name: HashMap<Cow<'a, str>, VecDeque<usize>>,
    /// How many of all are in `by_name`.
    with_name: usize,
    /// Everything before is answered.
    first_open: usize,
    /// Which run of the model's turns is at hand.
    run: usize,
}

/// The last calls with one id: several only where a run gives it to several.
struct Same {
    /// The one that is answered next.
    next: usize,
    last: usize,
}

struct Call<'a> {
    id: Cow<'a, str>,
    name: Cow<'a, str>,
    answered: bool,
    run: usize,
    /// The next call of the run with the same id.
    same: Option<usize>,
}

impl<'a> Calls<'a> {
    fn add(&mut self, id: Cow<'a, str>, name: Cow<'a, str>) {
        self.all.push(Call { id, name, answered: false, run: self.run, same: None });
    }

    fn by_id(&mut self, id: &str) -> Option<(Cow<'a, str>, Cow<'a, str>)> {
        for at in self.with_id..self.all.len() {
            let Call { id, run, .. } = &self.all[at];
            match self.by_id.get_mut(id) {
                Some(same) if self.all[same.last].run == *run => {
                    let before = std::mem::replace(&mut same.last, at);
                    self.all[before].same = Some(at);
                }
                _ => drop(self.by_id.insert(id.clone(), Same { next: at, last: at })),
            }
        }
        self.with_id = self.all.len();
        let same = self.by_id.get_mut(id)?;
        let at = same.next;
        same.next = self.all[at].same.unwrap_or(at);
        Some(self.answer(at))
    }

    fn next_of(&mut self, name: &str) -> Option<(Cow<'a, str>, Cow<'a, str>)> {
        if name.is_empty() {
            while self.all.get(self.first_open)?.answered {
                self.first_open += 1;
            }
            return Some(self.answer(self.first_open));
        }
        for (at, call) in self.all.iter().enumerate().skip(self.with_name) {
            self.by_name.entry(call.name.clone()).or_default().push_back(at);
        }
        self.with_name = self.all.len();
        let queue = self.by_name.get_mut(name)?;
        loop {
            let at = queue.pop_front()?;
            if !self.all[at].answered {
                return Some(self.answer(at));
            }
        }
    }

    fn answer(&mut self, at: usize) -> (Cow<'a, str>, Cow<'a, str>) {
        let call = &mut self.all[at];
        call.answered = true;
        (call.id.clone(), call.name.clone())
    }
}
