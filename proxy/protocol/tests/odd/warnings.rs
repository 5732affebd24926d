//! What an answer says and only its own protocol knows: told to clients of every other protocol, whole and streamed.

use super::*;

fn warned(notes: &Notes) -> String {
    notes.header().unwrap_or_default()
}

/// What is told of a whole answer.
fn whole(from: Protocol, to: Protocol, body: &Value) -> String {
    let mut reply = Reply::to(of(to), &Request::new(to, "".into()), 1, 7);
    let mut notes = Notes::default();
    of(to).encode_response(&answer(from, &body.to_string()).unwrap(), &mut reply, &mut notes);
    warned(&notes)
}

/// What is told of a stream.
fn streamed(from: Protocol, to: Protocol, events: &[Value]) -> String {
    let mut encoder = of(to).stream_encoder(Reply::to(of(to), &Request::new(to, "".into()), 1, 7));
    let mut out = Vec::new();
    let mut reader = StreamReader::new(Framing::Sse, of(from).stream_decoder(Exchange::default()));
    let mut sink = |event: Event<'_>| encoder.event(&event, &mut out);
    reader.push(sse(events).as_bytes(), &mut sink);
    reader.finish(&mut sink);
    warned(encoder.notes())
}

#[test]
fn what_only_one_protocol_says_is_told_to_all_others() {
    let citation = json!({"type": "char_location", "cited_text": "a", "document_index": 0, "start_char_index": 0, "end_char_index": 1});
    let grounding = json!({"webSearchQueries": ["a"]});
    let filter = json!({"hate": {"filtered": false, "severity": "safe"}});
    let file = json!({"type": "file_citation", "file_id": "f", "filename": "n", "index": 0});
    let message = json!({"type": "message", "id": "m", "role": "assistant", "status": "completed",
        "content": [{"type": "output_text", "text": "Hi", "annotations": [file]}]});
    let search = json!({"type": "web_search_call", "id": "w", "status": "completed"});
    for (from, body, events, expected) in [
        (
            MESSAGES,
            json!({"id": "a", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn", "stop_sequence": null,
                "content": [{"type": "text", "text": "Hi", "citations": [citation]}], "usage": {"input_tokens": 1, "output_tokens": 1}}),
            vec![
                json!({"type": "message_start", "message": {"id": "a", "usage": {"input_tokens": 1, "output_tokens": 1}}}),
                json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "", "citations": []}}),
                json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}}),
                json!({"type": "content_block_delta", "index": 0, "delta": {"type": "citations_delta", "citation": citation}}),
                json!({"type": "content_block_stop", "index": 0}),
                json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1},
                    "context_management": {"applied_edits": []}}),
                json!({"type": "message_stop"}),
            ],
            "annotations_dropped",
        ),
        (
            GEMINI,
            json!({"candidates": [{"content": {"role": "model", "parts": [{"text": "Hi"}]}, "finishReason": "STOP", "groundingMetadata": grounding}]}),
            vec![
                json!({"candidates": [{"content": {"role": "model", "parts": [{"text": "Hi"}]}, "safetyRatings": []}]}),
                json!({"candidates": [{"content": {"role": "model", "parts": [{"text": ""}]}, "finishReason": "STOP", "groundingMetadata": grounding}]}),
            ],
            "annotations_dropped",
        ),
        (
            CHAT,
            json!({"id": "a", "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop", "content_filter_results": filter}]}),
            vec![
                json!({"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": null, "content_filter_results": {}}]}),
                json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "content_filter_results": filter}]}),
            ],
            "content_filter_results_dropped",
        ),
        (
            RESPONSES,
            json!({"id": "a", "object": "response", "status": "completed", "output": [search, message]}),
            vec![
                json!({"type": "response.output_item.added", "output_index": 0, "item": search}),
                json!({"type": "response.output_item.done", "output_index": 0, "item": search}),
                json!({"type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": "Hi"}),
                json!({"type": "response.output_text.annotation.added", "output_index": 1, "content_index": 0, "annotation": file}),
                json!({"type": "response.output_item.done", "output_index": 1, "item": message}),
                json!({"type": "response.completed", "response": {"status": "completed", "output": [search, message]}}),
            ],
            "annotations_dropped, output_block_dropped",
        ),
    ] {
        for to in [CHAT, RESPONSES, MESSAGES, GEMINI].into_iter().filter(|to| *to != from) {
            let pair = format!("{} to {}", from.name(), to.name());
            assert_eq!(whole(from, to, &body), expected, "{pair}, whole");
            assert_eq!(streamed(from, to, &events), expected, "{pair}, streamed");
        }
    }
}

#[test]
fn log_probabilities_are_told_of_where_there_is_no_place_for_them() {
    let tokens = json!([{"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": []}]);
    let part = json!({"type": "output_text", "text": "Hi", "annotations": [], "logprobs": tokens});
    let responses = json!({"id": "a", "object": "response", "status": "completed", "output": [
        {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [part]}]});
    let chat = json!({"id": "a", "choices": [{"index": 0, "finish_reason": "stop",
        "message": {"role": "assistant", "content": "Hi"}, "logprobs": {"content": tokens, "refusal": null}}]});
    let token = json!({"token": "Hi", "logProbability": -0.5});
    let gemini = json!({"candidates": [{"content": {"role": "model", "parts": [{"text": "Hi"}]}, "finishReason": "STOP",
        "logprobsResult": {"chosenCandidates": [token], "topCandidates": []}}]});
    let events = [
        json!({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "Hi", "logprobs": tokens}),
        json!({"type": "response.completed", "response": responses}),
    ];
    for to in [MESSAGES, COMPLETIONS] {
        for (from, body) in [(RESPONSES, &responses), (CHAT, &chat), (GEMINI, &gemini)] {
            assert_eq!(whole(from, to, body), "logprobs_dropped", "{} to {}", from.name(), to.name());
        }
        assert_eq!(streamed(RESPONSES, to, &events), "logprobs_dropped", "{}", to.name());
        assert_eq!(streamed(GEMINI, to, std::slice::from_ref(&gemini)), "logprobs_dropped", "{}", to.name());
    }
}
