//! Writing `thinkingConfig` (TRANSLATION §6).

use crate::capabilities::ThinkingStyle;
use crate::facts::Field;
use crate::ir::{Effort, Thinking, nearest};
use crate::json::write::Object;
use crate::notes::{Notes, Rejected};
use crate::protocol::Protocol;

use super::foreign::Foreign;

/// The budget of the effort above `high`; `max` is the most the model has.
const XHIGH: u64 = 24_576;

/// How much to think.
enum Amount {
    /// `thinkingLevel`.
    Level(String),
    /// `thinkingBudget`, in tokens.
    Budget(u64),
    /// `thinkingBudget` −1: the model decides.
    Dynamic,
}

/// Writes `thinkingConfig`, adapted to what the model takes.
///
/// # Errors
/// Strict mode, and the model cannot think as asked.
pub(super) fn write(
    o: &mut Object<'_>,
    foreign: &Foreign<'_, '_>,
    notes: &mut Notes,
) -> Result<(), Rejected> {
    let Some(thinking) = &foreign.request.thinking else { return Ok(()) };
    let capabilities = foreign.target.capabilities;
    let path = || foreign.path(Field::Thinking);
    let amount = if capabilities.thinks(ThinkingStyle::Level) {
        level(thinking, &capabilities.efforts)
    } else if capabilities.thinks(ThinkingStyle::Budget) {
        budget(thinking, capabilities.budget.unwrap_or((0, XHIGH)), foreign.request.max_output)
    } else {
        // A model that does not think: asking it not to is no loss.
        if thinking.is_on() || thinking.visible == Some(true) {
            notes.warn("reasoning_dropped", path)?;
        }
        return Ok(());
    };
    if is_changed(thinking, amount.as_ref()) {
        notes.warn("reasoning_changed", path)?;
    }
    // Clients of Chat Completions cannot ask to see thoughts, those of Messages see them by asking for
    // thinking.
    let visible = thinking.visible.unwrap_or(thinking.is_on() && !foreign.is_from(Protocol::OpenAiResponses));
    if amount.is_none() && !visible {
        return Ok(());
    }
    o.object("thinkingConfig", |o| {
        if visible {
            o.bool("includeThoughts", true);
        }
        match amount {
            Some(Amount::Level(word)) => o.str("thinkingLevel", &word),
            Some(Amount::Budget(tokens)) => o.u64("thinkingBudget", tokens),
            Some(Amount::Dynamic) => o.raw("thinkingBudget", "-1"),
            None => {}
        }
    });
    Ok(())
}

fn level(thinking: &Thinking<'_>, accepted: &[String]) -> Option<Amount> {
    let wanted = thinking.nearest_effort()?;
    Some(Amount::Level(nearest(&wanted, accepted).word().to_ascii_uppercase()))
}

fn budget(thinking: &Thinking<'_>, (least, most): (u64, u64), max_output: Option<u64>) -> Option<Amount> {
    let wanted = match (thinking.budget, &thinking.effort) {
        (Some(tokens), _) => tokens,
        (None, Some(Effort::XHigh)) => XHIGH,
        (None, Some(Effort::Max)) => most,
        (None, Some(effort)) => effort.budget()?,
        (None, None) if thinking.adaptive => return Some(Amount::Dynamic),
        (None, None) => return None,
    };
    // Thoughts count against the limit of the answer.
    let limit = max_output.map_or(most, |max| most.min(max.saturating_sub(1)));
    Some(Amount::Budget(wanted.min(limit).clamp(least, most)))
}

/// Whether the model will think although it was asked not to, or with another budget than the client named.
fn is_changed(thinking: &Thinking<'_>, amount: Option<&Amount>) -> bool {
    let off = !thinking.adaptive && thinking.nearest_effort() == Some(Effort::None);
    match amount {
        Some(Amount::Level(_)) => off,
        Some(Amount::Budget(tokens)) if off => *tokens > 0,
        Some(Amount::Budget(tokens)) => thinking.budget.is_some_and(|asked| asked != *tokens),
        _ => false,
    }
}
