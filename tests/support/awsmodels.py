"""botocore's own descriptions of the services of AWS: what a request must look like, and how an answer is read."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel
from botocore.parsers import create_parser
from botocore.validate import ParamValidator

from engine.aws.signing import SigningKeys


@cache
def service(name: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(name, "service-2"), name)


def operation(name: str, of: str = "sesv2") -> OperationModel:
    return service(of).operation_model(name)


def complaints(values: Mapping[str, Any], shape: Any) -> str:
    """What is wrong with the values of a request, or of an answer; empty if nothing is."""
    report = ParamValidator().validate(values, shape)
    return report.generate_report() if report.has_errors() else ""


def send_email_values(body: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON body of SendEmail as the values of its call: blobs are bytes."""
    content = dict(body["Content"])
    content["Raw"] = {**content["Raw"], "Data": base64.b64decode(content["Raw"]["Data"], validate=True)}
    return {**body, "Content": content}


def parsed(answer: tuple[int, Mapping[str, str], bytes], name: str, of: str = "sesv2") -> dict[str, Any]:
    """An HTTP answer as boto3 reads it."""
    status, headers, body = answer
    parser = create_parser(service(of).metadata["protocol"])
    said = {"status_code": status, "headers": dict(headers), "body": body}
    found: dict[str, Any] = parser.parse(said, operation(name, of).output_shape)
    return found


def unknown(name: str, of: str, query: Iterable[str], headers: Iterable[str]) -> set[str]:
    """Names of a query, and of headers that are the service's own, which an operation does not have (REST XML)."""
    shape = operation(name, of).input_shape
    known = {member.serialization.get("name", "").lower() for member in shape.members.values()}
    return {each for each in (*query, *headers) if each.lower() not in known}


def signature(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    keys: SigningKeys,
    scope: tuple[str, str],
    stamp: str,
) -> tuple[str, str]:
    """The names of the signed headers and the signature, by botocore's signer; `scope` is service and region."""
    request = AWSRequest(method=method, url=url, data=body, headers=dict(headers))
    request.context["timestamp"] = stamp
    credentials = Credentials(keys.access, keys.secret, keys.token or None)
    auth = (S3SigV4Auth if scope[0] == "s3" else SigV4Auth)(credentials, *scope)
    request.context.setdefault("signing", {})
    request.context["client_config"] = Config(s3={"payload_signing_enabled": True})
    canonical = auth.canonical_request(request)
    found: str = auth.signature(auth.string_to_sign(request, canonical), request)
    return auth.signed_headers(auth.headers_to_sign(request)), found
