//! A timer that is hardly ever set.
//!
//! Setting a timer costs a turn on the runtime's timer wheel. A connection has one timer for all its requests. It
//! is set anew only when it has rung, or when what it shall ring for comes earlier than what it is set for; a
//! deadline that moves on, as most do, is found to have moved when the timer rings.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use tokio::task::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};

/// The timer, once it was needed. It must be polled with one and the same waker always.
#[derive(Debug, Default)]
pub(super) struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Ready when `deadline` has passed; else the waker is woken by then, or earlier.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        match &self.0 {
            // The waker is in place since the timer was set.
            Some(sleep) if sleep.deadline() <= deadline && !sleep.is_elapsed() => Poll::Pending,
            _ => self.set(cx, deadline),
        }
    }

    fn set(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        if Instant::now() >= deadline {
            return Poll::Ready(());
        }
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if sleep.deadline() != deadline {
            sleep.as_mut().reset(deadline);
        }
        // Within a budget, the poll could end before the waker is in place.
        pin!(unconstrained(sleep.as_mut())).poll(cx)
    }

    /// Whether the timer rang and `deadline` has passed. Cheap while it has not rung; says false for a deadline
    /// that was never waited for.
    pub(super) fn rang_for(&self, deadline: Instant) -> bool {
        self.0.as_ref().is_some_and(|sleep| sleep.is_elapsed()) && Instant::now() >= deadline
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_moves_is_met_where_it_is_in_the_end() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut alarm = Alarm::default();
        // In turns later and earlier than what the timer is set for.
        for (asked, after) in [(10, 10), (30, 30), (25, 30), (31, 31)] {
            let deadline = start + asked * second;
            poll_fn(|cx| alarm.poll(cx, deadline)).await;
            assert_eq!(start.elapsed(), after * second, "{asked}");
        }
        // An earlier one than what it is set for, before that has come.
        let polled = poll_fn(|cx| Poll::Ready(alarm.poll(cx, start + 90 * second))).await;
        assert!(polled.is_pending());
        poll_fn(|cx| alarm.poll(cx, start + 39 * second)).await;
        assert_eq!(start.elapsed(), 39 * second);
        // A deadline that moves on while it is waited for.
        let mut polls = 0;
        poll_fn(|cx| {
            polls += 1;
            alarm.poll(cx, start + (40 + polls.min(3)) * second)
        })
        .await;
        assert_eq!((start.elapsed(), polls), (43 * second, 4));
    }

    #[tokio::test(start_paused = true)]
    async fn an_alarm_that_rang_for_one_deadline_has_rung_for_no_later_one() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut alarm = Alarm::default();
        assert!(!alarm.rang_for(start), "it was never set");
        poll_fn(|cx| alarm.poll(cx, start + second)).await;
        assert!(alarm.rang_for(start + second) && !alarm.rang_for(start + 2 * second));
    }
}
