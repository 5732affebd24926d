//! A request for embeddings, and the vectors.

use llm_protocol::embeddings::{Embedder, EmbeddingReply, Embeddings, Vector};
use llm_protocol::{ErrorHead, Notes};
use serde_json::{Value, json};

use super::answer::Request;
use super::difference::{same, same_text};
use super::{Case, Failure, answer, summary};

/// Checks both halves of a recording.
pub(crate) fn check(case: &Case, embedder: &dyn Embedder) -> Result<(), Failure> {
    let mut reply = EmbeddingReply { batch: true, ..EmbeddingReply::default() };
    if let Some(body) = &case.request {
        let asked = request(case, embedder, body);
        reply = asked.as_ref().map_or(reply, |(_, reply)| reply.clone());
        answer::forgive(case, asked.and_then(|(written, _)| same_request(case, body, &written)))?;
    }
    let Some(body) = &case.response else { return Err("there is no response".to_owned().into()) };
    if case.status() >= 400 {
        return Ok(error(case, embedder, body)?);
    }
    Ok(response(case, embedder, body, &reply)?)
}

fn request(case: &Case, embedder: &dyn Embedder, body: &[u8]) -> Result<(Vec<u8>, EmbeddingReply), Request> {
    let request = embedder
        .decode_request(body, answer::url(case))
        .map_err(|error| Request::Unread(format!("request: {error}")))?;
    let written = embedder
        .encode_request(&request, &request.model, &mut Notes::new(true))
        .map_err(|rejected| Request::Differs(format!("request: {rejected}")))?;
    Ok((written, EmbeddingReply::to(&request, 0)))
}

/// A request is written as it was; Gemini's for one text, as a batch of one that names the model.
fn same_request(case: &Case, body: &[u8], written: &[u8]) -> Result<(), Request> {
    let single = case.path().split('?').next().is_some_and(|path| path.ends_with(":embedContent"));
    if !single {
        return same_text("request", body, written).map_err(Request::Differs);
    }
    let parse = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap_or_default();
    let (mut recorded, mut written) = (parse(body), parse(written)["requests"][0].take());
    for side in [&mut recorded, &mut written] {
        side.as_object_mut().map(|members| members.remove("model"));
    }
    same("request", &recorded, &written).map_err(Request::Differs)
}

fn response(case: &Case, embedder: &dyn Embedder, body: &[u8], reply: &EmbeddingReply) -> Result<(), String> {
    let read = |body| embedder.decode_response(body).map_err(|error| format!("response: {error}"));
    let seen = read(body)?;
    for (key, value) in case.expect.iter().flat_map(Value::as_object).flatten() {
        same(key, value, &summary(&seen)[key])?;
    }
    let written = embedder.encode_response(&seen, reply, &mut Notes::default());
    let written = written.map_err(|error| format!("response: {error}"))?;
    let again = read(&written)?;
    let mut told = summary(&seen);
    if seen.input_tokens.is_none() && again.input_tokens.is_some() {
        // The protocol must tell a count: the estimate.
        let estimate = json!(reply.estimate);
        told["usage"] = json!({ "prompt_tokens": estimate, "total_tokens": estimate });
    }
    same("written again and read: ", &told, &summary(&again))
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
        summary::check_refusal(expect, &error)?;
    }
    let written = embedder.encode_error(&error);
    answer::written_error(case, body, &error, written, |head, body| embedder.decode_error(head, body))
}
