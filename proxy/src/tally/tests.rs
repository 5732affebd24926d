use super::*;
use crate::api::endpoint::Operation;
use bytes::Bytes;
use llm_snapshot::provider::Protocol;
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Instant;

const SOON: Duration = Duration::from_secs(20);

fn recording(case: &str, file: &str) -> Option<Bytes> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol/fixtures").join(case).join(file);
    std::fs::read(path).ok().map(Bytes::from)
}

fn prompt(tally: &Tally, client: Protocol, body: impl Into<Bytes>) -> Option<Arc<Prompt>> {
    Prompt::keep(tally, client, Operation::Answer, false, body.into()).map(Arc::new)
}

fn said(text: &str) -> Option<Said> {
    let mut heard = Heard::default();
    heard.text(text);
    Some(Said::Heard(heard))
}

/// What OpenAI's models with this vocabulary told of plain conversations, and of answers without reasoning. Responses
/// counts one more for the end of an answer in nearly all recordings.
#[test]
fn recordings_have_as_many_tokens_as_openai_told() {
    use Protocol::{ChatCompletions, Responses};
    for (client, case, input, output) in [
        (ChatCompletions, "openai_chat/text-basic", 16, 12),
        (ChatCompletions, "openai_chat/max-tokens", 14, 50),
        (ChatCompletions, "openai_chat/system-prompt", 24, 7),
        (ChatCompletions, "openai_chat/prompt-cache-turn1", 3659, 28),
        (ChatCompletions, "openai_chat/prompt-cache-turn2", 3663, 117),
        (ChatCompletions, "openai_chat/service-tier-default", 12, 12),
        (ChatCompletions, "openai_chat/user-field", 8, 9),
        (Responses, "openai_responses/text-basic", 16, 10),
        (Responses, "openai_responses/max-tokens", 14, 50),
        (Responses, "openai_responses/system-instructions", 24, 7),
        (Responses, "openai_responses/prompt-cache-turn1", 3659, 27),
        (Responses, "openai_responses/logprobs-include", 25, 9),
    ] {
        let request = recording(case, "request.json").unwrap();
        let response = recording(case, "response.json").unwrap();
        let all = response.len() as u64;
        let said = Some(Said::Answer { protocol: client, json: vec![response], all });
        let work = Work { prompt: prompt(&Tally::default(), client, request), said };
        let expected = Counted { input: Some(input), output: Some(output) };
        assert_eq!(work.counted(), expected, "{case}");
    }
}

#[test]
fn tools_schemas_media_and_results_are_read_too() {
    let tally = Tally::default();
    let count = |client, body: &str| prompt(&tally, client, body.to_owned()).unwrap().tokens();
    let chat = |more: &str| {
        let message = r#"{"role":"user","content":"hello world"}"#;
        count(Protocol::ChatCompletions, &format!(r#"{{"model":"m","messages":[{message}]{more}}}"#)).unwrap()
    };
    assert_eq!(chat(""), 2 + 4 + 3);
    let tool = r#","tools":[{"type":"function","function":{"name":"look","description":"hello","parameters":{"type":"object"}}}]"#;
    assert_eq!(chat(tool), chat("") + 1 + 1 + bpe::count(std::iter::once(r#"{"type":"object"}"#)));
    let schema =
        r#","response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}}"#;
    assert_eq!(chat(schema), chat("") + bpe::count(std::iter::once(r#"{"type":"object"}"#)));
    let image = r#"{"model":"m","messages":[{"role":"user","content":[
        {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}]}"#;
    assert_eq!(count(Protocol::ChatCompletions, image), Some(1500 + 4 + 3));
    let embed = |input: &str| count(Protocol::Embeddings, &format!(r#"{{"model":"m","input":{input}}}"#));
    assert_eq!(embed(r#"["hello world","hello"]"#), Some(3));
    assert_eq!(embed("[[1,2,3],[4]]"), Some(4));
    assert_eq!(
        (embed("7"), count(Protocol::ChatCompletions, "{"), count(Protocol::Images, "{}")),
        (None, None, None)
    );
}

#[tokio::test]
async fn what_is_waited_for_comes() {
    let tally = Tally::default();
    let work = Work {
        prompt: prompt(&tally, Protocol::Completions, r#"{"model":"m","prompt":"hello world"}"#),
        said: said("hello"),
    };
    let counted = tally.start(work).within(SOON).await;
    assert_eq!(counted, Some(Counted { input: Some(2), output: Some(1) }));
    assert_eq!(tally.0.kept.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test]
async fn nobody_waits_for_a_thread_that_is_busy() {
    let (tally, (begun, waits), (go, held)) = (Tally::default(), channel(), channel::<()>());
    tally.count(Work::default(), move |_| {
        begun.send(()).unwrap();
        held.recv().unwrap();
    });
    waits.recv_timeout(SOON).unwrap();
    let (told, when) = channel();
    for number in 0..QUEUE + 10 {
        let told = told.clone();
        tally.count(Work { prompt: None, said: said("hello") }, move |counted| {
            told.send((number, counted)).unwrap()
        });
    }
    // The last ones are told at once that nothing is counted.
    let refused: Vec<_> = when.try_iter().collect();
    assert_eq!(refused, (QUEUE..QUEUE + 10).map(|number| (number, None)).collect::<Vec<_>>());
    assert_eq!(tally.0.dropped.get(), 10);
    let began = Instant::now();
    assert_eq!(tally.start(Work::default()).within(Duration::from_millis(5)).await, None);
    assert!(began.elapsed() < SOON);
    go.send(()).unwrap();
    for number in 0..QUEUE {
        let counted = Counted { input: None, output: Some(1) };
        assert_eq!(when.recv_timeout(SOON).unwrap(), (number, Some(counted)));
    }
    tally.flush(SOON);
}

#[test]
fn a_panic_is_the_end_of_one_request_only() {
    let (tally, (told, when)) = (Tally::default(), channel());
    tally.count(Work::default(), |_| std::panic::resume_unwind(Box::new("one of many")));
    tally.count(Work { prompt: None, said: said("hello") }, move |counted| told.send(counted).unwrap());
    assert_eq!(when.recv_timeout(SOON).unwrap(), Some(Counted { input: None, output: Some(1) }));
}

#[test]
fn so_much_is_kept_and_no_more() {
    let tally = Tally::default();
    let large = Bytes::from(vec![b' '; 16 * 1024 * 1024]);
    let mut kept: Vec<_> = (0..5).map(|_| prompt(&tally, Protocol::ChatCompletions, large.clone())).collect();
    assert_eq!(kept.iter().map(Option::is_some).collect::<Vec<_>>(), [true, true, true, true, false]);
    assert_eq!(tally.0.dropped.get(), 1);
    kept.pop();
    kept.pop();
    assert!(prompt(&tally, Protocol::ChatCompletions, large).is_some());
}
