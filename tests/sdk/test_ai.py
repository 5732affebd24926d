"""The `ai` SDK of JavaScript: ai/conversation.test.mjs, run with node's own test runner."""

import json
import os
import pathlib
import re
import subprocess

from providers import CASES, KEY, RECORDED, cases, expected, recorded
from test_protocols import ABOUT, NAME, QUESTION, SCHEMA

HERE = pathlib.Path(__file__).parent
PATIENCE = 300  # seconds
BOOK = {
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "author": {
            "type": "object",
            "properties": {"first_name": {"type": "string"}, "last_name": {"type": "string"}},
            "required": ["first_name", "last_name"],
            "additionalProperties": False,
        },
        "rating": {"type": "integer"},
    },
    "required": ["title", "author", "rating"],
    "additionalProperties": False,
}


def test_the_ai_sdk(proxy, tmp_path):
    given = {
        "proxy": f"http://{proxy}",
        "key": KEY,
        "question": QUESTION,
        "called": {"name": NAME, "description": ABOUT, "schema": SCHEMA},
        "book": BOOK,
        "types": {
            type: {
                "models": {case: recorded(type, case) for case in cases(type)},
                "facts": {case: expected(type, case) for case in CASES},
            }
            for type in RECORDED
        },
    }
    (tmp_path / "given.json").write_text(json.dumps(given))
    packages = subprocess.run([HERE / "environment", "node"], stdout=subprocess.PIPE, text=True)
    assert packages.returncode == 0, "what it needs is in what it wrote"
    run = subprocess.run(
        ["node", "--test", "--test-reporter=spec", HERE / "ai/conversation.test.mjs"],
        env={**os.environ, "SDK_PACKAGES": packages.stdout.strip(), "SDK_GIVEN": str(tmp_path / "given.json")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
    )
    counts = {name: int(count) for name, count in re.findall(r"^ℹ (\w+) (\d+)$", run.stdout, re.MULTILINE)}
    print(run.stdout if run.returncode else counts)
    assert run.returncode == 0
    # Four models of the SDK's providers, each against each type.
    assert counts["suites"] == 4 * len(RECORDED)
    assert counts["pass"] == counts["tests"] > 10 * counts["suites"]
