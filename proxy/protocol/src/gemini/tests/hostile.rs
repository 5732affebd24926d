//! Input that nobody sends in good faith.

use crate::codec::ProviderCodec as _;
use proptest::prelude::*;

use super::*;
use crate::error::ErrorHead;

/// Pieces that JSON of Gemini is made of, in any order.
fn soup() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "null",
        "true",
        "1",
        "-1",
        "1e999",
        "\"\"",
        "\"a\"",
        "\"\\ud800\"",
        "\"contents\"",
        "\"parts\"",
        "\"text\"",
        "\"function_call\"",
        "\"functionCall\"",
        "\"name\"",
        "\"args\"",
        "\"partialArgs\"",
        "\"jsonPath\"",
        "\"$.a[0]\"",
        "\"stringValue\"",
        "\"willContinue\"",
        "\"candidates\"",
        "\"content\"",
        "\"generationConfig\"",
        "\"tools\"",
        "\"thoughtSignature\"",
        "\"xp1.a.b\"",
        "\"eHAxLmEuYg==\"",
        "\"error\"",
        "\"usageMetadata\"",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// A recorded shape with one piece of it replaced.
fn bent() -> impl Strategy<Value = String> {
    let whole = r#"{"contents":[{"role":"model","parts":[{"text":"a","thought":true,"thoughtSignature":"s"},{"functionCall":{"name":"f","args":{"a":[1]},"id":"i"}},{"inlineData":{"mimeType":"image/png","data":"aGk="}}]},{"role":"user","parts":[{"functionResponse":{"name":"f","response":{"output":"x"}}}]}],"tools":[{"functionDeclarations":[{"name":"f","parameters":{"type":"OBJECT","properties":{"a":{"type":"STRING","nullable":true}}}}]}],"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["f"]}},"generationConfig":{"temperature":1,"stopSequences":["x"],"responseMimeType":"application/json","responseSchema":{"type":"ARRAY","items":{}},"thinkingConfig":{"thinkingBudget":5}},"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","partialArgs":[{"jsonPath":"$.a","stringValue":"x"}],"willContinue":true}}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1}}"#;
    let with = prop::sample::select(vec!["", "null", "0", "\"\"", "[]", "{}", "\u{e9}", "\\", "}"]);
    (0..whole.len(), 0..12usize, with).prop_map(move |(at, cut, with)| {
        let end = (at + cut).min(whole.len());
        format!("{}{with}{}", &whole[..at], &whole[end..])
    })
}

fn take(text: &str) {
    let bytes = text.as_bytes();
    let url = UrlFacts { model: Some("m"), stream: None };
    if let Ok(request) = Gemini.decode_request(bytes, url) {
        // What could be read can be written, to Gemini and to others.
        encode(&request, GEMINI_3, false, RouteOptions::default(), &NoStates).unwrap();
        let target = Target {
            model: "gpt-4o",
            capabilities: Capabilities::of("gpt-4o"),
            options: RouteOptions::default(),
            states: &NoStates,
        };
        let _ = OpenAiChat.encode_request(&request, &target, &mut Notes::default());
    }
    let exchange = Exchange { json_tool: true, ..Exchange::default() };
    if let Ok(response) = Gemini.decode_response(bytes, &exchange) {
        Gemini.encode_response(&response, &mut reply(&Gemini), &mut Notes::default());
        OpenAiChat.encode_response(&response, &mut reply(&OpenAiChat), &mut Notes::default());
    }
    Gemini.decode_error(ErrorHead { status: 400, ..ErrorHead::default() }, bytes);
    let _ = Gemini.client_counter().unwrap().decode_request(bytes, url);
    let _ = Gemini.model_list().decode(bytes);
    for framing in [Framing::Sse, Framing::JsonArray] {
        let stream = format!("data: {text}\n\n{text}");
        let written = translate(&Gemini, &stream, framing, exchange.clone(), &Gemini, reply(&Gemini));
        assert!(written.len() < 4096 + 64 * stream.len(), "{} bytes of {}", written.len(), stream.len());
    }
}

proptest! {
    #[test]
    fn no_soup_makes_a_decoder_panic(text in soup()) {
        take(&text);
    }

    #[test]
    fn no_bent_body_makes_a_decoder_panic(text in bent()) {
        take(&text);
    }

    #[test]
    fn no_text_makes_a_schema_panic(text in soup()) {
        let _ = crate::schema::to_openapi(&text);
        if let Ok(raw) = serde_json::from_str(&text) {
            crate::schema::from_openapi(raw);
        }
    }
}
