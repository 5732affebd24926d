"""What the tests are run against: every type of provider, the recordings it answers with, and the manifests of all of
them. The tests of the `ai` SDK read the same, as JSON."""

import dataclasses
import json
import pathlib

import converse

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "proxy/protocol/fixtures"

KEY = "sk-sdk-tests-0123456789abcdef"
RESTRICTED_KEY = "sk-sdk-restricted-0123456789abc"

# Model name and how the provider behind it behaves.
BEHAVIOURS = {
    "chat": "ok",
    "slow": "slow-30",
    "sleepy": "slow-10500",
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

# Recordings that every type has.
CASES = [
    "text-basic",
    "text-basic-stream",
    "tools-parallel-turn1",
    "tools-parallel-stream-turn1",
    "max-tokens",
    "structured-strict",
    "structured-strict-stream",
]
# A stream of text that ends in the middle, as if nothing were wrong; of Bedrock with an exception.
BREAKS = "breaks-stream"

REGION = "eu-central-1"
ACCESS_KEY = {"accessKeyId": "AKIDEXAMPLE", "secretAccessKey": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
SESSION_TOKEN = "FwoGZXIvYXdzEBYaDH//session+token=="
BEDROCK_KEY = "ABSKQmVkcm9ja0FQSUtleS1leGFtcGxl"
ACCESS_TOKEN = "ya29.sdk-tests"
# A key made for tests and used nowhere else.
SERVICE_ACCOUNT = {
    "type": "service_account",
    "client_email": "proxy@my-project.iam.gserviceaccount.com",
    "private_key_id": "k1",
    "private_key": (ROOT / "proxy/tests/data_plane/service-account.pem").read_text(),
}
SECRETS = {
    "provider": {"key": "sk-p"},
    "aws": ACCESS_KEY,
    "aws-session": {**ACCESS_KEY, "sessionToken": SESSION_TOKEN},
    "bedrock": {"key": BEDROCK_KEY},
}
SECRET_OF_PROVIDER = ("provider", "key")


@dataclasses.dataclass(frozen=True)
class Type:
    """A type of provider: what its manifest says, and what requests to it have to look like."""

    # What the manifest says beside endpoint, credentials and models.
    spec: dict
    # The folder of the recordings, and the recordings of errors by what they are asked for as.
    recordings: str
    errors: dict
    # What the provider calls its model.
    upstream: str
    # Where it is asked: below the endpoint, whose path is `base`. `{model}` stands for `upstream`.
    base: str
    asked: str
    # The Secret of its credential and the key there; and the header it comes in. None: a signature of AWS.
    secret: tuple = SECRET_OF_PROVIDER
    header: tuple = None


OPENAI_ERRORS = {"limited": "error-429-tokens", "broken": "error-500", "missing": "model-not-found"}
ANTHROPIC_ERRORS = {"limited": "error-429", "broken": "error-500", "missing": "model-not-found"}
GEMINI_ERRORS = {"limited": "error-429-quota-retryinfo", "broken": "error-503-overloaded", "missing": "model-not-found"}
BEDROCK_ERRORS = {case: case for case in converse.ERRORS}

BEARER = ("authorization", "Bearer sk-p")
GENERATE = r":(generateContent|streamGenerateContent\?alt=sse)"
VERTEX = {"type": "VertexAI", "vertex": {"project": "my-project", "region": "europe-west1"}}
VERTEX_PATH = "/projects/my-project/locations/europe-west1/publishers"
VERTEX_CREDENTIAL = {"secret": ("vertex", "key.json"), "header": ("authorization", f"Bearer {ACCESS_TOKEN}")}
BEDROCK = {"type": "Bedrock", "bedrock": {"region": REGION}}
CONVERSE = "/model/{model}/converse(-stream)?"

RECORDED = {
    "OpenAI": Type(
        {"type": "OpenAI", "protocols": ["ChatCompletions"]}, "openai_chat", OPENAI_ERRORS,
        "gpt-4o", "/v1", "/chat/completions", header=BEARER,
    ),
    "Responses": Type(
        {"type": "OpenAI", "protocols": ["Responses"]}, "openai_responses",
        {**OPENAI_ERRORS, "broken": "openai_chat@error-500"},
        "gpt-4o", "/v1", "/responses", header=BEARER,
    ),
    "Compatible": Type(
        {"type": "OpenAICompatible"}, "openai_chat", OPENAI_ERRORS,
        "llama-3.3-70b", "/v1", "/chat/completions", header=BEARER,
    ),
    "Azure": Type(
        {"type": "AzureOpenAI", "azure": {"apiVersion": "2025-04-01-preview"}}, "openai_chat",
        {**OPENAI_ERRORS, "limited": "error-azure-429-retry-after"},
        "production", "", r"/openai/deployments/{model}/chat/completions\?api-version=2025-04-01-preview",
        header=("api-key", "sk-p"),
    ),
    "Anthropic": Type(
        {"type": "Anthropic"}, "anthropic_messages", ANTHROPIC_ERRORS,
        "claude-sonnet-4-5", "/v1", "/messages", header=("x-api-key", "sk-p"),
    ),
    "Gemini": Type(
        {"type": "Gemini"}, "gemini_generate", GEMINI_ERRORS,
        "gemini-2.5-flash", "/v1beta", "/models/{model}" + GENERATE, header=("x-goog-api-key", "sk-p"),
    ),
    "VertexGemini": Type(
        VERTEX, "gemini_generate", GEMINI_ERRORS,
        "gemini-2.5-flash", "/v1", VERTEX_PATH + "/google/models/{model}" + GENERATE, **VERTEX_CREDENTIAL,
    ),
    "VertexClaude": Type(
        VERTEX, "anthropic_messages", ANTHROPIC_ERRORS,
        "claude-sonnet-4-5@20250929", "/v1", VERTEX_PATH + "/anthropic/models/{model}:(rawPredict|streamRawPredict)",
        **VERTEX_CREDENTIAL,
    ),
    "Bedrock": Type(
        BEDROCK, "anthropic_messages", BEDROCK_ERRORS,
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "", CONVERSE, secret=("aws", "accessKeyId"),
    ),
    # A model of another family, and an API key instead of signatures.
    "BedrockNova": Type(
        BEDROCK, "openai_chat", BEDROCK_ERRORS, "amazon.nova-pro-v1:0", "", CONVERSE,
        secret=("bedrock", "key"), header=("authorization", f"Bearer {BEDROCK_KEY}"),
    ),
}
# For the tests of Bedrock alone: the key of a session, and a model whose name has a slash.
SESSION = dataclasses.replace(
    RECORDED["Bedrock"],
    upstream="arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
    secret=("aws-session", "accessKeyId"),
)
TYPES = {**RECORDED, "BedrockSession": SESSION}


def cases(type):
    """What a type of provider is asked for."""
    return [*CASES, *TYPES[type].errors, BREAKS]


def recorded(type, case):
    """The name of the model that answers from a recording of a type of provider."""
    return f"{type.lower()}-{case}"


def expected(type, case):
    """What a recording says, by its own account of it."""
    return json.loads((FIXTURES / TYPES[type].recordings / case / "expect.json").read_text())


def provider(name, url, **spec):
    return {
        "apiVersion": "llmproxy.dev/v1alpha1",
        "kind": "LLMProvider",
        "metadata": {"name": name},
        "spec": {"type": "OpenAICompatible", "endpoint": {"url": url}, "models": [{"name": name}], **spec},
    }


def secret(name, values):
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": values}


def master_key(name, key, **spec):
    owner = {
        "apiVersion": "llmproxy.dev/v1alpha1",
        "kind": "MasterKey",
        "metadata": {"name": name},
        "spec": {"secretRef": {"name": name, "key": "key"}, **spec},
    }
    return [secret(name, {"key": key}), owner]


def manifests(fake, recordings):
    """All objects, given where the fake provider and the one that answers from recordings are."""
    objects = [provider(model, f"http://{fake}/{behaviour}/v1") for model, behaviour in BEHAVIOURS.items()]
    for waiting in objects:
        if waiting["metadata"]["name"] == "hangs":
            waiting["spec"]["timeouts"] = {"firstByte": "300ms", "total": "5s"}
    objects += [secret(name, values) for name, values in SECRETS.items()]
    account = json.dumps({**SERVICE_ACCOUNT, "token_uri": f"http://{recordings}/token"})
    objects.append(secret("vertex", {"key.json": account}))
    for type, kind in TYPES.items():
        for case in cases(type):
            name, (from_secret, key) = recorded(type, case), kind.secret
            objects.append(provider(
                name,
                f"http://{recordings}/{type}/{case}{kind.base}",
                credentials=[{"secretRef": {"name": from_secret, "key": key}}],
                models=[{"name": name, "upstream": kind.upstream}],
                **kind.spec,
            ))
    # Port 9 of loopback: nobody is there.
    objects.append(provider("unreachable", "http://127.0.0.1:9/v1"))
    objects += master_key("everything", KEY)
    objects += master_key("restricted", RESTRICTED_KEY, allowedModels=["chat"])
    # JSON is YAML.
    return "\n---\n".join(json.dumps(one) for one in objects)
