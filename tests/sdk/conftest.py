"""llm-proxy without a cluster in front of the fake provider, both as processes on free ports of loopback."""

import json
import os
import pathlib
import subprocess
import time
import urllib.error
import urllib.request

import anthropic
import openai
import pytest
from google import genai

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("LLM_BUILD", "target/debug")
PATIENCE = 60  # seconds
MAX_BODY = 64 * 1024

KEY = "sk-sdk-tests-0123456789abcdef"
RESTRICTED_KEY = "sk-sdk-restricted-0123456789abc"

# Model name and how the provider behind it behaves.
BEHAVIOURS = {
    "chat": "ok",
    "slow": "slow-30",
    "refuses-400": "fixture-error-empty-messages",
    "limited": "status-429",
    "hangs": "hang",
    "cut": "cut",
    "recorded": "fixture-text-basic",
    "recorded-stream": "fixture-text-basic-stream",
    "recorded-tools": "fixture-tools-parallel-turn1",
    "recorded-tools-stream": "fixture-tools-parallel-stream-turn1",
    "recorded-crlf": "fixture-stream-crlf",
    "recorded-split": "fixture-stream-unicode-split",
}


# Kinds of provider: the folder of their recordings, the version in their URL, and what they are.
RECORDED = {
    "OpenAI": ("openai_chat", "v1", {"type": "OpenAI", "protocols": ["ChatCompletions"]}),
    "Responses": ("openai_responses", "v1", {"type": "OpenAI", "protocols": ["Responses"]}),
    "Anthropic": ("anthropic_messages", "v1", {"type": "Anthropic"}),
    "Gemini": ("gemini_generate", "v1beta", {"type": "Gemini"}),
}
# Recordings that every type has.
CASES = ["text-basic", "text-basic-stream", "tools-parallel-turn1", "tools-parallel-stream-turn1", "max-tokens"]
# Recordings of errors, by type.
ERRORS = {
    "OpenAI": {"limited": "error-429-tokens", "broken": "error-500", "missing": "model-not-found"},
    "Responses": {"limited": "error-429-tokens", "broken": "openai_chat@error-500", "missing": "model-not-found"},
    "Anthropic": {"limited": "error-429", "broken": "error-500", "missing": "model-not-found"},
    "Gemini": {"limited": "error-429-quota-retryinfo", "broken": "error-503-overloaded", "missing": "model-not-found"},
}


def recorded(type, case):
    """The name of the model that answers from a recording of a type of provider."""
    return f"{type.lower()}-{case}"


def expected(type, case):
    """What a recording says, by its own account of it."""
    folder, _, _ = RECORDED[type]
    return json.loads((ROOT / "proxy/protocol/fixtures" / folder / case / "expect.json").read_text())


def program(name):
    path = BUILD / name
    assert path.is_file(), f"{path} is missing: run `cargo build --workspace --bins`"
    return path


def until(what, probe):
    """Calls probe until it returns something true."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = probe()
        if found:
            return found
        assert time.monotonic() < deadline, f"waited {PATIENCE} s for {what}"
        time.sleep(0.02)


def provider(name, url, **spec):
    return {
        "apiVersion": "llmproxy.dev/v1alpha1",
        "kind": "LLMProvider",
        "metadata": {"name": name},
        "spec": {"type": "OpenAICompatible", "endpoint": {"url": url}, "models": [{"name": name}], **spec},
    }


def master_key(name, key, **spec):
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {"key": key}}
    owner = {
        "apiVersion": "llmproxy.dev/v1alpha1",
        "kind": "MasterKey",
        "metadata": {"name": name},
        "spec": {"secretRef": {"name": name, "key": "key"}, **spec},
    }
    return [secret, owner]


def manifests(fake):
    objects = [provider(model, f"http://{fake}/{behaviour}/v1") for model, behaviour in BEHAVIOURS.items()]
    for waiting in objects:
        if waiting["metadata"]["name"] == "hangs":
            waiting["spec"]["timeouts"] = {"firstByte": "300ms", "total": "5s"}
    objects.append({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "provider"}, "stringData": {"key": "sk-p"}})
    for type, (folder, version, spec) in RECORDED.items():
        cases = {case: case for case in CASES} | {case: error for case, error in ERRORS[type].items()}
        for case, recording in cases.items():
            recording = recording if "@" in recording else f"{folder}@{recording}"
            name, url = recorded(type, case), f"http://{fake}/fixture-{recording}/{version}"
            credentials = [{"secretRef": {"name": "provider", "key": "key"}}]
            objects.append(provider(name, url, credentials=credentials, **spec))
    # Port 9 of loopback: nobody is there.
    objects.append(provider("unreachable", "http://127.0.0.1:9/v1"))
    objects += master_key("everything", KEY)
    objects += master_key("restricted", RESTRICTED_KEY, allowedModels=["chat"])
    # JSON is YAML.
    return "\n---\n".join(json.dumps(one) for one in objects)


@pytest.fixture(scope="session")
def fake():
    """Address of the fake provider."""
    process = subprocess.Popen([program("fake-provider")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    yield process.stdout.readline().strip()
    process.stdin.close()
    process.wait(PATIENCE)


@pytest.fixture(scope="session")
def proxy(fake, tmp_path_factory):
    """Address of the proxy."""
    folder = tmp_path_factory.mktemp("proxy")
    (folder / "config.yaml").write_text(manifests(fake))
    log = folder / "proxy.log"
    command = [program("llm-proxy"), "serve", "--config", folder / "config.yaml", "--host", "127.0.0.1", "--port", "0"]
    command += ["--port-file", folder / "port", "--max-body", str(MAX_BODY), "--drain-grace", "0s"]
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        def listening():
            assert process.poll() is None, f"llm-proxy ended:\n{log.read_text()}"
            return (folder / "port").exists() and (folder / "port").read_text().strip()

        address = until("the proxy to listen", listening)
        until("the proxy to be ready", lambda: ready(address))
        yield address
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
        print(log.read_text()[-4000:])


def ready(address):
    try:
        with urllib.request.urlopen(f"http://{address}/readyz", timeout=5) as answer:
            return answer.status == 200
    except urllib.error.URLError:
        return False


@pytest.fixture
def client(proxy):
    """The official client, which must not hide an error behind a retry."""
    return openai.OpenAI(api_key=KEY, base_url=f"http://{proxy}/v1", max_retries=0, timeout=PATIENCE)


@pytest.fixture
def claude(proxy):
    """Anthropic's official client."""
    return anthropic.Anthropic(api_key=KEY, base_url=f"http://{proxy}", max_retries=0, timeout=PATIENCE)


@pytest.fixture
def gemini(proxy):
    """Google's official client."""
    return genai.Client(api_key=KEY, http_options={"base_url": f"http://{proxy}", "timeout": PATIENCE * 1000})


@pytest.fixture
def restricted(proxy):
    """The same with a key that may use one model only."""
    return openai.OpenAI(api_key=RESTRICTED_KEY, base_url=f"http://{proxy}/v1", max_retries=0, timeout=PATIENCE)
