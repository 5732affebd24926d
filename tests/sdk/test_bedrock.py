"""Bedrock, as AWS's own SDK sees it: what the recordings' fake answers is what that SDK reads, and what llm-proxy sends
is what it would have sent. The fake turns away everything else, so every test against Bedrock is one of that."""

import json
import urllib.parse
import urllib.request

import botocore
import botocore.config
import botocore.exceptions
import pytest

import aws
import converse
from conftest import PATIENCE
from providers import ACCESS_KEY, BEDROCK_KEY, BREAKS, KEY, REGION, ROOT, SECRETS, TYPES, expected, recorded

BEDROCKS = pytest.mark.parametrize("type", [type for type, kind in TYPES.items() if kind.spec["type"] == "Bedrock"])
STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
MESSAGES = [{"role": "user", "content": [{"text": "What are the secrets?"}]}]
# What the codec is expected to write, case by case; its own tests hold it to that.
WRITTEN = json.loads((ROOT / "proxy/protocol/src/bedrock_converse/tests/requests.json").read_text())


# What the fake answers, read by AWS's client


def awss_client(recordings, type, case):
    kind = TYPES[type]
    access_key = SECRETS[kind.secret[0]] if not kind.header else ACCESS_KEY
    client = aws.SESSION.create_client(
        "bedrock-runtime",
        region_name=REGION,
        endpoint_url=f"http://{recordings.address}/{type}/{case}",
        aws_access_key_id=access_key["accessKeyId"],
        aws_secret_access_key=access_key["secretAccessKey"],
        aws_session_token=access_key.get("sessionToken"),
        config=botocore.config.Config(
            retries={"total_max_attempts": 1}, signature_version=botocore.UNSIGNED if kind.header else None
        ),
    )
    if kind.header:
        # The client would send an API key over TLS only.
        client.meta.events.register("request-created", lambda request, **_: request.headers.add_header(*kind.header))
    return client


def assert_facts(said, calls, finish, usage, facts):
    """That an answer says what its recording says."""
    assert said == facts.get("text", "")
    wanted = [(call["id"], call["name"], call["arguments"]) for call in facts.get("tool_calls", [])]
    assert calls == wanted
    assert finish == converse.FINISHES[facts["finish"]]
    counts = facts["usage"]
    cached = usage["cacheReadInputTokens"] + usage["cacheWriteInputTokens"]
    assert (usage["inputTokens"] + cached, usage["outputTokens"]) == (counts["input_total"], counts["output_total"])


@BEDROCKS
@pytest.mark.parametrize("case", ["text-basic", "tools-parallel-turn1", "max-tokens", "structured-strict"])
def test_awss_client_reads_an_answer(recordings, type, case):
    client = awss_client(recordings, type, case)
    answer = client.converse(modelId=TYPES[type].upstream, messages=MESSAGES)
    content = answer["output"]["message"]["content"]
    calls = [block["toolUse"] for block in content if "toolUse" in block]
    calls = [(call["toolUseId"], call["name"], call["input"]) for call in calls]
    said = "".join(block.get("text", "") for block in content)
    assert_facts(said, calls, answer["stopReason"], answer["usage"], expected(type, case))


@BEDROCKS
@pytest.mark.parametrize("case", ["text-basic-stream", "tools-parallel-stream-turn1", "structured-strict-stream"])
def test_awss_client_reads_a_stream(recordings, type, case):
    client = awss_client(recordings, type, case)
    said, calls, finish, usage = "", {}, None, None
    for event in client.converse_stream(modelId=TYPES[type].upstream, messages=MESSAGES)["stream"]:
        [(name, payload)] = event.items()
        index = payload.get("contentBlockIndex")
        if name == "contentBlockStart":
            calls[index] = {**payload["start"]["toolUse"], "input": ""}
        elif name == "contentBlockDelta":
            said += payload["delta"].get("text", "")
            if "toolUse" in payload["delta"]:
                calls[index]["input"] += payload["delta"]["toolUse"]["input"]
        elif name == "messageStop":
            finish = payload["stopReason"]
        elif name == "metadata":
            usage = payload["usage"]
    calls = [(call["toolUseId"], call["name"], json.loads(call["input"])) for call in calls.values()]
    assert_facts(said, calls, finish, usage, expected(type, case))


@BEDROCKS
def test_awss_client_reads_errors(recordings, type):
    for case, (status, code, message) in converse.ERRORS.items():
        client = awss_client(recordings, type, case)
        with pytest.raises(client.exceptions.from_code(code)) as raised:
            client.converse(modelId=TYPES[type].upstream, messages=MESSAGES)
        said = raised.value.response
        assert said["ResponseMetadata"]["HTTPStatusCode"] == status
        assert said["Error"] == {"Code": code, "Message": message}
    client = awss_client(recordings, type, BREAKS)
    with pytest.raises(botocore.exceptions.EventStreamError) as raised:
        list(client.converse_stream(modelId=TYPES[type].upstream, messages=MESSAGES)["stream"])
    code, said = converse.EXCEPTION
    assert raised.value.response["Error"] == {"Code": code, "Message": said["message"]}


# What llm-proxy sends, judged by AWS's SDK

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = "JVBERi0xLjQKJSVFT0YK"
PICTURE = {"image": {"format": "png", "source": {"bytes": PNG}}}
REPORT = {"document": {"format": "pdf", "name": "Q3 report pdf", "source": {"bytes": PDF}}}
BOOK = {
    "type": "object",
    "properties": {"title": {"type": "string"}, "rating": {"type": "integer"}},
    "required": ["title", "rating"],
    "additionalProperties": False,
}
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CALLS = [
    {"id": f"call.{city}", "type": "function", "function": {"name": "weather", "arguments": json.dumps({"city": city})}}
    for city in ("Riga", "Oslo")
]
TOOLS = [{"type": "function", "function": {"name": "weather", "description": "It.", "parameters": WEATHER}}]
SPEC = {"toolSpec": {"name": "weather", "description": "It.", "inputSchema": {"json": WEATHER}}}


def user(*parts):
    return [{"role": "user", "content": list(parts)}]


def text(text):
    return {"type": "text", "text": text}


CHAT, RESPONSES, MESSAGES_API, GEMINI = "/v1/chat/completions", "/v1/responses", "/v1/messages", "generateContent"
THINKING = {"type": "enabled", "budget_tokens": 1024}
# What a client asks where, and what must be in the body at that path.
ASKED = {
    "text and settings": (CHAT, {
        "messages": [{"role": "system", "content": "Be brief."}, *user(text("Žižek?"))],
        "temperature": 1.5, "stop": ["END"], "max_completion_tokens": 50,
    }, "inferenceConfig", {"maxTokens": 50, "temperature": 1, "stopSequences": ["END"]}),
    "a picture": (CHAT, {
        "messages": user(text("What?"), {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}),
    }, "messages.0.content.1", PICTURE),
    "a document": (CHAT, {
        "messages": user(
            {"type": "file", "file": {"filename": "Q3_report.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}}
        ),
    }, "messages.0.content.0", REPORT),
    "a schema": (CHAT, {
        "messages": user(text("A book.")),
        "response_format": {"type": "json_schema", "json_schema": {"name": "Book", "schema": BOOK, "strict": True}},
    }, "outputConfig.textFormat.type", "json_schema"),
    "an effort": (CHAT, {"messages": user(text("Think.")), "reasoning_effort": "low"},
                  "additionalModelRequestFields.thinking.type", "enabled"),
    "tools": (CHAT, {"messages": user(text("So?")), "tools": TOOLS}, "toolConfig.tools", [SPEC]),
    "any tool": (CHAT, {"messages": user(text("So?")), "tools": TOOLS, "tool_choice": "required"},
                 "toolConfig.toolChoice", {"any": {}}),
    "one tool": (CHAT, {
        "messages": user(text("So?")), "tools": TOOLS,
        "tool_choice": {"type": "function", "function": {"name": "weather"}},
    }, "toolConfig.toolChoice", {"tool": {"name": "weather"}}),
    "results": (CHAT, {
        "messages": [
            *user(text("So?")), {"role": "assistant", "tool_calls": CALLS},
            {"role": "tool", "tool_call_id": CALLS[1]["id"], "content": "snow"},
            {"role": "tool", "tool_call_id": CALLS[0]["id"], "content": "rain"},
        ],
        "tools": TOOLS,
    }, "messages.2.content.1.toolResult.content", [{"text": "snow"}]),
    "a picture and a schema of Responses": (RESPONSES, {
        "input": user(
            {"type": "input_text", "text": "What?"},
            {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "auto"},
        ),
        "text": {"format": {"type": "json_schema", "name": "Book", "schema": BOOK, "strict": True}},
        "reasoning": {"effort": "medium"},
    }, "messages.0.content.1", PICTURE),
    "results of Responses": (RESPONSES, {
        "input": [
            {"role": "user", "content": "So?"},
            {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": '{"city":"Riga"}'},
            {"type": "function_call_output", "call_id": "call_1", "output": "rain"},
        ],
        "tools": [{"type": "function", "name": "weather", "description": "It.", "parameters": WEATHER, "strict": False}],
    }, "messages.2.content.0.toolResult.toolUseId", "call_1"),
    "reasoning and failed results of Messages": (MESSAGES_API, {
        "max_tokens": 4000, "thinking": THINKING,
        "system": [{**text("Be brief."), "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "tools": [{"name": "weather", "description": "It.", "input_schema": WEATHER}],
        "messages": [
            {"role": "user", "content": "So?"},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
                {"type": "redacted_thinking", "data": "cmVk"},
                {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Riga"}},
            ]},
            {"role": "user", "content": [{
                "type": "tool_result", "tool_use_id": "toolu_1", "is_error": True,
                "content": [text("no"), {
                    "type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG},
                }],
            }]},
        ],
    }, "messages.1.content.1", {"reasoningContent": {"redactedContent": "cmVk"}}),
    "a document of Messages": (MESSAGES_API, {
        "max_tokens": 100,
        "messages": user(text("Sum up."), {
            "type": "document", "title": "Q3_report.pdf",
            "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
        }),
    }, "messages.0.content.1", REPORT),
    "a picture, a schema and thoughts of Gemini": (GEMINI, {
        "contents": [
            {"role": "user", "parts": [{"text": "What?"}, {"inlineData": {"mimeType": "image/png", "data": PNG}}]},
        ],
        "generationConfig": {
            "responseMimeType": "application/json", "responseJsonSchema": BOOK,
            "thinkingConfig": {"thinkingBudget": 2000, "includeThoughts": True},
        },
    }, "messages.0.content.1", PICTURE),
    "tools of Gemini": (GEMINI, {
        "contents": [{"role": "user", "parts": [{"text": "So?"}]}],
        "tools": [{"functionDeclarations": [{"name": "weather", "description": "It.", "parametersJsonSchema": WEATHER}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
    }, "toolConfig", {"tools": [SPEC], "toolChoice": {"any": {}}}),
}


def sent(recordings, proxy, type, where, body, stream):
    """The request that reached the fake when a client asked."""
    model = recorded(type, "text-basic-stream" if stream else "text-basic")
    if where == GEMINI:
        where = f"/v1beta/models/{model}:" + ("streamGenerateContent?alt=sse" if stream else GEMINI)
    else:
        body = {"model": model, "stream": stream, **body}
    before = len(recordings.seen)
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    request = urllib.request.Request(f"http://{proxy}{where}", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        assert answer.read()
    [seen] = recordings.seen[before:]
    return seen


def at(value, path):
    for name in path.split("."):
        value = value[int(name) if isinstance(value, list) else name]
    return value


@STREAMED
@pytest.mark.parametrize("what", ASKED)
def test_requests_are_what_awss_client_would_send(recordings, proxy, what, stream):
    where, body, path, value = ASKED[what]
    seen = sent(recordings, proxy, "Bedrock", where, body, stream)
    assert aws.problems(seen.path.removeprefix(f"/{seen.type}/{seen.case}"), seen.json) == []
    assert at(seen.json, path) == value


@pytest.mark.parametrize("case", WRITTEN, ids=lambda case: case["name"])
def test_what_the_codec_writes_is_what_awss_client_would_send(case):
    model = urllib.parse.quote(case.get("model", TYPES["Bedrock"].upstream), safe="")
    operation = "count-tokens" if case.get("count") else "converse"
    assert aws.problems(f"/model/{model}/{operation}", case["expected"]) == []


@STREAMED
@pytest.mark.parametrize("type", ["Bedrock", "BedrockSession"])
def test_signatures_are_those_of_awss_signer(recordings, proxy, type, stream):
    seen = sent(recordings, proxy, type, *ASKED["text and settings"][:2], stream)
    access_key = SECRETS[TYPES[type].secret[0]]
    signed = (seen.path, seen.headers, seen.body, access_key, REGION)
    assert seen.headers["authorization"] == aws.authorization(*signed)
    assert seen.headers.get("x-amz-security-token") == access_key.get("sessionToken")
    # Everything is under the signature.
    for other in [
        (seen.path.replace("%3A", ":"), *signed[1:]),
        (seen.path, {**seen.headers, "x-amz-date": "20260101T000000Z"}, *signed[2:]),
        (seen.path, {**seen.headers, "host": "bedrock.test"}, *signed[2:]),
        (*signed[:2], seen.body + b" ", *signed[3:]),
        (*signed[:3], {**access_key, "secretAccessKey": "another"}, REGION),
        (*signed[:4], "us-east-1"),
    ]:
        assert seen.headers["authorization"] != aws.authorization(*other)


def test_names_are_escaped_in_paths(recordings, proxy):
    for type, name in {
        "Bedrock": "us.anthropic.claude-sonnet-4-5-20250929-v1%3A0",
        "BedrockSession": "arn%3Aaws%3Abedrock%3Aeu-central-1%3A123456789012%3Ainference-profile%2F"
        "eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0",
    }.items():
        seen = sent(recordings, proxy, type, *ASKED["text and settings"][:2], stream=False)
        assert seen.path == f"/{type}/text-basic/model/{name}/converse"


def test_an_api_key_is_sent_as_it_is(recordings, proxy):
    seen = sent(recordings, proxy, "BedrockNova", *ASKED["tools"][:2], stream=True)
    assert seen.headers["authorization"] == f"Bearer {BEDROCK_KEY}"
    assert "x-amz-date" not in seen.headers


@pytest.mark.parametrize(
    "body, problem",
    [
        ({"messages": [{"role": "user", "content": [{"text": "hi"}], "name": "me"}]}, "Unknown parameter"),
        ({"messages": [{"role": "user", "content": [{"text": "hi"}]}], "stream": True}, "Unknown parameter"),
        ({"messages": [{"role": "user", "content": "hi"}]}, "Invalid type"),
        ({"messages": [{"role": "tool", "content": [{"text": "hi"}]}]}, "is none of"),
        ({"messages": [{"role": "user", "content": [{**PICTURE, "text": "hi"}]}]}, "tagged union"),
        ({"messages": [{"role": "user", "content": [{"document": {"format": "pdf", "name": "a"}}]}]}, "Missing required"),
        ({"messages": [{"role": "user", "content": [{"image": {"format": "png", "source": {"bytes": "a-"}}}]}]}, "base64"),
        ({"inferenceConfig": {"temperature": 1.5}}, "more than 1"),
        ({"inferenceConfig": {"maxTokens": 0}}, "valid min value"),
        ({"toolConfig": {"tools": []}}, "valid min length"),
        ({"toolConfig": {"tools": [{"toolSpec": {**SPEC["toolSpec"], "name": "a.b"}}]}}, "does not match"),
    ],
)
def test_the_judge_finds_what_is_wrong(body, problem):
    [found] = aws.problems("/model/amazon.nova-pro-v1%3A0/converse", body)
    assert problem in found
    [found] = aws.problems("/model/amazon.nova-pro-v1:0/converse", {"messages": MESSAGES})
    assert "the path is" in found
