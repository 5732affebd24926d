use super::Verdict::{Next, Use};
use super::*;

const TABLE: [(&[u16], Verdict, Verdict); 4] = [
    // Statuses, with more candidates, with none.
    (&[200, 201, 204, 400, 404, 405, 410, 413, 415, 422, 431, 451], Use, Use),
    (&[408, 409, 429, 500, 502, 503, 504, 529, 599], Next, Use),
    (&[401, 402, 403], Next, Verdict::GiveUp(GiveUp::Credential)),
    (&[300, 301, 302, 304, 307, 308], Next, Verdict::GiveUp(GiveUp::Redirect)),
];

#[test]
fn statuses() {
    for (statuses, with_more, with_none) in TABLE {
        for status in statuses {
            let status = StatusCode::from_u16(*status).unwrap();
            assert_eq!(judge(Ok(status), true), with_more, "{status} with more");
            assert_eq!(judge(Ok(status), false), with_none, "{status} with none");
        }
    }
}

#[test]
fn every_failure_leads_on_while_there_is_somewhere_to_go() {
    let failures =
        [Failure::Unreachable, Failure::Timeout, Failure::Broken, Failure::Malformed, Failure::Unsendable];
    for failure in failures {
        assert_eq!(judge(Err(failure), true), Next);
        assert_eq!(judge(Err(failure), false), Verdict::GiveUp(GiveUp::Failed(failure)));
    }
}
