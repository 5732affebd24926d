"""Streams a chat completion with the official client to the terminal: chat.py MODEL TEXT. The client takes the key
and the URL from OPENAI_API_KEY and OPENAI_BASE_URL, as an application would from the generated Secret."""

import sys

import openai

SHOWN = 72  # characters; the demo's fake provider says more than anyone wants to read

model, text = sys.argv[1:]
client = openai.OpenAI(max_retries=0)
pieces = shown = 0
for chunk in client.chat.completions.create(model=model, messages=[{"role": "user", "content": text}], stream=True):
    piece = chunk.choices[0].delta.content if chunk.choices else None
    if piece:
        pieces += 1
        print(piece[: SHOWN - shown], end="", flush=True)
        shown = min(SHOWN, shown + len(piece))
print(f"{'…' if shown == SHOWN else ''}   ({pieces} pieces)")
