use super::*;
use crate::verdict::{Judgement, KeyFacts, Reason, Serving};
use llm_crds::status::ConditionStatus;
use llm_snapshot::{Digest, EntryId};
use serde_json::json;

const NOW: i64 = 1_800_000_000;
const LATER: i64 = NOW + 60;

fn verdict(kind: Kind) -> Verdict {
    let facts = KeyFacts { id: "01234567".into(), disabled: false, expires_at: None };
    Verdict {
        id: EntryId::new(kind, "team-a", "one"),
        generation: 7,
        accepted: Judgement::new(Reason::Accepted, "the spec is valid"),
        resolved_refs: Judgement::new(Reason::ResolvedRefs, "all references resolve"),
        serving: Serving::Current(Digest::of(b"entry")),
        models: (kind == Kind::Provider).then_some(2),
        key: (kind == Kind::Key).then_some(facts),
    }
}

fn acks(holding: usize, total: usize) -> Acks {
    let lagging = (holding..total).map(|number| format!("llm-proxy-{number}")).collect();
    Acks { total, holding, lagging, rejected: Vec::new() }
}

fn none(kind: Kind) -> Status {
    Status::read(kind, None)
}

fn condition_of(status: &Status, type_: &str) -> (ConditionStatus, String, String) {
    let condition = status.conditions().iter().find(|condition| condition.type_ == type_).unwrap();
    (condition.status, condition.reason.clone(), condition.message.clone())
}

/// The condition that a provider with this verdict and these acknowledgements gets.
fn provider_condition(verdict: &Verdict, acks: &Acks, type_: &str) -> (ConditionStatus, String, String) {
    condition_of(&patch(verdict, acks, &none(Kind::Provider), NOW).unwrap().status, type_)
}

#[test]
fn the_whole_status_of_a_provider() {
    let patch = patch(&verdict(Kind::Provider), &acks(2, 2), &none(Kind::Provider), NOW).unwrap();
    let version = Digest::of(b"entry").short();
    let condition = |type_: &str, reason: &str, message: &str| {
        json!({"type": type_, "status": "True", "observedGeneration": 7, "reason": reason, "message": message,
            "lastTransitionTime": "2027-01-15T08:00:00Z"})
    };
    assert_eq!(
        serde_json::to_value(&patch.status).unwrap(),
        json!({
            "observedGeneration": 7,
            "conditions": [
                condition("Accepted", "Accepted", "the spec is valid"),
                condition("ResolvedRefs", "ResolvedRefs", "all references resolve"),
                condition("Programmed", "Programmed", &format!("2/2 proxies at {version}")),
            ],
            "snapshot": {"version": version, "proxiesAcked": 2, "proxiesTotal": 2},
            "models": 2,
        })
    );
    let reasons: Vec<&str> = patch.events.iter().map(|event| event.reason.as_str()).collect();
    assert_eq!(reasons, ["Programmed"]);
}

#[test]
fn nothing_is_written_when_nothing_but_time_changed() {
    for kind in [Kind::Provider, Kind::Key] {
        let verdict = verdict(kind);
        let first = patch(&verdict, &acks(2, 2), &none(kind), NOW).unwrap();
        assert_eq!(patch(&verdict, &acks(2, 2), &first.status, LATER), None);
        // As the API server gives it back: another writer's condition among them, in another order.
        let mut json = serde_json::to_value(&first.status).unwrap();
        let conditions = json["conditions"].as_array_mut().unwrap();
        conditions.reverse();
        conditions.insert(
            0,
            json!({"type": "Audited", "status": "True", "lastTransitionTime": "2020-01-01T00:00:00Z",
            "reason": "Seen", "message": ""}),
        );
        assert_eq!(patch(&verdict, &acks(2, 2), &Status::read(kind, Some(&json)), LATER), None);
    }
}

#[test]
fn a_condition_keeps_its_time_while_its_status_stays() {
    let before = patch(&verdict(Kind::Provider), &acks(2, 2), &none(Kind::Provider), NOW).unwrap().status;
    let changed =
        Verdict { serving: Serving::Current(Digest::of(b"other")), generation: 8, ..verdict(Kind::Provider) };
    let waiting = patch(&changed, &acks(1, 2), &before, LATER).unwrap();
    let times: Vec<&str> =
        waiting.status.conditions().iter().map(|condition| condition.last_transition_time.as_str()).collect();
    assert_eq!(times, ["2027-01-15T08:00:00Z", "2027-01-15T08:00:00Z", "2027-01-15T08:01:00Z"]);
    assert!(waiting.status.conditions().iter().all(|condition| condition.observed_generation == Some(8)));
    assert_eq!(waiting.events, []);
    let done = patch(&changed, &acks(2, 2), &waiting.status, LATER).unwrap();
    assert_eq!(done.events.len(), 1);
    assert_eq!((done.events[0].type_, done.events[0].reason.as_str()), (EventType::Normal, "Programmed"));
}

#[test]
fn programmed_tells_what_the_proxies_run() {
    use ConditionStatus::{False, True, Unknown};
    let digest = Digest::of(b"entry");
    let at = digest.short();
    let rejecting = Acks {
        total: 3,
        holding: 1,
        lagging: vec!["b".into()],
        rejected: vec![("c".into(), "no such\nprotocol".into())],
    };
    for (serving, acks, status, reason, message) in [
        (Serving::Current(digest), acks(2, 2), True, "Programmed", format!("2/2 proxies at {at}")),
        (Serving::Current(digest), acks(0, 0), Unknown, "NoProxies", "no proxy is connected".into()),
        (
            Serving::Current(digest),
            acks(1, 2),
            False,
            "WaitingForProxies",
            format!("1/2 proxies at {at}, waiting for llm-proxy-1"),
        ),
        (
            Serving::Current(digest),
            acks(0, 9),
            False,
            "WaitingForProxies",
            format!("0/9 proxies at {at}, waiting for llm-proxy-0, llm-proxy-1, llm-proxy-2 and 6 more"),
        ),
        (
            Serving::Current(digest),
            rejecting,
            False,
            "RejectedByProxy",
            format!("1/3 proxies at {at}, waiting for b; c rejects it: no such protocol"),
        ),
        (
            Serving::LastGood(digest),
            acks(2, 2),
            False,
            "LastGood",
            format!("its last good form is served instead: 2/2 proxies at {at}"),
        ),
        (Serving::Suspended, acks(2, 2), False, "Suspended", "suspended: 2/2 proxies without it".into()),
        (
            Serving::Suspended,
            acks(1, 2),
            False,
            "Suspended",
            "suspended: 1/2 proxies without it, waiting for llm-proxy-1".into(),
        ),
        (Serving::Suspended, acks(0, 0), False, "Suspended", "suspended: no proxy is connected".into()),
        (
            Serving::Nothing,
            acks(2, 2),
            False,
            "NotServed",
            "there is no good form of it to serve: 2/2 proxies without it".into(),
        ),
    ] {
        let verdict = Verdict { serving, ..verdict(Kind::Provider) };
        assert_eq!(provider_condition(&verdict, &acks, "Programmed"), (status, reason.to_owned(), message));
    }
}

#[test]
fn judgements_become_conditions_and_warnings() {
    use ConditionStatus::{False, Unknown};
    let before = patch(&verdict(Kind::Provider), &acks(2, 2), &none(Kind::Provider), NOW).unwrap().status;
    let bad = Verdict {
        accepted: Judgement::new(Reason::InvalidSpec, "spec.models[2].name: must be a model name"),
        resolved_refs: Judgement::new(Reason::NotChecked, "not looked at"),
        serving: Serving::LastGood(Digest::of(b"entry")),
        ..verdict(Kind::Provider)
    };
    let patched = patch(&bad, &acks(2, 2), &before, LATER).unwrap();
    let accepted = condition_of(&patched.status, "Accepted");
    assert_eq!((accepted.0, accepted.1.as_str()), (False, "InvalidSpec"));
    assert_eq!(condition_of(&patched.status, "ResolvedRefs").0, Unknown);
    let event = &patched.events[0];
    assert_eq!((patched.events.len(), event.type_), (1, EventType::Warning));
    assert_eq!(
        (event.reason.as_str(), event.message.as_str()),
        ("InvalidSpec", bad.accepted.message.as_ref())
    );

    let repaired = patch(&verdict(Kind::Provider), &acks(2, 2), &patched.status, LATER).unwrap();
    let reasons: Vec<&str> = repaired.events.iter().map(|event| event.reason.as_str()).collect();
    assert_eq!(reasons, ["Accepted", "Programmed"]);
}

#[test]
fn an_operator_that_restarts_tells_no_news() {
    let before = patch(&verdict(Kind::Provider), &acks(2, 2), &none(Kind::Provider), NOW).unwrap().status;
    let alone = patch(&verdict(Kind::Provider), &acks(0, 0), &before, NOW).unwrap();
    assert_eq!(alone.events, []);
    let again = patch(&verdict(Kind::Provider), &acks(2, 2), &alone.status, NOW).unwrap();
    assert_eq!(again.events, []);
}

#[test]
fn usable_tells_whether_a_client_gets_in() {
    use ConditionStatus::{False, True, Unknown};
    let facts = |disabled, expires_at| Some(KeyFacts { id: "01234567".into(), disabled, expires_at });
    for (key, acks, status, reason, message) in [
        (facts(false, None), acks(1, 2), True, "Usable", "clients can use it"),
        (facts(false, Some(NOW + 1)), acks(2, 2), True, "Usable", "until 2027-01-15T08:00:01Z"),
        (facts(false, Some(NOW)), acks(2, 2), False, "Expired", "expired at 2027-01-15T08:00:00Z"),
        (facts(true, Some(NOW)), acks(2, 2), False, "Disabled", "disabled by spec.disabled"),
        (facts(false, None), acks(0, 2), False, "WaitingForProxies", "no proxy has it yet"),
        (facts(false, None), acks(0, 0), Unknown, "NoProxies", "no proxy is connected"),
        (None, acks(2, 2), False, "NotServed", "there is no good form of it to serve"),
    ] {
        let verdict = Verdict { key, ..verdict(Kind::Key) };
        let status = (patch(&verdict, &acks, &none(Kind::Key), NOW).unwrap().status, status);
        let expected = (status.1, reason.to_owned(), message.to_owned());
        assert_eq!(condition_of(&status.0, "Usable"), expected);
    }
}

#[test]
fn a_key_expires_by_time_alone() {
    let facts = KeyFacts { id: "01234567".into(), disabled: false, expires_at: Some(LATER) };
    let verdict = Verdict { key: Some(facts), ..verdict(Kind::Key) };
    let before = patch(&verdict, &acks(2, 2), &none(Kind::Key), NOW).unwrap().status;
    assert_eq!(patch(&verdict, &acks(2, 2), &before, LATER - 1), None);
    let expired = patch(&verdict, &acks(2, 2), &before, LATER).unwrap();
    assert_eq!((expired.events[0].type_, expired.events[0].reason.as_str()), (EventType::Warning, "Expired"));
    let Status::Key(status) = expired.status else { panic!("not of a key") };
    assert_eq!(status.key_id.as_deref(), Some("01234567"));
}

#[test]
fn messages_stay_short_and_on_one_line() {
    let rejected = (0..50).map(|number| (format!("p{number}\n"), "x\u{7}".repeat(5_000))).collect();
    let acks = Acks { total: 50, holding: 0, lagging: Vec::new(), rejected };
    let (_, _, message) = provider_condition(&verdict(Kind::Provider), &acks, "Programmed");
    assert!(message.chars().count() < 1024 && message.len() < 1100, "{} bytes", message.len());
    assert!(!message.contains(char::is_control) && message.ends_with("and 47 more"), "{message}");
}

#[test]
fn a_status_that_cannot_be_read_counts_as_none() {
    let status = Status::read(Kind::Provider, Some(&json!({"conditions": "nonsense"})));
    assert_eq!(status, none(Kind::Provider));
}
