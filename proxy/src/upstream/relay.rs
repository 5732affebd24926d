//! One waker for everything a connection waits for, handed on to whichever task uses the connection now.
//!
//! A connection is driven by the task that reads its response, not by a task of its own. Its parts (hyper's
//! connection, its channels, the socket, the timer) keep the waker they saw last. They all see this one, so that
//! the parts waking one another while the connection is being polled costs no turn of the task, and a connection
//! in the pool wakes nobody.

use futures_util::task::AtomicWaker;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Wake, Waker};

/// The connection is being polled: wakes are noted, not passed on.
const POLLING: u8 = 1;
/// Somebody woke the connection since it was last polled.
const WOKEN: u8 = 2;

#[derive(Debug, Default)]
pub(super) struct Relay {
    state: AtomicU8,
    task: AtomicWaker,
}

impl Relay {
    /// Begins a poll on behalf of `task`. Tells whether there was a wake since the last one.
    pub(super) fn begin(&self, task: &Waker) -> bool {
        self.task.register(task);
        self.state.swap(POLLING, Ordering::AcqRel) & WOKEN != 0
    }

    /// Forgets the wakes of this poll so far: whatever they were for is looked at now.
    pub(super) fn look(&self) {
        self.state.store(POLLING, Ordering::Release);
    }

    /// Ends a poll. Tells whether there was a wake since the last look: then the connection must be polled again
    /// before its task goes to sleep.
    pub(super) fn end(&self) -> bool {
        self.state.fetch_and(!POLLING, Ordering::AcqRel) & WOKEN != 0
    }

    /// Ends a poll, if there is one, and wakes nobody until the next one begins.
    pub(super) fn release(&self) {
        self.task.take();
        self.state.store(0, Ordering::Release);
    }
}

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.state.fetch_or(WOKEN, Ordering::AcqRel) == 0 {
            self.task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[derive(Default)]
    struct Task(AtomicUsize);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn task() -> (Arc<Task>, Waker) {
        let task = Arc::new(Task::default());
        (task.clone(), task.into())
    }

    #[test]
    fn a_wake_is_passed_on_once_and_only_between_polls() {
        let ((task, waker), relay) = (task(), Arc::new(Relay::default()));
        assert!(!relay.begin(&waker), "nobody woke it yet");
        relay.wake_by_ref();
        assert_eq!(task.0.load(Ordering::SeqCst), 0, "it is being polled");
        relay.look();
        assert!(!relay.end(), "what it was for was looked at");
        relay.wake_by_ref();
        relay.wake_by_ref();
        assert_eq!(task.0.load(Ordering::SeqCst), 1);
        assert!(relay.begin(&waker));
        relay.wake_by_ref();
        assert!(relay.end(), "nobody looked since");
        assert!(relay.begin(&waker));
    }

    #[test]
    fn the_last_task_is_woken_and_after_release_none() {
        let ((first, old), (second, new), relay) = (task(), task(), Arc::new(Relay::default()));
        relay.begin(&old);
        relay.end();
        relay.begin(&new);
        relay.end();
        relay.wake_by_ref();
        assert_eq!((first.0.load(Ordering::SeqCst), second.0.load(Ordering::SeqCst)), (0, 1));
        relay.begin(&new);
        relay.release();
        relay.wake_by_ref();
        assert_eq!(second.0.load(Ordering::SeqCst), 1);
    }
}
