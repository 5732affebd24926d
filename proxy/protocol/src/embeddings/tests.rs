use serde_json::{Value, json};

use super::*;

fn embed(
    body: &Value,
    from: &dyn Embedder,
    to: &dyn Embedder,
    strict: bool,
) -> Result<(Value, String), Rejected> {
    embed_by(body, from, to, "real", strict)
}

fn embed_by(
    body: &Value,
    from: &dyn Embedder,
    to: &dyn ProviderEmbedder,
    model: &str,
    strict: bool,
) -> Result<(Value, String), Rejected> {
    let text = body.to_string();
    let url = UrlFacts { model: Some("alias"), stream: None };
    let request = from.decode_request(text.as_bytes(), url).unwrap();
    let mut notes = Notes::new(strict);
    let written = to.encode_request(&request, model, &mut notes)?;
    Ok((serde_json::from_slice(&written).unwrap(), notes.header().unwrap_or_default()))
}

#[test]
fn texts_become_requests_of_a_batch() {
    let one = |text: &str| json!({"model": "models/real", "content": {"parts": [{"text": text}]}, "outputDimensionality": 8});
    for (input, requests) in
        [(json!("a"), json!([one("a")])), (json!(["a", "b"]), json!([one("a"), one("b")]))]
    {
        let body =
            json!({"model": "m", "input": input, "dimensions": 8, "encoding_format": "base64", "user": "u"});
        let (written, warnings) = embed(&body, &OpenAi, &Gemini, false).unwrap();
        assert_eq!((written, warnings.as_str()), (json!({"requests": requests}), "user_dropped"));
        assert!(embed(&body, &OpenAi, &Gemini, true).is_err());
    }
    for (body, path) in [
        (json!({"model": "m", "input": [1, 2]}), "input"),
        (json!({"model": "m", "input": [[1], [2]]}), "input"),
        (json!({"model": "m", "input": "a", "encoding_format": "odd"}), "encoding_format"),
    ] {
        assert_eq!(embed(&body, &OpenAi, &Gemini, false).unwrap_err().path, path);
        let mut own = body.clone();
        own["model"] = json!("real");
        assert_eq!(embed(&body, &OpenAi, &OpenAi, true).unwrap().0, own);
    }
}

#[test]
fn requests_of_a_batch_become_texts() {
    let content = |text: &str| json!({"parts": [{"text": text}]});
    let batch = json!({"requests": [
        {"model": "models/alias", "content": content("a"), "output_dimensionality": 8, "taskType": "X"},
        {"content": {"parts": [{"text": "b"}, {"text": "c"}]}, "outputDimensionality": 8},
    ]});
    let (written, warnings) = embed(&batch, &Gemini, &OpenAi, false).unwrap();
    assert_eq!(
        written,
        json!({"model": "real", "input": ["a", "bc"], "dimensions": 8, "encoding_format": "float"})
    );
    assert_eq!(warnings, "task_type_dropped");
    let mut own = batch.clone();
    own["requests"][0]["model"] = json!("models/real");
    own["requests"][1]["model"] = json!("models/real");
    assert_eq!(embed(&batch, &Gemini, &Gemini, true).unwrap().0, own);
    let single = json!({"content": content("a")});
    assert_eq!(embed(&single, &Gemini, &OpenAi, true).unwrap().0["input"], json!(["a"]));
    let picture = json!({"content": {"parts": [{"inlineData": {}}]}});
    assert_eq!(embed(&picture, &Gemini, &OpenAi, false).unwrap_err().path, "requests[0].content");
    let uneven = json!({"requests": [{"content": content("a"), "outputDimensionality": 8}, {"content": content("b")}]});
    assert_eq!(embed(&uneven, &Gemini, &OpenAi, false).unwrap_err().path, "requests.outputDimensionality");
}

#[test]
fn vertex_predicts_or_embeds_a_batch_by_the_model() {
    let (old, new) = ("text-embedding-005", "gemini-embedding-001");
    let texts = json!({"model": "m", "input": ["a", "b"], "dimensions": 8, "user": "u"});
    let (written, warnings) = embed_by(&texts, &OpenAi, &Vertex, old, false).unwrap();
    let expected =
        json!({"instances": [{"content": "a"}, {"content": "b"}], "parameters": {"outputDimensionality": 8}});
    assert_eq!((written, warnings.as_str()), (expected, "user_dropped"));
    let one = |text: &str| json!({"content": {"parts": [{"text": text}]}, "embedContentConfig": {"outputDimensionality": 8}});
    let (written, _) = embed_by(&texts, &OpenAi, &Vertex, new, false).unwrap();
    assert_eq!(written, json!({"requests": [one("a"), one("b")]}));
    assert!(embed_by(&texts, &OpenAi, &Vertex, old, true).is_err());
    let plain = json!({"model": "m", "input": "a"});
    assert_eq!(
        embed_by(&plain, &OpenAi, &Vertex, old, true).unwrap().0,
        json!({"instances": [{"content": "a"}]})
    );
    for model in [old, new] {
        let tokens = json!({"model": "m", "input": [1, 2]});
        assert_eq!(embed_by(&tokens, &OpenAi, &Vertex, model, false).unwrap_err().path, "input");
    }
    assert_eq!(Vertex.path(old), "/v1beta/models/text-embedding-005:predict");
    assert_eq!(Vertex.path(new), "/v1beta/models/gemini-embedding-001:batchEmbedContents");
}

#[test]
fn settings_of_gemini_clients_have_their_places_at_vertex() {
    let content = json!({"parts": [{"text": "a"}], "role": "user"});
    let batch = json!({"requests": [
        {"model": "models/x", "content": content, "task_type": "RETRIEVAL_DOCUMENT", "title": "t", "outputDimensionality": 8},
        {"content": content, "output_dimensionality": 8},
    ]});
    let (written, warnings) = embed_by(&batch, &Gemini, &Vertex, "text-embedding-005", true).unwrap();
    let first = json!({"content": "a", "task_type": "RETRIEVAL_DOCUMENT", "title": "t"});
    let expected = json!({"instances": [first, {"content": "a"}], "parameters": {"outputDimensionality": 8}});
    assert_eq!((written, warnings.as_str()), (expected, ""));
    let (written, _) = embed_by(&batch, &Gemini, &Vertex, "gemini-embedding-001", true).unwrap();
    let config = json!({"taskType": "RETRIEVAL_DOCUMENT", "title": "t", "outputDimensionality": 8});
    let first = json!({"content": content, "embedContentConfig": config});
    let second = json!({"content": content, "embedContentConfig": {"outputDimensionality": 8}});
    assert_eq!(written, json!({"requests": [first, second]}));
    // Of different lengths, and more than text: only where each has settings of its own.
    let picture = json!({"parts": [{"inlineData": {"mimeType": "image/png", "data": "AA=="}}]});
    let odd = json!({"requests": [{"content": picture, "outputDimensionality": 8}, {"content": content, "odd": 1}]});
    let (written, warnings) = embed_by(&odd, &Gemini, &Vertex, "gemini-embedding-2", false).unwrap();
    let first = json!({"content": picture, "embedContentConfig": {"outputDimensionality": 8}});
    assert_eq!(
        (written, warnings.as_str()),
        (json!({"requests": [first, {"content": content}]}), "odd_dropped")
    );
    let uneven = embed_by(&odd, &Gemini, &Vertex, "text-embedding-005", false).unwrap_err();
    assert_eq!(uneven.path, "requests.outputDimensionality");
    let single = json!({"content": picture});
    assert!(embed_by(&single, &Gemini, &Vertex, "text-embedding-005", false).is_err());
}

#[test]
fn answers_of_vertex_are_read_in_both_forms() {
    let predicted = r#"{"predictions":[{"embeddings":{"values":[0.5],"statistics":{"token_count":3.0,"truncated":false}}},
        {"embeddings":{"values":[1],"statistics":{"token_count":4}}}],"metadata":{"billableCharacterCount":9}}"#;
    let batch = r#"{"embeddings":[{"values":[0.5]},{"values":[1]}],"usageMetadata":{"promptTokenCount":7}}"#;
    for body in [predicted, batch] {
        let answer = Vertex.decode_response(body.as_bytes()).unwrap();
        assert_eq!((answer.vectors.len(), answer.input_tokens), (2, Some(7)), "{body}");
    }
    let untold = r#"{"predictions":[{"embeddings":{"values":[0.5]}}]}"#;
    assert_eq!(Vertex.decode_response(untold.as_bytes()).unwrap().input_tokens, None);
    for body in ["", "{}", r#"{"predictions":[{}]}"#, r#"{"predictions":7}"#] {
        assert!(Vertex.decode_response(body.as_bytes()).is_err(), "{body}");
    }
}

fn answer(
    body: &str,
    from: &dyn Embedder,
    to: &dyn Embedder,
    reply: &EmbeddingReply,
) -> Result<(Value, String), DecodeError> {
    let decoded = from.decode_response(body.as_bytes())?;
    let mut notes = Notes::default();
    let written = to.encode_response(&decoded, reply, &mut notes)?;
    Ok((serde_json::from_slice(&written).unwrap(), notes.header().unwrap_or_default()))
}

#[test]
fn vectors_change_their_form_and_come_back() {
    let body = r#"{"embeddings":[{"values":[0.5,-1.25]},{"values":[]}]}"#;
    let reply = EmbeddingReply { model: "alias".into(), base64: true, batch: true, inputs: 2, estimate: 9 };
    let (written, warnings) = answer(body, &Gemini, &OpenAi, &reply).unwrap();
    let entry = |index: u64, text: &str| json!({"object": "embedding", "index": index, "embedding": text});
    assert_eq!(
        written,
        json!({"object": "list", "data": [entry(0, "AAAAPwAAoL8="), entry(1, "")], "model": "alias",
            "usage": {"prompt_tokens": 9, "total_tokens": 9}})
    );
    assert_eq!(warnings, "usage_estimated");
    let (again, _) = answer(&written.to_string(), &OpenAi, &Gemini, &reply).unwrap();
    assert_eq!(again["embeddings"], json!([{"values": [0.5, -1.25]}, {"values": []}]));
    assert_eq!(again["usageMetadata"]["promptTokenCount"], 9);
}

#[test]
fn one_vector_is_answered_as_it_was_asked_for() {
    let body = r#"{"data":[{"index":0,"embedding":[1.0]}],"model":"m","usage":{"prompt_tokens":2}}"#;
    for (batch, key) in [(false, "embedding"), (true, "embeddings")] {
        let reply = EmbeddingReply { batch, inputs: 1, ..EmbeddingReply::default() };
        let (written, _) = answer(body, &OpenAi, &Gemini, &reply).unwrap();
        assert!(written.get(key).is_some(), "{written}");
    }
    let reply = EmbeddingReply { inputs: 1, ..EmbeddingReply::default() };
    let (written, _) = answer(r#"{"embedding":{"values":[1]}}"#, &Gemini, &OpenAi, &reply).unwrap();
    assert_eq!(written["data"][0]["embedding"], json!([1]));
}

#[test]
fn what_is_no_answer_is_an_error_and_no_panic() {
    let reply = EmbeddingReply { inputs: 1, ..EmbeddingReply::default() };
    for body in ["", "{}", "[]", r#"{"data":[{}]}"#] {
        assert!(answer(body, &OpenAi, &OpenAi, &reply).is_err(), "{body}");
    }
    for text in ["\"AAA=\"", "\"!\"", "\"AADAfw==\""] {
        let body = format!(r#"{{"data":[{{"embedding":{text}}}]}}"#);
        assert!(answer(&body, &OpenAi, &Gemini, &reply).is_err(), "{body}");
    }
    for body in ["{}", r#"{"embeddings":[{}]}"#] {
        assert!(answer(body, &Gemini, &OpenAi, &reply).is_err(), "{body}");
    }
    // A vector in the place of another, or none in it.
    let two = EmbeddingReply { inputs: 2, batch: true, ..EmbeddingReply::default() };
    for body in [
        r#"{"data":[]}"#,
        r#"{"data":[{"index":1,"embedding":[1]}]}"#,
        r#"{"data":[{"index":0,"embedding":[1]}]}"#,
        r#"{"data":[{"index":1,"embedding":[1]},{"index":2,"embedding":[1]}]}"#,
    ] {
        assert!(answer(body, &OpenAi, &Gemini, &two).is_err(), "{body}");
    }
    assert!(answer(r#"{"embeddings":[{"values":[1]}]}"#, &Gemini, &OpenAi, &two).is_err());
    let turned = r#"{"data":[{"index":1,"embedding":[2]},{"index":0,"embedding":[1]}]}"#;
    let (written, _) = answer(turned, &OpenAi, &Gemini, &two).unwrap();
    assert_eq!(written["embeddings"], json!([{"values": [1]}, {"values": [2]}]));
}

#[test]
fn embedders_are_found_by_name_and_know_their_paths() {
    assert_eq!(embedder("gemini_embeddings").unwrap().path("m"), "/v1beta/models/m:batchEmbedContents");
    assert_eq!(embedder("openai_embeddings").unwrap().path("m"), "/v1/embeddings");
    assert!(embedder("anthropic").is_none());
}
