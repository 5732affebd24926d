"""Answers of Bedrock's Converse and ConverseStream, made from what a recording says. `test_bedrock.py` reads them with
AWS's own client."""

import binascii
import json
import struct

FINISHES = {"stop": "end_turn", "tool_use": "tool_use", "length": "max_tokens"}
# Status, type and message of errors.
ERRORS = {
    "limited": (429, "ThrottlingException", "Too many requests, please wait before trying again."),
    "broken": (500, "InternalServerException", "The system encountered an unexpected error during processing."),
    "missing": (404, "ResourceNotFoundException", "Could not resolve the foundation model from the identifier."),
}
# What a stream breaks with.
EXCEPTION = ("serviceUnavailableException", {"message": "The service is unavailable. Try again later."})
# Characters of a piece of a stream.
PIECE = 7


def usage(facts):
    counts = facts["usage"]
    read, written = counts["cache_read"] or 0, counts["cache_write"] or 0
    total = counts["input_total"]
    return {
        "inputTokens": total - read - written,
        "outputTokens": counts["output_total"],
        "totalTokens": total + counts["output_total"],
        "cacheReadInputTokens": read,
        "cacheWriteInputTokens": written,
    }


def answer(facts):
    """The body of an answer."""
    content = [{"text": facts["text"]}] if facts.get("text") else []
    for call in facts.get("tool_calls", []):
        content.append({"toolUse": {"toolUseId": call["id"], "name": call["name"], "input": call["arguments"]}})
    return {
        "metrics": {"latencyMs": 1},
        "output": {"message": {"content": content, "role": "assistant"}},
        "stopReason": FINISHES[facts["finish"]],
        "usage": usage(facts),
    }


def events(facts):
    """Names and payloads of the events of the same answer."""
    yield "messageStart", {"role": "assistant"}
    index = 0
    if facts.get("text"):
        # Text has no start of its own.
        yield from block(index, [{"text": piece} for piece in pieces(facts["text"])])
        index += 1
    for call in facts.get("tool_calls", []):
        start = {"toolUse": {"toolUseId": call["id"], "name": call["name"]}}
        yield "contentBlockStart", {"contentBlockIndex": index, "start": start}
        yield from block(index, [{"toolUse": {"input": piece}} for piece in pieces(json.dumps(call["arguments"]))])
        index += 1
    yield "messageStop", {"stopReason": FINISHES[facts["finish"]]}
    yield "metadata", {"metrics": {"latencyMs": 1}, "usage": usage(facts)}


def block(index, deltas):
    for delta in deltas:
        yield "contentBlockDelta", {"contentBlockIndex": index, "delta": delta}
    yield "contentBlockStop", {"contentBlockIndex": index}


def pieces(text):
    return [text[start : start + PIECE] for start in range(0, len(text), PIECE)]


def stream(facts):
    """The bytes of a stream."""
    return b"".join(message("event", name, payload) for name, payload in events(facts))


def broken_stream(facts):
    """The bytes of a stream that ends with an exception after half of its events."""
    whole = [message("event", name, payload) for name, payload in events(facts)]
    return b"".join(whole[: len(whole) // 2]) + message("exception", *EXCEPTION)


def message(kind, name, payload):
    """A message of an event stream ("Event Stream Encoding" in the documentation of Amazon Transcribe)."""
    headers = {f":{kind}-type": name, ":content-type": "application/json", ":message-type": kind}
    encoded = b"".join(header(key, value) for key, value in headers.items())
    body = json.dumps(payload, ensure_ascii=False).encode()
    # The two lengths, their checksum, the headers, the payload, the checksum of all that.
    start = struct.pack(">II", 16 + len(encoded) + len(body), len(encoded))
    whole = start + struct.pack(">I", binascii.crc32(start)) + encoded + body
    return whole + struct.pack(">I", binascii.crc32(whole))


def header(name, value):
    name, value = name.encode(), value.encode()
    return bytes([len(name)]) + name + b"\x07" + struct.pack(">H", len(value)) + value
