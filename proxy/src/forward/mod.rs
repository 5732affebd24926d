//! Carries a request to a provider and the answer back: one attempt after the other until one can be used, and then
//! the answer as it comes.

pub mod account;
mod answer;
mod attempt;
pub mod call;
mod closing;
pub mod events;
mod first;
pub(crate) mod head;
mod last_words;
pub mod metrics;
mod opening;
pub mod relay;
mod tail;
pub mod usage;

pub use account::{Account, Books, Outcome};
pub use answer::{Form, answer};
pub use attempt::Usable;
pub use call::{Asked, Call};
pub(crate) use events::may_fail;
pub use metrics::Metrics;
pub use relay::Relay;
pub use usage::{Tokens, Usage};

use crate::api::error::{Kind, Refusal};
use crate::route::Failure;
use crate::route::verdict::{GiveUp, Verdict, judge};
use attempt::attempt;
use call::Turns;

/// Carries the request to one candidate after the other, and gives the first response that can be used.
///
/// # Errors
/// None of the candidates gave one.
pub async fn ask(call: &mut Call, account: &mut Account) -> Result<Usable, Refusal> {
    let Call { asked, candidates } = call;
    let mut turns = Turns::new(asked, candidates);
    let Some(mut turn) = turns.next() else { return Err(turns.refusal()) };
    loop {
        let attempted = attempt(asked, &mut turn, account).await;
        account.attempted();
        let outcome = match &attempted {
            Ok(usable) => Ok(usable.status()),
            Err(failure) => Err(*failure),
        };
        let mut verdict = judge(outcome, turns.more());
        if verdict == Verdict::Next {
            if let Some(next) = turns.next() {
                account.fail_over(account::reason(outcome));
                turn = next;
                continue;
            }
            verdict = judge(outcome, false);
        }
        return match (verdict, attempted) {
            (Verdict::Use, Ok(Usable::Passed(head, _, body))) if !head.status.is_success() => {
                Box::pin(answer::read_error(head, body, &turn.member.provider)).await
            }
            (Verdict::Use, Ok(usable)) => {
                if usable.may_not_tell(asked.endpoint.operation) {
                    account.answered(asked);
                }
                Ok(usable)
            }
            (Verdict::GiveUp(reason), _) => Err(refusal(reason)),
            (_, _) => Err(Kind::Unreachable.into()),
        };
    }
}

fn refusal(reason: GiveUp) -> Refusal {
    match reason {
        GiveUp::Credential => Kind::UpstreamAuth.into(),
        GiveUp::Redirect => Refusal::saying(Kind::UpstreamBroken, "The provider answered with a redirect."),
        GiveUp::Failed(Failure::Unreachable) => Kind::Unreachable.into(),
        GiveUp::Failed(Failure::Timeout) => Kind::Timeout.into(),
        GiveUp::Failed(Failure::BadCall) => {
            Refusal::saying(Kind::UpstreamBroken, "The model made a call that its provider could not parse.")
        }
        GiveUp::Failed(Failure::Broken | Failure::Malformed | Failure::Unsendable) => {
            Kind::UpstreamBroken.into()
        }
    }
}
