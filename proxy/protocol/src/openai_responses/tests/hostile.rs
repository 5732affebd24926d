//! Input that nobody sends on purpose.

use crate::codec::ProviderCodec as _;
use proptest::prelude::*;

use super::*;

/// JSON of the protocol's words in the wrong places.
fn json_of_words() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "message",
        "function_call",
        "reasoning",
        "custom_tool_call",
        "function_call_output",
        "output_text",
        "input_image",
        "user",
        "assistant",
        "completed",
        "failed",
        "data:image/png;base64,AA==",
        "xp1.gemini.x",
        "",
    ]);
    let key = prop::sample::select(vec![
        "type",
        "role",
        "content",
        "input",
        "output",
        "item",
        "response",
        "summary",
        "call_id",
        "name",
        "arguments",
        "text",
        "delta",
        "status",
        "error",
        "usage",
        "output_index",
        "tools",
        "format",
        "reasoning",
        "instructions",
        "model",
    ]);
    let leaf = prop_oneof![
        word.prop_map(Value::from),
        (0u64..4).prop_map(Value::from),
        Just(Value::Null),
        any::<bool>().prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..6).prop_map(|members| Value::Object(
                members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            )),
        ]
    })
}

proptest! {
    #[test]
    fn no_request_or_answer_makes_the_codec_panic(body in json_of_words()) {
        let body = if body.is_object() { with(json!({"model": "m"}), body) } else { body };
        let text = body.to_string();
        if let Ok(request) = OpenAiResponses.decode_request(text.as_bytes(), UrlFacts::default()) {
            let options = RouteOptions::default();
            for (to, model) in [(&OpenAiChat as &dyn Codec, PLAIN), (&OpenAiResponses, PLAIN), (&Anthropic, CLAUDE), (&Gemini, "gemini-3-flash")] {
                let target = Target { model, capabilities: Capabilities::of(model), options, states: &NoStates };
                if let Ok(written) = to.encode_request(&request, &target, &mut Notes::new(false)) {
                    prop_assert!(serde_json::from_slice::<Value>(&written.body).is_ok());
                }
            }
            let _ = Reply::to(&OpenAiResponses, &request, 0, 0);
        }
        if let Ok(response) = OpenAiResponses.decode_response(text.as_bytes(), &Exchange::default()) {
            for to in [&OpenAiChat as &dyn Codec, &OpenAiResponses, &Anthropic, &Gemini] {
                let body = to.encode_response(&response, &mut reply(to), &mut Notes::new(false));
                prop_assert!(serde_json::from_slice::<Value>(&body).is_ok());
            }
        }
    }

    #[test]
    fn no_events_make_the_codec_panic(
        stream in prop::collection::vec((0usize..12, json_of_words()), 0..12),
    ) {
        let kinds = ["response.created", "response.output_item.added", "response.output_text.delta", "response.output_text.done",
            "response.function_call_arguments.delta", "response.function_call_arguments.done", "response.reasoning_summary_text.delta",
            "response.refusal.delta", "response.output_item.done", "response.completed", "error", "response.failed"];
        let stream: Vec<Value> = stream.into_iter().map(|(kind, body)| {
            let body = if body.is_object() { body } else { json!({"item": body, "delta": "x"}) };
            with(body, json!({"type": kinds[kind]}))
        }).collect();
        for to in [&OpenAiChat as &dyn Codec, &OpenAiResponses, &Anthropic, &Gemini] {
            replay(&OpenAiResponses, to, &events(&stream));
        }
    }
}
