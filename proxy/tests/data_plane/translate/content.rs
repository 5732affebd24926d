//! Pictures, schemas, reasoning and results of tools, between every two protocols: what the provider is sent and what
//! the client hears, each read by the shapes of its own protocol and nothing else.

use super::said::events;
use super::speakers::{Speaker, pairs};
use crate::support::{Client, Proxy, model};
use serde_json::{Value, json as value};

const PICTURE: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// What a conversation is about.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Topic {
    Picture,
    Schema,
    Reasoning,
    Results,
}

fn data_url() -> String {
    format!("data:image/png;base64,{PICTURE}")
}

fn schema() -> Value {
    value!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
        "additionalProperties": false})
}

impl Speaker {
    /// What the client sends.
    fn asks(self, topic: Topic, stream: bool) -> (String, Value) {
        let (path, mut body) = self.question(stream);
        let said = match self {
            Self::Chat | Self::Messages => "messages",
            Self::Gemini => "contents",
            Self::Responses => "input",
        };
        if topic != Topic::Results {
            body.as_object_mut().unwrap().remove("tools");
        }
        match (topic, self) {
            (Topic::Picture, Self::Chat) => {
                body[said] = value!([{"role": "user", "content": [{"type": "text", "text": "What is it?"},
                    {"type": "image_url", "image_url": {"url": data_url()}}]}]);
            }
            (Topic::Picture, Self::Messages) => {
                body[said] = value!([{"role": "user", "content": [{"type": "text", "text": "What is it?"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}}]}]);
            }
            (Topic::Picture, Self::Gemini) => {
                body[said] = value!([{"role": "user", "parts": [{"text": "What is it?"},
                    {"inline_data": {"mime_type": "image/png", "data": PICTURE}}]}]);
            }
            (Topic::Picture, Self::Responses) => {
                body[said] = value!([{"role": "user", "content": [{"type": "input_text", "text": "What is it?"},
                    {"type": "input_image", "image_url": data_url()}]}]);
            }
            (Topic::Schema, Self::Chat) => {
                body["response_format"] = value!({"type": "json_schema",
                    "json_schema": {"name": "place", "schema": schema(), "strict": true}});
            }
            (Topic::Schema, Self::Messages) => {
                body["output_config"] = value!({"format": {"type": "json_schema", "schema": schema()}});
            }
            (Topic::Schema, Self::Gemini) => {
                body["generationConfig"] =
                    value!({"responseMimeType": "application/json", "responseJsonSchema": schema()});
            }
            (Topic::Schema, Self::Responses) => {
                body["text"] = value!({"format": {"type": "json_schema", "name": "place", "schema": schema(),
                    "strict": true}});
            }
            (Topic::Reasoning, Self::Chat) => body["reasoning_effort"] = "high".into(),
            (Topic::Reasoning, Self::Messages) => {
                body["max_tokens"] = 30_000.into();
                body["thinking"] = value!({"type": "enabled", "budget_tokens": 16_384});
            }
            (Topic::Reasoning, Self::Gemini) => {
                body["generationConfig"] =
                    value!({"thinkingConfig": {"thinkingBudget": 16_384, "includeThoughts": true}});
            }
            (Topic::Reasoning, Self::Responses) => {
                body["reasoning"] = value!({"effort": "high", "summary": "auto"});
            }
            (Topic::Results, Self::Chat) => {
                body[said] = value!([{"role": "user", "content": "What is it?"},
                    {"role": "assistant", "content": null, "tool_calls": [{"id": "call_1", "type": "function",
                        "function": {"name": "secret_retrieval_tool", "arguments": "{\"password\":\"p\"}"}}]},
                    {"role": "tool", "tool_call_id": "call_1", "content": "forty-two"}]);
            }
            (Topic::Results, Self::Messages) => {
                body[said] = value!([{"role": "user", "content": "What is it?"},
                    {"role": "assistant", "content": [{"type": "tool_use", "id": "call_1",
                        "name": "secret_retrieval_tool", "input": {"password": "p"}}]},
                    {"role": "user", "content":
                        [{"type": "tool_result", "tool_use_id": "call_1", "content": "forty-two"}]}]);
            }
            (Topic::Results, Self::Gemini) => {
                body[said] = value!([{"role": "user", "parts": [{"text": "What is it?"}]},
                    {"role": "model", "parts": [{"functionCall":
                        {"name": "secret_retrieval_tool", "args": {"password": "p"}}}]},
                    {"role": "user", "parts": [{"functionResponse":
                        {"name": "secret_retrieval_tool", "response": {"output": "forty-two"}}}]}]);
            }
            (Topic::Results, Self::Responses) => {
                body[said] = value!([{"role": "user", "content": "What is it?"},
                    {"type": "function_call", "call_id": "call_1", "name": "secret_retrieval_tool",
                        "arguments": "{\"password\":\"p\"}"},
                    {"type": "function_call_output", "call_id": "call_1", "output": "forty-two"}]);
            }
        }
        (path, body)
    }

    /// Where the provider finds what it was sent, and what it finds there.
    fn finds(self, topic: Topic) -> Vec<(&'static str, Value)> {
        let arguments = || value!({"password": "p"}).to_string();
        match (topic, self) {
            (Topic::Picture, Self::Chat) => vec![("/messages/1/content/1/image_url/url", data_url().into())],
            (Topic::Picture, Self::Messages) => vec![
                ("/messages/0/content/1/source/data", PICTURE.into()),
                ("/messages/0/content/1/source/media_type", "image/png".into()),
            ],
            (Topic::Picture, Self::Gemini) => vec![
                ("/contents/0/parts/1/inlineData/data", PICTURE.into()),
                ("/contents/0/parts/1/inlineData/mimeType", "image/png".into()),
            ],
            (Topic::Picture, Self::Responses) => vec![
                ("/input/0/content/1/type", "input_image".into()),
                ("/input/0/content/1/image_url", data_url().into()),
            ],
            (Topic::Schema, Self::Chat) => {
                vec![("/response_format/json_schema/schema/properties", schema()["properties"].clone())]
            }
            (Topic::Schema, Self::Messages) => vec![
                ("/output_config/format/type", "json_schema".into()),
                ("/output_config/format/schema/properties", schema()["properties"].clone()),
            ],
            (Topic::Schema, Self::Gemini) => vec![
                ("/generationConfig/responseMimeType", "application/json".into()),
                ("/generationConfig/responseJsonSchema/properties", schema()["properties"].clone()),
            ],
            (Topic::Schema, Self::Responses) => vec![
                ("/text/format/type", "json_schema".into()),
                ("/text/format/schema/properties", schema()["properties"].clone()),
            ],
            (Topic::Reasoning, Self::Chat) => vec![("/reasoning_effort", "high".into())],
            (Topic::Reasoning, Self::Messages) => {
                vec![("/thinking/type", "enabled".into()), ("/thinking/budget_tokens", 16_384.into())]
            }
            (Topic::Reasoning, Self::Gemini) => vec![
                ("/generationConfig/thinkingConfig/thinkingBudget", 16_384.into()),
                ("/generationConfig/thinkingConfig/includeThoughts", true.into()),
            ],
            (Topic::Reasoning, Self::Responses) => vec![("/reasoning/effort", "high".into())],
            (Topic::Results, Self::Chat) => vec![
                ("/messages/2/tool_calls/0/function/arguments", arguments().into()),
                ("/messages/3/role", "tool".into()),
                ("/messages/3/content", "forty-two".into()),
            ],
            (Topic::Results, Self::Messages) => vec![
                ("/messages/1/content/0/input", value!({"password": "p"})),
                ("/messages/2/content/0/type", "tool_result".into()),
                ("/messages/2/content/0/content", "forty-two".into()),
            ],
            (Topic::Results, Self::Gemini) => vec![
                ("/contents/1/parts/0/functionCall/args", value!({"password": "p"})),
                ("/contents/2/parts/0/functionResponse/response/output", "forty-two".into()),
            ],
            (Topic::Results, Self::Responses) => vec![
                ("/input/1/arguments", arguments().into()),
                ("/input/2/type", "function_call_output".into()),
                ("/input/2/output", "forty-two".into()),
            ],
        }
    }

    /// A model that can do what the topic asks for.
    fn able(self, topic: Topic) -> &'static str {
        match (self, topic) {
            (Self::Chat | Self::Responses, Topic::Reasoning) => "gpt-5.1",
            (Self::Chat | Self::Responses, _) => "gpt-4o",
            (Self::Messages, _) => "claude-sonnet-4-5",
            (Self::Gemini, _) => "gemini-2.5-flash",
        }
    }

    /// The recording that answers.
    fn answers(self, topic: Topic, stream: bool) -> &'static str {
        match (topic, self, stream) {
            (Topic::Picture | Topic::Results, _, false) => "text-basic",
            (Topic::Picture | Topic::Results, _, true) => "text-basic-stream",
            (Topic::Schema, _, false) => "structured-strict",
            (Topic::Schema, _, true) => "structured-strict-stream",
            (Topic::Reasoning, Self::Chat, false) => "reasoning-visible",
            (Topic::Reasoning, Self::Chat, true) => "reasoning-visible-stream",
            (Topic::Reasoning, Self::Messages, false) => "thinking-turn1",
            (Topic::Reasoning, Self::Messages, true) => "thinking-stream",
            (Topic::Reasoning, Self::Gemini, false) => "thinking",
            (Topic::Reasoning, Self::Gemini, true) => "thinking-stream",
            (Topic::Reasoning, Self::Responses, false) => "reasoning-summary-turn1",
            (Topic::Reasoning, Self::Responses, true) => "item-id-rotation-stream",
        }
    }

    /// The reasoning that the client is shown.
    fn thought(self, answer: &str, stream: bool) -> String {
        let parts = match stream {
            true => events(answer),
            false => vec![serde_json::from_str(answer).unwrap()],
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let each = |part: &Value| -> String {
            match (self, stream) {
                (Self::Chat, true) => text(&part["choices"][0]["delta"]["reasoning_content"]),
                (Self::Chat, false) => text(&part["choices"][0]["message"]["reasoning_content"]),
                (Self::Messages, true) => text(&part["delta"]["thinking"]),
                (Self::Messages, false) => {
                    list(&part["content"]).iter().map(|one| text(&one["thinking"])).collect()
                }
                (Self::Gemini, _) => list(&part["candidates"][0]["content"]["parts"])
                    .iter()
                    .filter(|one| one["thought"] == true)
                    .map(|one| text(&one["text"]))
                    .collect(),
                (Self::Responses, true) if part["type"] == "response.reasoning_summary_text.delta" => {
                    text(&part["delta"])
                }
                (Self::Responses, true) => String::new(),
                (Self::Responses, false) => list(&part["output"])
                    .iter()
                    .flat_map(|item| list(&item["summary"]))
                    .map(|one| text(&one["text"]))
                    .collect(),
            }
        };
        parts.iter().map(each).collect()
    }
}

async fn all(topic: Topic) {
    for ((client, speaker), stream) in pairs().flat_map(|pair| [(pair, false), (pair, true)]) {
        let what = format!("{client:?} of {speaker:?}, {topic:?}, {stream}");
        let case = speaker.answers(topic, stream);
        let fake = speaker.fake(case, 200).await;
        let mut provider = speaker.provider("a", &fake);
        provider.models = vec![model("m", speaker.able(topic))];
        provider.options.show_reasoning = true;
        let proxy = Proxy::serving(&[provider]).await;
        let (path, body) = client.asks(topic, stream);
        let answer = Client::connect(proxy.address).await.send(client.request(&path, &body)).await;
        assert_eq!(answer.status, 200, "{what}: {}", answer.text());
        let seen = fake.seen()[0].json();
        for (place, expected) in speaker.finds(topic) {
            assert_eq!(seen.pointer(place), Some(&expected), "{what}: {place} of {seen}");
        }
        let expected = speaker.expected(case);
        let said = client.said(&answer.text(), stream);
        assert_eq!(said.text, expected["text"].as_str().unwrap_or_default(), "{what}");
        let thought = expected["reasoning_text"].as_str().unwrap_or_default();
        assert_eq!(client.thought(&answer.text(), stream), thought, "{what}");
        assert_eq!(
            thought.is_empty(),
            topic != Topic::Reasoning,
            "{what}: the recording is of another topic"
        );
    }
}

#[tokio::test]
async fn pictures_reach_every_provider() {
    all(Topic::Picture).await;
}

#[tokio::test]
async fn schemas_reach_every_provider() {
    all(Topic::Schema).await;
}

#[tokio::test]
async fn reasoning_is_asked_for_and_shown() {
    all(Topic::Reasoning).await;
}

#[tokio::test]
async fn results_of_tools_reach_every_provider() {
    all(Topic::Results).await;
}
