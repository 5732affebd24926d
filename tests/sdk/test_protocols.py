"""Every official client against every type of provider, served from recordings: what the client hears is what the
recording says, whatever was spoken on the way."""

import json

import anthropic
import openai
import pytest
from google.genai import errors, types

from providers import BREAKS, KEY, RECORDED, expected, recorded

TYPES = pytest.mark.parametrize("type", list(RECORDED))
QUESTION = "What are the secrets?"
SCHEMA = {"type": "object", "properties": {"password": {"type": "string"}}, "required": ["password"]}
NAME, ABOUT = "secret_retrieval_tool", "Tells the secret of a password."


def calls(type, case):
    """Names and arguments of the calls of a recording."""
    return [(call["name"], call["arguments"]) for call in expected(type, case)["tool_calls"]]


def usage(type, case):
    counts = expected(type, case)["usage"]
    return counts["input_total"], counts["output_total"]


# OpenAI's client

OPENAI_TOOLS = [{"type": "function", "function": {"name": NAME, "description": ABOUT, "parameters": SCHEMA}}]
MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": QUESTION}]


@TYPES
def test_openai_text_and_usage(client, type):
    answer = client.chat.completions.create(model=recorded(type, "text-basic"), messages=MESSAGES)
    assert answer.choices[0].message.content == expected(type, "text-basic")["text"]
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == usage(type, "text-basic")
    assert answer.choices[0].finish_reason == "stop"


@TYPES
def test_openai_stream(client, type):
    case = "text-basic-stream"
    options = {"include_usage": True}
    model = recorded(type, case)
    text, counts = "", None
    for chunk in client.chat.completions.create(model=model, messages=MESSAGES, stream=True, stream_options=options):
        text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
        counts = chunk.usage or counts
    assert text == expected(type, case)["text"]
    assert (counts.prompt_tokens, counts.completion_tokens) == usage(type, case)


@TYPES
@pytest.mark.parametrize("case", ["tools-parallel-turn1", "tools-parallel-stream-turn1"])
def test_openai_tools_and_their_results(client, type, case):
    model = recorded(type, case)
    if "stream" in case:
        with client.chat.completions.stream(model=model, messages=MESSAGES, tools=OPENAI_TOOLS) as stream:
            message = stream.get_final_completion().choices[0].message
    else:
        message = client.chat.completions.create(model=model, messages=MESSAGES, tools=OPENAI_TOOLS).choices[0].message
    said = [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls]
    assert said == calls(type, case)
    results = [{"role": "tool", "tool_call_id": call.id, "content": "42"} for call in message.tool_calls]
    follow = MESSAGES + [message.model_dump(exclude_none=True, exclude={"parsed"})] + results
    for call in follow[2]["tool_calls"]:
        call["function"].pop("parsed_arguments", None)
    answer = client.chat.completions.create(
        model=recorded(type, "text-basic"), messages=follow, tools=OPENAI_TOOLS
    )
    assert answer.choices[0].message.content == expected(type, "text-basic")["text"]


@TYPES
def test_openai_errors(client, type):
    for case, error in {
        "limited": openai.RateLimitError,
        "broken": openai.InternalServerError,
        "missing": openai.NotFoundError,
    }.items():
        with pytest.raises(error) as raised:
            client.chat.completions.create(model=recorded(type, case), messages=MESSAGES)
        assert raised.value.body["message"]


@TYPES
def test_openai_ends(client, type):
    answer = client.chat.completions.create(model=recorded(type, "max-tokens"), messages=MESSAGES)
    assert answer.choices[0].finish_reason == "length"
    with pytest.raises(openai.APIError) as raised:
        for _ in client.chat.completions.create(model=recorded(type, BREAKS), messages=MESSAGES, stream=True):
            pass
    assert raised.value.message


# OpenAI's client, by Responses

RESPONSES_TOOLS = [
    {"type": "function", "name": NAME, "description": ABOUT, "parameters": SCHEMA, "strict": False}
]


@TYPES
def test_responses_text_and_usage(client, type):
    answer = client.responses.create(
        model=recorded(type, "text-basic"), instructions="Be brief.", input=QUESTION, store=False
    )
    assert answer.output_text == expected(type, "text-basic")["text"]
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == usage(type, "text-basic")
    assert answer.status == "completed"


@TYPES
def test_responses_stream(client, type):
    case = "text-basic-stream"
    text = ""
    with client.responses.stream(model=recorded(type, case), input=QUESTION) as stream:
        for event in stream:
            text += event.delta if event.type == "response.output_text.delta" else ""
        final = stream.get_final_response()
    assert text == final.output_text == expected(type, case)["text"]
    assert (final.usage.input_tokens, final.usage.output_tokens) == usage(type, case)


@TYPES
@pytest.mark.parametrize("case", ["tools-parallel-turn1", "tools-parallel-stream-turn1"])
def test_responses_tools_and_their_results(client, type, case):
    asked = {"model": recorded(type, case), "input": QUESTION, "tools": RESPONSES_TOOLS}
    if "stream" in case:
        with client.responses.stream(**asked) as stream:
            answer = stream.get_final_response()
    else:
        answer = client.responses.create(**asked)
    made = [item for item in answer.output if item.type == "function_call"]
    assert [(item.name, json.loads(item.arguments)) for item in made] == calls(type, case)
    results = [{"type": "function_call_output", "call_id": item.call_id, "output": "42"} for item in made]
    spoken = [item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in made]
    follow = [{"role": "user", "content": QUESTION}, *spoken, *results]
    answer = client.responses.create(model=recorded(type, "text-basic"), input=follow, tools=RESPONSES_TOOLS)
    assert answer.output_text == expected(type, "text-basic")["text"]


@TYPES
def test_responses_errors(client, type):
    for case, error in {
        "limited": openai.RateLimitError,
        "broken": openai.InternalServerError,
        "missing": (openai.NotFoundError, openai.BadRequestError),
    }.items():
        with pytest.raises(error) as raised:
            client.responses.create(model=recorded(type, case), input=QUESTION)
        assert raised.value.body["message"]


@TYPES
def test_responses_ends(client, type):
    answer = client.responses.create(model=recorded(type, "max-tokens"), input=QUESTION)
    assert (answer.status, answer.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    # Before the first event it is an exception, after that an event: the client raises nothing then.
    try:
        events = list(client.responses.create(model=recorded(type, BREAKS), input=QUESTION, stream=True))
    except openai.APIError as error:
        assert error.message
    else:
        assert [event.type for event in events[-2:]] == ["error", "response.failed"]
        assert [event.sequence_number for event in events] == list(range(len(events)))
        failed = events[-1].response
        assert (failed.status, failed.error.code) == ("failed", "server_error") and failed.id == events[0].response.id


# Anthropic's client

ASK = {"max_tokens": 1000, "system": "Be brief.", "messages": [{"role": "user", "content": QUESTION}]}
ANTHROPIC_TOOLS = [{"name": NAME, "description": ABOUT, "input_schema": SCHEMA}]


def said_by(message):
    text = "".join(block.text for block in message.content if block.type == "text")
    return text, [(block.name, block.input) for block in message.content if block.type == "tool_use"]


@TYPES
def test_anthropic_text_and_usage(claude, type):
    answer = claude.messages.create(model=recorded(type, "text-basic"), **ASK)
    assert said_by(answer)[0] == expected(type, "text-basic")["text"]
    read = (answer.usage.cache_read_input_tokens or 0) + (answer.usage.cache_creation_input_tokens or 0)
    assert (answer.usage.input_tokens + read, answer.usage.output_tokens) == usage(type, "text-basic")
    assert answer.stop_reason == "end_turn"


@TYPES
def test_anthropic_stream(claude, type):
    case = "text-basic-stream"
    with claude.messages.stream(model=recorded(type, case), **ASK) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == expected(type, case)["text"]
    assert final.usage.output_tokens == usage(type, case)[1]


@TYPES
@pytest.mark.parametrize("case", ["tools-parallel-turn1", "tools-parallel-stream-turn1"])
def test_anthropic_tools_and_their_results(claude, type, case):
    model = recorded(type, case)
    if "stream" in case:
        with claude.messages.stream(model=model, tools=ANTHROPIC_TOOLS, **ASK) as stream:
            message = stream.get_final_message()
    else:
        message = claude.messages.create(model=model, tools=ANTHROPIC_TOOLS, **ASK)
    assert said_by(message)[1] == calls(type, case)
    assert message.stop_reason == "tool_use"
    uses = [block for block in message.content if block.type == "tool_use"]
    results = [{"type": "tool_result", "tool_use_id": use.id, "content": "42"} for use in uses]
    spoken = [block.model_dump(include={"type", "text", "id", "name", "input"}) for block in message.content]
    follow = ASK["messages"] + [{"role": "assistant", "content": spoken}, {"role": "user", "content": results}]
    answer = claude.messages.create(
        model=recorded(type, "text-basic"), tools=ANTHROPIC_TOOLS, **{**ASK, "messages": follow}
    )
    assert said_by(answer)[0] == expected(type, "text-basic")["text"]


@TYPES
def test_anthropic_errors(claude, type):
    for case, error in {
        "limited": anthropic.RateLimitError,
        "broken": anthropic.APIStatusError,
        "missing": anthropic.NotFoundError,
    }.items():
        with pytest.raises(error) as raised:
            claude.messages.create(model=recorded(type, case), **ASK)
        assert raised.value.body["type"] == "error"


@TYPES
def test_anthropic_ends(claude, type):
    assert claude.messages.create(model=recorded(type, "max-tokens"), **ASK).stop_reason == "max_tokens"
    with pytest.raises(anthropic.APIStatusError) as raised:
        with claude.messages.stream(model=recorded(type, BREAKS), **ASK) as stream:
            stream.get_final_message()
    assert raised.value.body["type"] == "error"


def test_anthropic_own_errors(proxy, claude):
    with pytest.raises(anthropic.NotFoundError):
        claude.messages.create(model="nothing", **ASK)
    with pytest.raises(anthropic.AuthenticationError):
        anthropic.Anthropic(api_key="sk-nobody", base_url=f"http://{proxy}", max_retries=0).models.list()
    tokens = claude.messages.count_tokens(model=recorded("OpenAI", "text-basic"), messages=ASK["messages"])
    assert tokens.input_tokens > 0
    assert any(model.id == "chat" for model in claude.models.list())


# Google's client

CONFIG = types.GenerateContentConfig(
    system_instruction="Be brief.",
    tools=[types.Tool(function_declarations=[
        types.FunctionDeclaration(name=NAME, description=ABOUT, parameters_json_schema=SCHEMA)
    ])],
    automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
)


@TYPES
def test_gemini_text_and_usage(gemini, type):
    answer = gemini.models.generate_content(model=recorded(type, "text-basic"), contents=QUESTION, config=CONFIG)
    assert answer.text == expected(type, "text-basic")["text"]
    counts = answer.usage_metadata
    output = counts.candidates_token_count + (counts.thoughts_token_count or 0)
    assert (counts.prompt_token_count, output) == usage(type, "text-basic")
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP


@TYPES
def test_gemini_stream(gemini, type):
    case = "text-basic-stream"
    model = recorded(type, case)
    chunks = list(gemini.models.generate_content_stream(model=model, contents=QUESTION, config=CONFIG))
    assert "".join(chunk.text or "" for chunk in chunks) == expected(type, case)["text"]
    assert chunks[-1].usage_metadata.prompt_token_count == usage(type, case)[0]


@TYPES
@pytest.mark.parametrize("case", ["tools-parallel-turn1", "tools-parallel-stream-turn1"])
def test_gemini_tools_and_their_results(gemini, type, case):
    asked = {"model": recorded(type, case), "contents": QUESTION, "config": CONFIG}
    if "stream" in case:
        parts = [
            part
            for chunk in gemini.models.generate_content_stream(**asked)
            for part in (chunk.candidates[0].content.parts or [] if chunk.candidates[0].content else [])
        ]
    else:
        parts = gemini.models.generate_content(**asked).candidates[0].content.parts
    made = [part.function_call for part in parts if part.function_call]
    assert [(call.name, call.args) for call in made] == calls(type, case)
    results = [
        types.Part(function_response=types.FunctionResponse(id=call.id, name=call.name, response={"output": "42"}))
        for call in made
    ]
    contents = [
        types.Content(role="user", parts=[types.Part(text=QUESTION)]),
        types.Content(role="model", parts=[part for part in parts if part.function_call or part.text]),
        types.Content(role="user", parts=results),
    ]
    answer = gemini.models.generate_content(model=recorded(type, "text-basic"), contents=contents, config=CONFIG)
    assert answer.text == expected(type, "text-basic")["text"]


@TYPES
def test_gemini_errors(gemini, type):
    for case, error, codes in [
        ("limited", errors.ClientError, {429}),
        ("broken", errors.ServerError, {500, 502, 503}),
        ("missing", errors.ClientError, {404}),
    ]:
        with pytest.raises(error) as raised:
            gemini.models.generate_content(model=recorded(type, case), contents=QUESTION)
        assert raised.value.code in codes and raised.value.message


@TYPES
def test_gemini_ends(gemini, type):
    answer = gemini.models.generate_content(model=recorded(type, "max-tokens"), contents=QUESTION)
    assert answer.candidates[0].finish_reason == types.FinishReason.MAX_TOKENS
    with pytest.raises(errors.ServerError) as raised:
        list(gemini.models.generate_content_stream(model=recorded(type, BREAKS), contents=QUESTION))
    assert raised.value.code in (502, 503) and raised.value.message


def test_gemini_own_errors(gemini):
    with pytest.raises(errors.ClientError) as raised:
        gemini.models.generate_content(model="nothing", contents=QUESTION)
    assert (raised.value.code, raised.value.status) == (404, "NOT_FOUND")
    assert KEY not in str(raised.value)
    assert gemini.models.count_tokens(model=recorded("OpenAI", "text-basic"), contents=QUESTION).total_tokens > 0
    assert any(model.name == "models/chat" for model in gemini.models.list())
