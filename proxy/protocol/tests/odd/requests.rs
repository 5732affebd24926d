//! Requests written back as they were, whatever they hold.

use super::*;

fn same(protocol: Protocol, bodies: &[&str]) {
    for body in bodies {
        let expected: Value = serde_json::from_str(body).unwrap();
        assert_eq!(request_again(protocol, body).unwrap(), expected, "{body}");
    }
}

#[test]
fn tools_stay_beside_the_deprecated_functions() {
    let body = r#"{"model":"m","messages":[],"tools":[{"type":"function","function":{"name":"a"}},{"type":"custom","custom":{"name":"b"}}],"functions":[{"name":"c","parameters":{}}]}"#;
    same(CHAT, &[body]);
    let tools = &request_to(CHAT, RESPONSES, body).unwrap()["tools"];
    assert_eq!([&tools[0]["name"], &tools[1]["name"], &tools[2]["name"]], ["a", "b", "c"]);
}

#[test]
fn tools_of_a_kind_not_known_keep_their_function() {
    same(
        CHAT,
        &[
            r#"{"model":"m","messages":[],"tools":[{"type":"builtin_function","function":{"name":"$web_search","strict":true,"x":1}}]}"#,
            r#"{"model":"m","messages":[],"tools":[{"function":{"name":"a"}},{"type":"function","function":{"description":"no name"}},{"type":"function","custom":{"name":"odd"}},{}]}"#,
        ],
    );
}

#[test]
fn an_image_may_be_its_url_alone() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":"https://x/y.png"},{"type":"image_url","image_url":"data:image/png;base64,AA=="},{"type":"image_url","image_url":{"detail":"low"}}]}]}"#;
    same(CHAT, &[body]);
    let one = r#"{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":"https://x/y.png"}]}]}"#;
    let message = &request_to(CHAT, MESSAGES, one).unwrap()["messages"][0];
    assert_eq!(message["content"][0]["source"], json!({"type": "url", "url": "https://x/y.png"}));
}

#[test]
fn parts_that_are_not_as_their_type_should_be_lose_nothing() {
    same(
        CHAT,
        &[
            r#"{"model":"m","messages":[{"role":"user","content":[{"type":"new","text":"t","refusal":"r","image_url":{"url":"u","detail":"low","x":1},"input_audio":{"data":"d","format":"wav"},"file":{"filename":"f","x":1}},{"type":"file","file":{"filename":"f"}},{"type":""},{"type":"text"},{"image_url":"u"}]}]}"#,
            r#"{"model":"m","messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"format":"x-wav"}},{"type":"file","file":{"file_data":"data:a/b;base64,QQ==","file_id":"f"}}]}]}"#,
        ],
    );
}

#[test]
fn calls_without_ids_names_or_arguments_stay_without() {
    same(
        CHAT,
        &[
            r#"{"model":"m","messages":[{"role":"assistant","tool_calls":[{"id":"","type":"function","function":{"name":"f","arguments":""}},{"id":null,"function":{"name":"f"}},{"function":{}},{"type":"function"},{}]},{"role":"tool","tool_call_id":"","content":"r"}]}"#,
            r#"{"model":"m","messages":[{"role":"assistant","function_call":{"name":"f","arguments":""}},{"role":"assistant","function_call":{}},{"role":"model","content":"x"}]}"#,
        ],
    );
    same(
        MESSAGES,
        &[
            r#"{"model":"m","messages":[{"role":"assistant","content":[{"type":"tool_use","id":"","name":"","input":{}},{"type":"tool_use","input":{}},{"type":""}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":""},{"type":"tool_result"}]}],"tools":[{"name":""},{"input_schema":{}}]}"#,
        ],
    );
    same(
        GEMINI,
        &[
            r#"{"contents":[{"role":"model","parts":[{"functionCall":{"name":"","id":""}},{"functionCall":{"name":"f"}}]},{"role":"user","parts":[{"functionResponse":{"response":{"a":1}}},{"functionResponse":{"name":"","id":"","response":{}}},{"inlineData":{"mimeType":"a/b","data":""}},{"fileData":{"fileUri":""}}]}]}"#,
        ],
    );
}

#[test]
fn counts_keep_their_spelling() {
    same(CHAT, &[r#"{"model":"m","messages":[],"n":1.0,"top_logprobs":5.0,"logprobs":true}"#]);
    let body = r#"{"model":"m","messages":[],"n":2.0}"#;
    assert_eq!(request_to(CHAT, MESSAGES, body).unwrap_err(), "n");
}

#[test]
fn forms_of_answers_that_only_compatible_servers_know_stay_there() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":"x"}],"response_format":{"type":"grammar","grammar":"root ::= x"}}"#;
    same(CHAT, &[body, r#"{"model":"m","messages":[],"response_format":{"type":"json_schema"}}"#]);
    assert_eq!(request_to(CHAT, RESPONSES, body).unwrap_err(), "response_format");
}

#[test]
fn a_reference_to_an_item_needs_no_type() {
    let body = r#"{"model":"m","input":[{"id":"rs_1"},{"role":"user","content":"x"}]}"#;
    same(RESPONSES, &[body]);
    assert!(request_to(RESPONSES, CHAT, body).unwrap_err().starts_with("input[0]"));
}

#[test]
fn types_that_are_wrong_in_a_request_are_still_refused() {
    for (protocol, body) in [
        (CHAT, r#"{"model":"m","messages":[{"role":7}]}"#),
        (CHAT, r#"{"model":"m","messages":[],"temperature":"hot"}"#),
        (RESPONSES, r#"{"model":"m","input":[{"type":"function_call","arguments":{}}]}"#),
        (MESSAGES, r#"{"model":"m","messages":[],"stream":"yes"}"#),
        (GEMINI, r#"{"contents":[{"parts":[{"text":1}]}]}"#),
    ] {
        assert!(request_again(protocol, body).is_err(), "{body}");
    }
    for (protocol, field, body) in [
        (CHAT, "max_tokens", r#"{"model":"m","messages":[],"max_tokens":-1}"#),
        (CHAT, "max_completion_tokens", r#"{"model":"m","messages":[],"max_completion_tokens":"5"}"#),
        (CHAT, "n", r#"{"model":"m","messages":[],"n":[2]}"#),
        (CHAT, "top_logprobs", r#"{"model":"m","messages":[],"top_logprobs":true}"#),
        (CHAT, "user", r#"{"model":"m","messages":[],"user":5}"#),
        (RESPONSES, "max_output_tokens", r#"{"model":"m","input":"x","max_output_tokens":1e30}"#),
        (MESSAGES, "max_tokens", r#"{"model":"m","messages":[],"max_tokens":-5}"#),
        (COMPLETIONS, "max_tokens", r#"{"model":"m","prompt":"x","max_tokens":"5"}"#),
        (
            GEMINI,
            "generationConfig.maxOutputTokens",
            r#"{"contents":[],"generationConfig":{"maxOutputTokens":-1}}"#,
        ),
    ] {
        let error = request_again(protocol, body).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{field}: ")), "{body}: {error}");
    }
    // Protobuf's JSON has numbers as strings.
    let spelled = r#"{"contents":[],"generationConfig":{"maxOutputTokens":"5"}}"#;
    assert_eq!(request_to(GEMINI, CHAT, spelled).unwrap()["max_completion_tokens"], 5);
}
