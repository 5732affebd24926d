"""The official OpenAI client: answers, streams, models, and errors as the client's own types."""

import json

import openai
import pytest

from conftest import MAX_BODY, PATIENCE
from providers import BEHAVIOURS, TYPES, cases, recorded

MESSAGES = [{"role": "user", "content": "say something"}]


def echo(text):
    """What the fake provider says it received."""
    return json.loads(text)


def test_chat(client):
    answer = client.chat.completions.create(model="chat", messages=MESSAGES)
    received = echo(answer.choices[0].message.content)
    assert received["model"] == "chat"
    assert received["behaviour"] == "ok"
    assert answer.usage.total_tokens == 13
    assert answer.choices[0].finish_reason == "stop"


def test_the_clients_key_stays_with_the_proxy(client):
    answer = client.chat.completions.create(model="chat", messages=MESSAGES)
    received = echo(answer.choices[0].message.content)
    assert received["credential"] == ""
    assert "sk-sdk" not in answer.choices[0].message.content


def test_streaming(client):
    pieces = []
    finish = None
    with client.chat.completions.create(model="slow", messages=MESSAGES, stream=True) as stream:
        for chunk in stream:
            if chunk.choices[0].delta.content:
                pieces.append(chunk.choices[0].delta.content)
            finish = chunk.choices[0].finish_reason or finish
    assert len(pieces) == 10
    assert echo("".join(pieces))["model"] == "slow"
    assert finish == "stop"


def test_a_stream_that_breaks_is_no_success(client):
    with pytest.raises(openai.APIError):
        for _ in client.chat.completions.create(model="cut", messages=MESSAGES, stream=True):
            pass


def test_an_abandoned_stream_leaves_the_client_usable(client):
    with client.chat.completions.create(model="slow", messages=MESSAGES, stream=True) as stream:
        next(iter(stream))
    assert client.chat.completions.create(model="chat", messages=MESSAGES).choices


@pytest.mark.parametrize("model", ["recorded", "recorded-tools"])
def test_recorded_answers(client, model):
    answer = client.chat.completions.create(model=model, messages=MESSAGES)
    assert answer.choices[0].message.content or answer.choices[0].message.tool_calls


@pytest.mark.parametrize("model", ["recorded-stream", "recorded-tools-stream", "recorded-crlf", "recorded-split"])
def test_recorded_streams(client, model):
    deltas = []
    for chunk in client.chat.completions.create(model=model, messages=MESSAGES, stream=True):
        deltas += [choice.delta for choice in chunk.choices]
    assert any(delta.content or delta.tool_calls for delta in deltas)


def test_models(client):
    names = {model.id for model in client.models.list()}
    of_recordings = {recorded(type, case) for type in TYPES for case in cases(type)}
    assert names == {*BEHAVIOURS, *of_recordings, "unreachable"}
    assert client.models.retrieve("chat").id == "chat"


def test_models_are_those_the_key_may_use(restricted):
    assert [model.id for model in restricted.models.list()] == ["chat"]
    with pytest.raises(openai.NotFoundError):
        restricted.models.retrieve("slow")


def told(failure):
    """The error as the client understood it: OpenAI's form, with a message."""
    error = failure.value
    assert error.body["message"], error
    assert error.body["type"], error
    return error


def test_400_of_the_provider(client):
    with pytest.raises(openai.BadRequestError) as failure:
        client.chat.completions.create(model="refuses-400", messages=[])
    assert told(failure).status_code == 400


def test_400_of_the_proxy(client):
    with pytest.raises(openai.BadRequestError) as failure:
        client.post("/chat/completions", body={"messages": MESSAGES}, cast_to=object)
    assert "model" in told(failure).body["message"]


def test_401(client):
    stranger = client.with_options(api_key="sk-nobody-knows-this-one-0123")
    with pytest.raises(openai.AuthenticationError) as failure:
        stranger.chat.completions.create(model="chat", messages=MESSAGES)
    assert told(failure).body["code"] == "invalid_api_key"
    assert "nobody" not in str(failure.value)


def test_403(restricted):
    with pytest.raises(openai.PermissionDeniedError) as failure:
        restricted.chat.completions.create(model="slow", messages=MESSAGES)
    assert told(failure).status_code == 403


def test_404(client):
    with pytest.raises(openai.NotFoundError) as failure:
        client.chat.completions.create(model="nothing", messages=MESSAGES)
    assert told(failure).body["code"] == "model_not_found"


def test_404_of_a_path(client):
    with pytest.raises(openai.NotFoundError) as failure:
        client.get("/nowhere", cast_to=object)
    told(failure)


def test_413(client):
    long = [{"role": "user", "content": "x" * (MAX_BODY + 1)}]
    with pytest.raises(openai.APIStatusError) as failure:
        client.chat.completions.create(model="chat", messages=long)
    assert told(failure).status_code == 413
    # What just fits is served.
    fits = [{"role": "user", "content": "x" * (MAX_BODY - 1024)}]
    assert client.chat.completions.create(model="chat", messages=fits).choices


def test_429(client):
    with pytest.raises(openai.RateLimitError) as failure:
        client.chat.completions.create(model="limited", messages=MESSAGES)
    assert told(failure).response.headers["retry-after"] == "7"


def test_502(client):
    with pytest.raises(openai.InternalServerError) as failure:
        client.chat.completions.create(model="unreachable", messages=MESSAGES)
    assert told(failure).status_code == 502


def test_504(client):
    with pytest.raises(openai.InternalServerError) as failure:
        client.chat.completions.create(model="hangs", messages=MESSAGES)
    assert told(failure).status_code == 504


def test_errors_before_a_stream_are_errors(client):
    for model, type_ in [("unreachable", openai.InternalServerError), ("limited", openai.RateLimitError)]:
        with pytest.raises(type_) as failure:
            client.chat.completions.create(model=model, messages=MESSAGES, stream=True)
        told(failure)


def test_asynchronous_client(proxy, client):
    import asyncio

    async def many():
        asynchronous = openai.AsyncOpenAI(
            api_key=client.api_key, base_url=client.base_url, max_retries=0, timeout=PATIENCE
        )
        asks = [asynchronous.chat.completions.create(model="slow", messages=MESSAGES) for _ in range(20)]
        return await asyncio.gather(*asks)

    assert len(asyncio.run(many())) == 20
