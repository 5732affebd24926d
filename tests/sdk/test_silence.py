"""A provider that says nothing for longer than the proxy lets its clients wait: what they are sent meanwhile disturbs none
of the official clients."""

from concurrent.futures import ThreadPoolExecutor

QUESTION = "What are the secrets?"
MESSAGES = [{"role": "user", "content": QUESTION}]


def chat(client):
    with client.chat.completions.create(model="sleepy", messages=MESSAGES, stream=True) as chunks:
        for chunk in chunks:
            yield chunk.choices[0].delta.content if chunk.choices else None


def responses(client):
    with client.responses.create(model="sleepy", input=QUESTION, stream=True) as events:
        for event in events:
            yield event.delta if event.type == "response.output_text.delta" else None


def messages(claude):
    with claude.messages.stream(model="sleepy", messages=MESSAGES, max_tokens=100) as stream:
        yield from stream.text_stream


def generate(gemini):
    for chunk in gemini.models.generate_content_stream(model="sleepy", contents=QUESTION):
        yield chunk.text


def two_pieces(texts):
    """The first two pieces of text; then the client leaves."""
    said = []
    for text in texts:
        said += [text] if text else []
        if len(said) == 2:
            break
    texts.close()
    return said


def test_waiting_disturbs_no_client(client, claude, gemini):
    streams = [chat(client), responses(client), messages(claude), generate(gemini)]
    with ThreadPoolExecutor(len(streams)) as pool:
        said = list(pool.map(two_pieces, streams))
    # What is said echoes the request, which differs.
    assert [len(pieces) for pieces in said] == [2] * len(streams)
