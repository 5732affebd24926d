"""What AWS's own SDK says of a request to Bedrock: whether it is one, and how it is signed."""

import base64
import binascii
import json
import re
import urllib.parse

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.serialize import create_serializer
from botocore.validate import ParamValidator

SESSION = botocore.session.get_session()
SERVICE = SESSION.get_service_model("bedrock-runtime")
OPERATIONS = {"converse": "Converse", "converse-stream": "ConverseStream", "count-tokens": "CountTokens"}
SIGNED = {"content-type", "host", "x-amz-date"}


def problems(path, body):
    """Why AWS's SDK would not have sent that body to that path: nothing if it would have."""
    model, _, operation = path.removeprefix("/model/").rpartition("/")
    operation = SERVICE.operation_model(OPERATIONS[operation])
    params = {"modelId": urllib.parse.unquote(model), **body}
    found = []
    params = read(params, operation.input_shape, "", found)
    report = ParamValidator().validate(params, operation.input_shape)
    found += report.generate_report().splitlines()
    if not found:
        request = create_serializer(SERVICE.metadata["protocol"]).serialize_to_request(params, operation)
        if request["url_path"] != path:
            found.append(f"the path is {path}, not {request['url_path']}")
        if json.loads(request["body"]) != body:
            found.append(f"the body is not {request['body']}")
    return found


def read(value, shape, at, found):
    """The value as the SDK takes it, which has bytes where the body has base64. What its validator passes over is
    checked here: words, patterns and upper bounds."""
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict) and not shape.is_document_type:
        members = shape.members
        return {
            key: read(inner, members[key], f"{at}.{key}", found) if key in members else inner
            for key, inner in value.items()
        }
    if kind == "list" and isinstance(value, list):
        upper_bound(len(value), shape, at, found)
        return [read(inner, shape.member, f"{at}[{index}]", found) for index, inner in enumerate(value)]
    if kind == "map" and isinstance(value, dict):
        upper_bound(len(value), shape, at, found)
        return {key: read(inner, shape.value, f"{at}.{key}", found) for key, inner in value.items()}
    if kind == "blob" and isinstance(value, str):
        try:
            return base64.b64decode(value, validate=True)
        except binascii.Error as error:
            found.append(f"{at}: no base64: {error}")
    if kind == "string" and isinstance(value, str):
        upper_bound(len(value), shape, at, found)
        if shape.enum and value not in shape.enum:
            found.append(f"{at}: {value!r} is none of {shape.enum}")
        if not re.fullmatch(shape.metadata.get("pattern", ".*"), value, re.DOTALL):
            found.append(f"{at}: {value!r} does not match {shape.metadata['pattern']}")
    if kind in ("integer", "long", "float", "double") and isinstance(value, (int, float)):
        upper_bound(value, shape, at, found)
    return value


def upper_bound(value, shape, at, found):
    if value > shape.metadata.get("max", value):
        found.append(f"{at}: {value} is more than {shape.metadata['max']}")


def authorization(path, headers, body, access_key, region):
    """The `Authorization` header of a request as AWS's SDK would have written it: the same request at the same time,
    with the same headers signed."""
    _, _, names = headers["authorization"].partition("SignedHeaders=")
    names = names.partition(",")[0].split(";")
    wanted = SIGNED | ({"x-amz-security-token"} if access_key.get("sessionToken") else set())
    assert wanted <= set(names), f"{wanted - set(names)} are not signed"
    request = AWSRequest(
        "POST", f"http://{headers['host']}{path}", headers={name: headers[name] for name in names}, data=body
    )
    request.context["timestamp"] = headers["x-amz-date"]
    keys = ("accessKeyId", "secretAccessKey", "sessionToken")
    signer = SigV4Auth(Credentials(*map(access_key.get, keys)), SERVICE.signing_name, region)
    canonical = signer.canonical_request(request)
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    return signer._inject_signature_to_request(request, signature).headers["Authorization"]
