//! A request for embeddings, and the vectors.

use llm_protocol::embeddings::{Embedder, EmbeddingReply, Embeddings, Vector};
use llm_protocol::{ErrorHead, Notes};
use serde_json::{Value, json};

use super::difference::{same, same_text};
use super::{Case, Failure, answer, summary};

/// Checks both halves of a recording.
pub(crate) fn check(case: &Case, embedder: &dyn Embedder) -> Result<(), Failure> {
    let mut reply = EmbeddingReply { batch: true, ..EmbeddingReply::default() };
    if let Some(body) = &case.request {
        let request =
            embedder.decode_request(body, answer::url(case)).map_err(|error| format!("request: {error}"))?;
        let written = embedder
            .encode_request(&request, &request.model, &mut Notes::new(true))
            .map_err(|rejected| format!("request: {rejected}"))?;
        same_text("request", body, &written)?;
        reply = EmbeddingReply::to(&request, 0);
    }
    let Some(body) = &case.response else { return Err("there is no response".to_owned().into()) };
    if case.status() >= 400 {
        return Ok(error(case, embedder, body)?);
    }
    Ok(response(case, embedder, body, &reply)?)
}

fn response(case: &Case, embedder: &dyn Embedder, body: &[u8], reply: &EmbeddingReply) -> Result<(), String> {
    let read = |body| embedder.decode_response(body).map_err(|error| format!("response: {error}"));
    let seen = read(body)?;
    for (key, value) in case.expect.iter().flat_map(Value::as_object).flatten() {
        same(key, value, &summary(&seen)[key])?;
    }
    let written = embedder.encode_response(&seen, reply, &mut Notes::default());
    let written = written.map_err(|error| format!("response: {error}"))?;
    same("written again and read: ", &summary(&seen), &summary(&read(&written)?))
}

/// What an answer says, in the words of `expect.json`; and all of its numbers.
fn summary(answer: &Embeddings<'_>) -> Value {
    let form = |vector: &Vector<'_>| match vector {
        Vector::Numbers(raw) => ("float", raw.get().to_owned()),
        Vector::Base64(text) => ("base64", text.to_string()),
    };
    let forms: Vec<_> = answer.vectors.iter().map(form).collect();
    let numbers = forms.first().and_then(|(_, text)| serde_json::from_str::<Vec<f64>>(text).ok());
    let tokens = answer.input_tokens;
    json!({
        "vectors": forms.len(),
        "encoding": forms.first().map(|(form, _)| form),
        "dims": numbers.map(|numbers| numbers.len()),
        "usage": { "prompt_tokens": tokens, "total_tokens": tokens },
        "texts": forms,
    })
}

fn error(case: &Case, embedder: &dyn Embedder, body: &[u8]) -> Result<(), String> {
    let error = embedder.decode_error(ErrorHead { status: case.status(), ..ErrorHead::default() }, body);
    if let Some(expect) = &case.expect {
        summary::check_error(&expect["error"], Some(&error))?;
    }
    let (status, written) = embedder.encode_error(&error);
    same("status", &json!(case.status()), &json!(status))?;
    same_text("error", body, &written)
}
