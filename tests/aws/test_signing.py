"""Requests are signed as botocore signs them, whatever they hold."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.aws.signing import Request, RequestSigner, SigningKeys
from tests.support.awsmodels import signature

_TOKENS = st.text("abcXYZ019-_.~ /+&=%:é漢", max_size=12)
_HEADERS = st.dictionaries(
    st.sampled_from(["content-type", "x-amz-target", "x-amz-meta-a", "Accept"]),
    st.text("abc019 ;=/._", min_size=1, max_size=30).map(str.strip).filter(bool),
)
_TIMES = st.integers(1_577_836_800, 2_114_380_800).map(lambda s: datetime.fromtimestamp(s, UTC))
_KEYS = st.builds(
    SigningKeys,
    access=st.from_regex(r"AKIA[A-Z0-9]{4,16}", fullmatch=True),
    secret=st.text("abcXYZ019+/", min_size=1, max_size=40),
    token=st.text("abcXYZ019+/=", max_size=40),
)


def _by_botocore(
    request: Request, made: dict[str, str], keys: SigningKeys, scope: tuple[str, str]
) -> tuple[str, str]:
    url = f"https://{request.host}{request.target}"
    unsigned = {name: value for name, value in made.items() if name != "authorization"}
    return signature(request.method, url, unsigned, request.body, keys, scope, made["x-amz-date"])


@settings(max_examples=60)
@given(
    keys=_KEYS,
    times=st.lists(_TIMES, min_size=1, max_size=3),
    path=st.lists(_TOKENS.filter(lambda t: t not in {".", ".."}), max_size=3),
    query=st.lists(st.tuples(_TOKENS.filter(bool), _TOKENS), max_size=4),
    headers=_HEADERS,
    body=st.binary(max_size=50),
    host=st.sampled_from(["email.eu-west-1.amazonaws.com", "127.0.0.1:4566"]),
)
def test_a_request_is_signed_as_botocore_signs_it(keys, times, path, query, headers, body, host) -> None:  # type: ignore[no-untyped-def]
    signer = RequestSigner("ses", "eu-west-1")  # one for all times, as days pass and keys are made anew
    encoded = "/" + "/".join(quote(piece, safe="") for piece in path if piece)
    request = Request("POST", host, encoded, query, headers, body)
    for now in times:
        made = signer.headers(request, keys, now)
        names, expected = _by_botocore(request, made, keys, ("ses", "eu-west-1"))
        said = re.search(r"SignedHeaders=(\S+), Signature=(\w+)", made["authorization"])
        assert said and said.groups() == (names, expected)


@settings(max_examples=30)
@given(key=st.lists(_TOKENS.filter(bool), min_size=1, max_size=3).map("/".join), body=st.binary(max_size=20))
def test_a_request_to_s3_is_signed_as_botocore_signs_it(key: str, body: bytes) -> None:
    request = Request("PUT", "b.s3.eu-west-1.amazonaws.com", f"/{quote(key, safe='/~')}", body=body)
    keys = SigningKeys("AKIA", "secret")
    made = RequestSigner("s3", "eu-west-1").headers(request, keys, datetime(2027, 3, 1, tzinfo=UTC))
    names, expected = _by_botocore(request, made, keys, ("s3", "eu-west-1"))
    said = re.search(r"SignedHeaders=(\S+), Signature=(\w+)", made["authorization"])
    assert said and said.groups() == (names, expected)


def test_the_time_of_a_signature_is_utc_whatever_zone_the_clock_has() -> None:
    there = datetime(2026, 3, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    made = RequestSigner("ses", "eu-west-1").headers(
        Request("GET", "h", "/"), SigningKeys("AKIA", "s"), there
    )
    assert made["x-amz-date"] == "20260228T230000Z"
    assert "/20260228/eu-west-1/ses/aws4_request" in made["authorization"]
