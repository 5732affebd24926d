"""llm-proxy without a cluster in front of the fake provider, both as processes, and of the one that answers from
recordings: all on free ports of loopback."""

import os
import subprocess
import time
import urllib.error
import urllib.request

import anthropic
import openai
import pytest
from google import genai

from providers import KEY, RESTRICTED_KEY, ROOT, manifests
from recordings import Recordings

BUILD = ROOT / os.environ.get("LLM_BUILD", "target/debug")
PATIENCE = 60  # seconds
MAX_BODY = 64 * 1024


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


@pytest.fixture(scope="session")
def fake():
    """Address of the fake provider."""
    process = subprocess.Popen([program("fake-provider")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    yield process.stdout.readline().strip()
    process.stdin.close()
    process.wait(PATIENCE)


@pytest.fixture(scope="session")
def recordings():
    """The provider that answers from recordings."""
    server = Recordings()
    yield server
    server.close()
    assert not server.wrong, "requests that were turned away:\n" + "\n".join(server.wrong)


@pytest.fixture(scope="session")
def proxy(fake, recordings, tmp_path_factory):
    """Address of the proxy."""
    folder = tmp_path_factory.mktemp("proxy")
    (folder / "config.yaml").write_text(manifests(fake, recordings.address))
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


@pytest.fixture(scope="session")
def client(proxy):
    """The official client, which must not hide an error behind a retry."""
    with openai.OpenAI(api_key=KEY, base_url=f"http://{proxy}/v1", max_retries=0, timeout=PATIENCE) as client:
        yield client


@pytest.fixture(scope="session")
def claude(proxy):
    """Anthropic's official client."""
    with anthropic.Anthropic(api_key=KEY, base_url=f"http://{proxy}", max_retries=0, timeout=PATIENCE) as client:
        yield client


@pytest.fixture(scope="session")
def gemini(proxy):
    """Google's official client."""
    with genai.Client(api_key=KEY, http_options={"base_url": f"http://{proxy}", "timeout": PATIENCE * 1000}) as client:
        yield client


@pytest.fixture(scope="session")
def restricted(proxy):
    """The same with a key that may use one model only."""
    with openai.OpenAI(
        api_key=RESTRICTED_KEY, base_url=f"http://{proxy}/v1", max_retries=0, timeout=PATIENCE
    ) as client:
        yield client
