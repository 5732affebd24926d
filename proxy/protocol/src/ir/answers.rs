//! Results of tools, found by the calls they answer.

use std::collections::hash_map::Entry;

use foldhash::HashMap;

use super::{Block, Content, ToolResult, Turn, speakers};

/// The results in a conversation, found by the id of their call.
pub(crate) struct Answers<'p, 'a> {
    /// All of them, in order.
    all: Vec<Answer<'p, 'a>>,
    by_id: HashMap<&'p str, Waiting>,
    /// How many of all the writer has passed.
    passed: usize,
}

struct Answer<'p, 'a> {
    /// The run it stands in.
    run: usize,
    found: Found<'p, 'a>,
    /// The next with the same id.
    next: Option<usize>,
    /// It was written after its call.
    is_used: bool,
}

/// The results with one id that no call has taken yet: places in the list of all.
struct Waiting {
    first: Option<usize>,
    last: usize,
    /// A call has taken one.
    is_answered: bool,
}

/// A result, and where it stands.
#[derive(Clone, Copy)]
pub(crate) struct Found<'p, 'a> {
    pub(crate) turn: &'p Turn<'a>,
    pub(crate) block: &'p Block<'a>,
    pub(crate) result: &'p ToolResult<'a>,
}

impl<'p, 'a> Answers<'p, 'a> {
    /// Those of the turns.
    pub(crate) fn of(turns: &'p [Turn<'a>]) -> Self {
        let mut answers = Answers { all: Vec::new(), by_id: HashMap::default(), passed: 0 };
        for (run, turns) in speakers(turns).enumerate() {
            for turn in turns {
                for block in &turn.blocks {
                    if let Content::ToolResult(result) = &block.content {
                        answers.add(run, Found { turn, block, result });
                    }
                }
            }
        }
        answers
    }

    fn add(&mut self, run: usize, found: Found<'p, 'a>) {
        let at = self.all.len();
        self.all.push(Answer { run, found, next: None, is_used: false });
        match self.by_id.entry(&found.result.call_id) {
            Entry::Occupied(mut waiting) => {
                let last = std::mem::replace(&mut waiting.get_mut().last, at);
                self.all[last].next = Some(at);
            }
            Entry::Vacant(place) => {
                place.insert(Waiting { first: Some(at), last: at, is_answered: false });
            }
        }
    }

    /// The first result for a call in that run: wherever later it stands.
    pub(crate) fn take(&mut self, id: &str, run: usize) -> Option<Found<'p, 'a>> {
        let waiting = self.by_id.get_mut(id)?;
        while let Some(at) = waiting.first {
            let answer = &mut self.all[at];
            waiting.first = answer.next;
            if answer.run >= run {
                answer.is_used = true;
                waiting.is_answered = true;
                return Some(answer.found);
            }
        }
        None
    }

    /// Passes the next result in order: whether it was written after its call, and whether its call was answered.
    pub(crate) fn pass(&mut self) -> (bool, bool) {
        let answer = &self.all[self.passed];
        self.passed += 1;
        let waiting = self.by_id.get(answer.found.result.call_id.as_ref());
        (answer.is_used, waiting.is_some_and(|waiting| waiting.is_answered))
    }
}
