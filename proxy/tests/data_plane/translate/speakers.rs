//! The protocols, as clients speak them and as providers answer from recordings.

use super::said::{self, Said};
use crate::support::fake::{Body, sse_of};
use crate::support::{Client, Fake, KEY, Proxy, Seen, json, model, post, provider};
use http::Response;
use llm_snapshot::provider::{Auth, Protocol, Provider, Upstream};
use serde_json::{Value, json as value};

/// A protocol in tests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Speaker {
    Chat,
    Messages,
    Gemini,
    Responses,
}

pub(super) const SPEAKERS: [Speaker; 4] =
    [Speaker::Chat, Speaker::Messages, Speaker::Gemini, Speaker::Responses];

/// Every pair of a client and a provider that speaks something else.
pub(super) fn pairs() -> impl Iterator<Item = (Speaker, Speaker)> {
    SPEAKERS
        .into_iter()
        .flat_map(|client| SPEAKERS.map(|provider| (client, provider)))
        .filter(|(client, provider)| client != provider)
}

/// A file of a recording.
pub(super) fn recorded(folder: &str, case: &str, file: &str) -> Option<String> {
    let path = format!("{}/protocol/fixtures/{folder}/{case}/{file}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).ok()
}

impl Speaker {
    pub(super) fn folder(self) -> &'static str {
        match self {
            Self::Chat => "openai_chat",
            Self::Messages => "anthropic_messages",
            Self::Gemini => "gemini_generate",
            Self::Responses => "openai_responses",
        }
    }

    /// What the recording says, by its own account of it.
    pub(super) fn expected(self, case: &str) -> Value {
        serde_json::from_str(&recorded(self.folder(), case, "expect.json").unwrap()).unwrap()
    }

    /// The provider's answer in a recording.
    pub(super) fn answer(self, case: &str, status: u16) -> Response<Body> {
        match recorded(self.folder(), case, "response.sse") {
            Some(stream) => sse_of(&[&stream]),
            None => json(status, recorded(self.folder(), case, "response.json").unwrap()),
        }
    }

    /// A provider that always answers from one recording.
    pub(super) async fn fake(self, case: &'static str, status: u16) -> Fake {
        Fake::start(move |_| async move { self.answer(case, status) }).await
    }

    /// That provider, which calls the model `m` by a name of its own.
    pub(super) fn provider(self, name: &str, fake: &Fake) -> Provider {
        let mut made = provider(name, &fake.url());
        made.models = vec![model("m", self.upstream_model())];
        let (protocol, auth) = match self {
            Self::Chat => (Protocol::ChatCompletions, Auth::Bearer),
            Self::Messages => (Protocol::Messages, Auth::XApiKey),
            Self::Gemini => (Protocol::GenerateContent, Auth::XGoogApiKey),
            Self::Responses => (Protocol::Responses, Auth::Bearer),
        };
        made.protocols = [protocol].into();
        if let Upstream::Http(http) = &mut made.upstream {
            http.auth = auth;
        }
        made
    }

    fn upstream_model(self) -> &'static str {
        match self {
            Self::Chat | Self::Responses => "gpt-4o",
            Self::Messages => "claude-sonnet-4-5",
            Self::Gemini => "gemini-2.5-flash",
        }
    }

    /// A request of the client for the model `m`: system text, a question, and a tool it may call.
    pub(super) fn question(self, stream: bool) -> (String, Value) {
        let schema = value!({"type": "object", "properties": {"password": {"type": "string"}}});
        let (name, about) = ("secret_retrieval_tool", "Tells the secret.");
        match self {
            Self::Chat => {
                let mut body = value!({"model": "m", "messages": [
                    {"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is it?"}],
                    "tools": [{"type": "function",
                        "function": {"name": name, "description": about, "parameters": schema}}]});
                if stream {
                    body["stream"] = true.into();
                    body["stream_options"] = value!({"include_usage": true});
                }
                ("/v1/chat/completions".to_owned(), body)
            }
            Self::Messages => {
                let body = value!({"model": "m", "max_tokens": 1000, "stream": stream, "system": "Be brief.",
                    "messages": [{"role": "user", "content": "What is it?"}],
                    "tools": [{"name": name, "description": about, "input_schema": schema}]});
                ("/v1/messages".to_owned(), body)
            }
            Self::Gemini => {
                let method = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
                let body = value!({"systemInstruction": {"parts": [{"text": "Be brief."}]},
                    "contents": [{"role": "user", "parts": [{"text": "What is it?"}]}],
                    "tools": [{"functionDeclarations":
                        [{"name": name, "description": about, "parametersJsonSchema": schema}]}]});
                (format!("/v1beta/models/m:{method}"), body)
            }
            Self::Responses => {
                let body = value!({"model": "m", "instructions": "Be brief.", "input": "What is it?",
                    "stream": stream, "tools": [{"type": "function", "name": name, "description": about,
                        "parameters": schema, "strict": false}]});
                ("/v1/responses".to_owned(), body)
            }
        }
    }

    /// The request with the client's key where its SDK puts it.
    pub(super) fn request(self, path: &str, body: &Value) -> http::request::Builder {
        let request = post(path, body.to_string());
        match self {
            Self::Chat | Self::Responses => request.header("authorization", format!("Bearer {KEY}")),
            Self::Messages => request.header("x-api-key", KEY).header("anthropic-version", "2023-06-01"),
            Self::Gemini => request.header("x-goog-api-key", KEY),
        }
    }

    /// Asks the proxy the question.
    pub(super) async fn ask(self, proxy: &Proxy, stream: bool) -> crate::support::Answer {
        let (path, body) = self.question(stream);
        Client::connect(proxy.address).await.send(self.request(&path, &body)).await
    }

    /// What an answer says to the client.
    pub(super) fn said(self, answer: &str, stream: bool) -> Said {
        if stream {
            return match self {
                Self::Chat => said::chat_stream(answer),
                Self::Messages => said::messages_stream(answer),
                Self::Gemini => said::gemini_stream(answer),
                Self::Responses => said::responses_stream(answer),
            };
        }
        let answer = serde_json::from_str(answer).unwrap_or_else(|_| panic!("{answer}"));
        match self {
            Self::Chat => said::chat(&answer),
            Self::Messages => said::messages(&answer),
            Self::Gemini => said::gemini(&answer),
            Self::Responses => said::responses(&answer),
        }
    }

    /// The client's word for why an answer ended.
    pub(super) fn word(self, finish: &str) -> &'static str {
        match (self, finish) {
            (Self::Chat, "stop") => "stop",
            (Self::Chat, "tool_use") => "tool_calls",
            (Self::Chat, "length") => "length",
            (Self::Messages, "stop") => "end_turn",
            (Self::Messages, "tool_use") => "tool_use",
            (Self::Messages, "length") => "max_tokens",
            (Self::Gemini, "length") => "MAX_TOKENS",
            (Self::Gemini, _) => "STOP",
            (Self::Responses, "length") => "max_output_tokens",
            (Self::Responses, _) => "completed",
            _ => panic!("no word for {finish}"),
        }
    }

    /// Asserts that the provider got the question, by the shapes of its own protocol.
    pub(super) fn got_the_question(self, seen: &Seen, stream: bool) {
        let body = seen.json();
        let (path, key, texts) = match self {
            Self::Chat => {
                assert_eq!((&body["model"], body["stream"] == true), (&"gpt-4o".into(), stream), "{body}");
                assert_eq!(body["tools"][0]["function"]["name"], "secret_retrieval_tool", "{body}");
                let texts = [&body["messages"][0]["content"], &body["messages"][1]["content"]];
                ("/v1/chat/completions", ("authorization", "Bearer "), texts)
            }
            Self::Messages => {
                assert_eq!(body["model"], "claude-sonnet-4-5", "{body}");
                assert!(
                    body["max_tokens"].as_u64().unwrap() > 0
                        && seen.header("anthropic-version") == "2023-06-01"
                );
                assert_eq!(body["tools"][0]["name"], "secret_retrieval_tool", "{body}");
                ("/v1/messages", ("x-api-key", ""), [&body["system"], &body["messages"][0]["content"]])
            }
            Self::Responses => {
                assert_eq!((&body["model"], body["stream"] == true), (&"gpt-4o".into(), stream), "{body}");
                assert_eq!(body["tools"][0]["name"], "secret_retrieval_tool", "{body}");
                assert!(body["store"] != true, "{body}");
                ("/v1/responses", ("authorization", "Bearer "), [&body["instructions"], &body["input"]])
            }
            Self::Gemini => {
                let tool = &body["tools"][0]["functionDeclarations"][0];
                assert_eq!(tool["name"], "secret_retrieval_tool", "{body}");
                let path = match stream {
                    true => "/v1/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
                    false => "/v1/models/gemini-2.5-flash:generateContent",
                };
                (path, ("x-goog-api-key", ""), [&body["systemInstruction"], &body["contents"][0]])
            }
        };
        assert_eq!(seen.path, path);
        assert!(
            texts[0].to_string().contains("Be brief.") && texts[1].to_string().contains("What is it?"),
            "{body}"
        );
        let (header, scheme) = key;
        assert!(
            seen.header(header).starts_with(scheme) && seen.header(header).ends_with("-credential"),
            "{seen:?}"
        );
        for other in ["authorization", "x-api-key", "x-goog-api-key"].iter().filter(|name| **name != header) {
            assert_eq!(seen.header(other), "", "{other} of the client went to the provider");
        }
    }
}
