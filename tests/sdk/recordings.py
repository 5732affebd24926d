"""A provider of every type that answers from recordings, and only to requests as that type takes them: at its place,
for its model, with its credential. Requests to Bedrock are judged by AWS's own SDK, those for tokens by Google's."""

import contextlib
import dataclasses
import datetime
import http.server
import json
import re
import threading
import urllib.parse

import google.auth.jwt
from cryptography.hazmat.primitives import serialization

import aws
import converse
from providers import ACCESS_TOKEN, BREAKS, FIXTURES, REGION, SECRETS, SERVICE_ACCOUNT, TYPES, expected

# What breaks.
BROKEN = "text-basic-stream"
# Bytes of a piece of a stream: events are cut anywhere.
PIECE = 61
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LATE = datetime.timedelta(minutes=5)


@dataclasses.dataclass
class Seen:
    """A request: the type and the recording it was for, and what it was."""

    type: str
    case: str
    path: str
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


@dataclasses.dataclass
class Answer:
    status: int
    body: bytes
    headers: dict


class Wrong(Exception):
    """A request is not what the type of provider takes."""


class Recordings:
    """The server, on a port of loopback."""

    def __init__(self):
        self.seen = []
        # Why requests were turned away.
        self.wrong = []
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.recordings = self
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path, headers, body):
        try:
            if path == "/token":
                return self.token(urllib.parse.parse_qs(body.decode()))
            _, type, case, place = path.split("/", 3)
            seen = Seen(type, case, path, headers, body)
            self.seen.append(seen)
            check(seen, "/" + place)
            return recorded(seen)
        except Wrong as wrong:
            self.wrong.append(f"{path}: {wrong}")
            error = {"message": str(wrong)}
            return Answer(400, json.dumps({**error, "error": error}).encode(), {"content-type": "application/json"})

    def token(self, form):
        """A token for an assertion that Google's library takes."""
        if form["grant_type"] != [GRANT]:
            raise Wrong(f"the grant is {form['grant_type']}")
        key = serialization.load_pem_private_key(SERVICE_ACCOUNT["private_key"].encode(), None).public_key()
        public = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        certificates = {SERVICE_ACCOUNT["private_key_id"]: public}
        try:
            claims = google.auth.jwt.decode(
                form["assertion"][0], certs=certificates, audience=f"http://{self.address}/token"
            )
        except ValueError as error:
            raise Wrong(f"the assertion is refused: {error}") from error
        if (claims["iss"], claims["scope"]) != (SERVICE_ACCOUNT["client_email"], SCOPE):
            raise Wrong(f"the assertion claims {claims}")
        token = {"access_token": ACCESS_TOKEN, "expires_in": 3599, "token_type": "Bearer"}
        return Answer(200, json.dumps(token).encode(), {"content-type": "application/json"})


def check(seen, place):
    """Whether a request is what its type of provider takes."""
    kind = TYPES[seen.type]
    # As it stands in a path: the model's name, and the same escaped.
    names = "|".join(re.escape(urllib.parse.quote(kind.upstream, safe=safe)) for safe in ("@", ""))
    if not re.fullmatch(kind.base + kind.asked.replace("{model}", f"({names})"), place):
        raise Wrong(f"it is not asked at {place}")
    if "{model}" not in kind.asked and seen.json.get("model") != kind.upstream:
        raise Wrong(f"it is asked for the model {seen.json.get('model')}")
    if kind.spec["type"] == "Bedrock":
        if problems := aws.problems(place, seen.json):
            raise Wrong("; ".join(problems))
    if kind.header:
        name, value = kind.header
        if seen.headers.get(name) != value:
            raise Wrong(f"its credential is missing or another: {name}")
    else:
        check_signature(seen, SECRETS[kind.secret[0]])


def check_signature(seen, access_key):
    expected = aws.authorization(seen.path, seen.headers, seen.body, access_key, REGION)
    if seen.headers["authorization"] != expected:
        raise Wrong(f"it is signed {seen.headers['authorization']}, not {expected}")
    if seen.headers.get("x-amz-security-token") != access_key.get("sessionToken"):
        raise Wrong("the token of its session is missing or another")
    signed = datetime.datetime.strptime(seen.headers["x-amz-date"], "%Y%m%dT%H%M%SZ")
    signed = signed.replace(tzinfo=datetime.timezone.utc)
    if abs(datetime.datetime.now(datetime.timezone.utc) - signed) > LATE:
        raise Wrong(f"it was signed at {signed}")


def recorded(seen):
    """The answer of a recording."""
    kind = TYPES[seen.type]
    if kind.spec["type"] == "Bedrock":
        return of_bedrock(seen)
    if seen.case == BREAKS:
        whole = recorded(dataclasses.replace(seen, case=BROKEN))
        return dataclasses.replace(whole, body=whole.body[: len(whole.body) // 2])
    case = kind.errors.get(seen.case, seen.case)
    protocol, _, case = case.rpartition("@")
    folder = FIXTURES / (protocol or kind.recordings) / case
    meta = json.loads((folder / "meta.json").read_text()).get("http", {})
    headers = {"content-type": "application/json"}
    file = folder / "response.json"
    if not file.exists():
        file, headers = folder / "response.sse", {"content-type": "text/event-stream"}
    for name in ("content-type", "retry-after", "retry-after-ms"):
        if name in meta.get("response_headers", {}):
            headers[name] = meta["response_headers"][name]
    return Answer(meta.get("status", 200), file.read_bytes(), headers)


def of_bedrock(seen):
    """An answer of Bedrock's, as JSON or as a stream, whichever was asked for."""
    if seen.case in converse.ERRORS:
        status, type, message = converse.ERRORS[seen.case]
        headers = {"content-type": "application/json", "x-amzn-errortype": f"{type}:http://internal.amazon.com/coral/"}
        return Answer(status, json.dumps({"message": message}).encode(), headers)
    facts = expected(seen.type, BROKEN if seen.case == BREAKS else seen.case)
    if seen.path.endswith("/converse-stream"):
        stream = converse.broken_stream if seen.case == BREAKS else converse.stream
        return Answer(200, stream(facts), {"content-type": "application/vnd.amazon.eventstream"})
    return Answer(200, json.dumps(converse.answer(facts)).encode(), {"content-type": "application/json"})


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle(self):
        # A client that goes away is no news.
        with contextlib.suppress(ConnectionError):
            super().handle()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.recordings.answer(self.path, headers, body)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for start in range(0, len(answer.body), PIECE):
            piece = answer.body[start : start + PIECE]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_):
        pass
