use super::*;
use crate::cloud::bearer;
use crate::cloud::grant::Issued;
use futures_util::future::BoxFuture;
use llm_snapshot::Digest;
use std::sync::Mutex as Lock;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::time::{advance, sleep};

/// Gives out credentials that hold for an hour, each with the number of the fetch, or fails.
#[derive(Debug, Default)]
struct Clerk {
    asked: AtomicUsize,
    fails: Lock<Option<GrantError>>,
}

impl Grant for Clerk {
    fn identity(&self) -> Digest {
        Digest::of(b"clerk")
    }

    fn places(&self) -> Vec<&str> {
        Vec::new()
    }

    fn fetch<'f>(&'f self, _at: &'f [Target]) -> BoxFuture<'f, Result<Issued, GrantError>> {
        let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let fails = *self.fails.lock().unwrap();
        Box::pin(async move {
            sleep(Duration::from_millis(100)).await;
            let proof = Proof::Bearer(bearer(&number.to_string()).unwrap());
            fails.map_or(Ok(Issued { proof, lifetime: Duration::from_secs(3600) }), Err)
        })
    }
}

fn renewed() -> (Arc<Clerk>, Renewed) {
    let clerk = Arc::<Clerk>::default();
    (clerk.clone(), Renewed::new(clerk, Vec::new()))
}

async fn got(renewed: &Renewed) -> Result<String, GrantError> {
    match &renewed.get().await?.proof {
        Proof::Bearer(value) => Ok(value.to_str().unwrap().to_owned()),
        Proof::Key(_) => panic!("no token"),
    }
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn all_who_need_one_wait_for_the_same() {
    let (clerk, renewed) = renewed();
    let all = futures_util::future::join_all((0..16).map(|_| got(&renewed))).await;
    assert!(all.iter().all(|one| one.as_deref() == Ok("Bearer 1")), "{all:?}");
    assert_eq!(clerk.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn it_is_replaced_before_its_end_and_nobody_waits_for_that() {
    let (clerk, renewed) = renewed();
    assert_eq!(got(&renewed).await.unwrap(), "Bearer 1");
    advance(55 * MINUTE).await;
    assert_eq!(got(&renewed).await.unwrap(), "Bearer 1");
    advance(2 * MINUTE).await;
    let (one, other) = tokio::join!(got(&renewed), got(&renewed));
    assert_eq!((one.unwrap().as_str(), other.unwrap().as_str()), ("Bearer 2", "Bearer 1"));
    assert_eq!(got(&renewed).await.unwrap(), "Bearer 2");
    assert_eq!(clerk.asked.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn it_is_kept_to_its_end_while_there_is_no_new_one() {
    let (clerk, renewed) = renewed();
    assert_eq!(got(&renewed).await.unwrap(), "Bearer 1");
    *clerk.fails.lock().unwrap() = Some(GrantError::Refused(503));
    advance(58 * MINUTE).await;
    assert_eq!(got(&renewed).await.unwrap(), "Bearer 1");
    // Right after a failure nobody asks.
    assert_eq!(got(&renewed).await.unwrap(), "Bearer 1");
    assert_eq!(clerk.asked.load(Ordering::SeqCst), 2);
    advance(2 * MINUTE).await;
    assert_eq!(got(&renewed).await, Err(GrantError::Refused(503)));
    *clerk.fails.lock().unwrap() = None;
    assert_eq!(got(&renewed).await, Err(GrantError::Refused(503)));
    advance(PAUSE).await;
    assert_eq!(got(&renewed).await.unwrap(), "Bearer 4");
}

#[tokio::test(start_paused = true)]
async fn debug_shows_no_token() {
    let (_, renewed) = renewed();
    got(&renewed).await.unwrap();
    let shown = format!("{renewed:?}");
    assert!(shown.contains("Clerk") && !shown.contains("Bearer 1"), "{shown}");
}
