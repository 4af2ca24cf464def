"""A delivery counts if its sender's secret signed it as it came; the vectors are openssl's and the vendors' own."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import timedelta

import pytest

from engine.model.triggers import Posted, Proof, Sender
from engine.refusals import Refused
from engine.triggers.proofs.proving import connector, proven
from tests.triggers import vectors
from tests.triggers.vectors import NOW, SECRET, Vector

NAMES = sorted([
    "hubspot", "stripe", "shopify", "greenhouse", "ashby", "github", "quickbooks", "xero", "standard",
    "standard by key", "generic", "lever", "pipedrive", "bearer", "salesforce flow", "salesforce message",
])  # fmt: skip
WEAK = {"lever", "pipedrive", "bearer", "salesforce flow", "salesforce message"}


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Vector]:
    return vectors.every(tmp_path_factory.mktemp("keys"))


def is_proven(vector: Vector, posted: Posted | None = None, *secrets: str) -> bool:
    return proven(posted or vector.posted, vector.proof, secrets or (vector.secret,), NOW)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_sender_signed_is_proven(every: dict[str, Vector], name: str) -> None:
    assert set(every) == set(NAMES)
    assert is_proven(every[name])


@pytest.mark.parametrize("name", NAMES)
def test_two_secrets_hold_at_once_and_none_proves_nothing(every: dict[str, Vector], name: str) -> None:
    vector = every[name]
    assert is_proven(vector, None, "another", vector.secret)
    assert is_proven(vector, None, vector.secret, "another")
    assert not is_proven(vector, None, "another")
    assert not proven(vector.posted, vector.proof, (), NOW)
    assert not proven(vector.posted, vector.proof, ("",), NOW)


def _changed(value: str, place: int) -> str:
    """`value` with one sign replaced by another of the same kind."""
    sign = value[place]
    return value[:place] + ("0" if sign != "0" else "1") + value[place + 1 :]


def mutations(vector: Vector) -> Iterator[Posted]:
    """The request with each byte changed of what the signature covers, and of the signature."""
    posted = vector.posted
    if "body" in vector.covers:
        for place in range(len(posted.body)):
            body = bytearray(posted.body)
            body[place] ^= 1
            yield posted.model_copy(update={"body": bytes(body)})
        yield posted.model_copy(update={"body": posted.body + b" "})
        yield posted.model_copy(update={"body": posted.body[:-1]})
    if "url" in vector.covers:
        for place in range(len(posted.url)):
            yield posted.model_copy(update={"url": _changed(posted.url, place)})
    if "method" in vector.covers:
        yield posted.model_copy(update={"method": "PUT"})
    for header in vector.covers & set(posted.headers):
        value = posted.headers[header]
        for place in range(len(value)):
            yield posted.model_copy(update={"headers": {**posted.headers, header: _changed(value, place)}})
        yield posted.model_copy(update={"headers": {k: v for k, v in posted.headers.items() if k != header}})
    for text in vector.shown:
        for other in (*(_changed(text, place) for place in range(len(text))), ""):
            body = posted.body.replace(text.encode(), other.encode())
            yield posted.model_copy(update={"body": body, "url": posted.url.replace(text, other)})


@pytest.mark.parametrize("name", NAMES)
def test_no_byte_of_body_time_address_or_signature_may_differ(every: dict[str, Vector], name: str) -> None:
    vector = every[name]
    changed = list(mutations(vector))
    assert len(changed) > (15 if name in WEAK else 30)
    assert vector.posted not in changed
    assert [posted for posted in changed if is_proven(vector, posted)] == []


@pytest.mark.parametrize("name", ["hubspot", "stripe", "standard", "standard by key", "generic"])
def test_a_signature_ends_five_minutes_from_its_time(every: dict[str, Vector], name: str) -> None:
    vector = every[name]
    for minutes, good in ((-6, False), (-4, True), (4, True), (6, False)):
        now = NOW + timedelta(minutes=minutes)
        assert proven(vector.posted, vector.proof, (vector.secret,), now) is good, minutes


@pytest.mark.parametrize("name", NAMES)
def test_a_proof_that_leaves_something_open_is_called_weak(every: dict[str, Vector], name: str) -> None:
    assert bool(connector(every[name].proof).weak) is (name in WEAK)


def test_hubspot_signs_the_public_address_and_never_the_host(every: dict[str, Vector]) -> None:
    posted = every["hubspot"].posted
    other = posted.model_copy(update={"url": posted.url.replace("cis.example.com", posted.headers["host"])})
    assert not is_proven(every["hubspot"], other)


def test_hubspot_decodes_some_signs_of_the_address_before_it_signs() -> None:
    url = "https://cis.example.com/hooks/deals?at=a%40b%3Ac"
    signed = b"POST" + b"https://cis.example.com/hooks/deals?at=a@b:c" + b"{}" + vectors.MILLISECONDS.encode()
    headers = {
        "x-hubspot-request-timestamp": vectors.MILLISECONDS,
        "x-hubspot-signature-v3": vectors.b64(vectors.openssl(signed)),
    }
    posted = Posted(method="POST", url=url, headers=headers, body=b"{}")
    assert proven(posted, Proof(sender=Sender.HUBSPOT), [SECRET], NOW)


def test_an_older_signature_of_hubspot_does_not_count(every: dict[str, Vector]) -> None:
    posted = every["hubspot"].posted
    headers = {"x-hubspot-signature": posted.headers["x-hubspot-signature-v3"]}
    headers["x-hubspot-request-timestamp"] = vectors.MILLISECONDS
    assert not is_proven(every["hubspot"], posted.model_copy(update={"headers": headers}))


def test_github_s_published_example() -> None:
    """docs.github.com/webhooks, "Testing the webhook payload validation"."""
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    posted = Posted(
        method="POST", url="https://cis.example.com/hooks/x", headers={"x-hub-signature-256": signature},
        body=b"Hello, World!",
    )  # fmt: skip
    assert proven(posted, Proof(sender=Sender.GITHUB), ["It's a Secret to Everybody"], NOW)


def test_stripe_s_second_signature_counts_while_a_secret_is_rolled(every: dict[str, Vector]) -> None:
    posted = every["stripe"].posted
    time, good = posted.headers["stripe-signature"].split(",")
    for header, counts in (
        (f"{time},v1={'0' * 64},{good}", True),
        (f"{time},{good},v0=abc", True),
        (f"{time},{good.replace('v1', 'v0')}", False),
        (f"{time},{time},{good}", False),
        (",".join([time, *["v1=00"] * 5, good]), False),
    ):
        headers = {"stripe-signature": header}
        assert is_proven(every["stripe"], posted.model_copy(update={"headers": headers})) is counts, header


def test_a_salesforce_message_of_another_organization_or_with_a_document_type_is_not_proven(
    every: dict[str, Vector],
) -> None:
    vector = every["salesforce message"]
    other = vector.posted.body.replace(b"00D000000000001EAA", b"00D000000000002EAA")
    entity = b'<!DOCTYPE a [<!ENTITY b "00D000000000001">]>' + vector.posted.body.split(b"?>")[1]
    for body in (other, entity, b"<", b"\xff\xfe<", b"<a/>"):
        assert not is_proven(vector, vector.posted.model_copy(update={"body": body}))
    assert connector(vector.proof).elements(vector.posted) == [
        {"id": "04l1", "object": {"Id": "0061", "StageName": "Demo"}}
    ]
    assert "<Ack>true</Ack>" in connector(vector.proof).answer.body


@pytest.mark.parametrize("name", NAMES)
def test_a_delivery_has_the_sender_s_id_or_none(every: dict[str, Vector], name: str) -> None:
    found = connector(every[name].proof)
    ids = {found.delivery_id(every[name].posted, one) for one in found.elements(every[name].posted)}
    known = {
        "hubspot": "2:1:3:4",
        "stripe": "evt_1",
        "standard": "msg_1",
        "standard by key": "msg_1",
        "generic": "abc",
        "lever": "l1",
        "pipedrive": "p1",
        "salesforce message": "04l1",
    }
    assert ids == {known.get(name, "")}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"NaN",
        b'{"a":Infinity}',
        b'{"a":1e999}',
        b"[" * 500 + b"]" * 500,
        b'{"a":' * 65 + b"1" + b"}" * 65,
        b"\xff",
        b'{"a":' + b"9" * 5000 + b"}",
        b"[" * 200_000,
    ],
)
def test_what_is_not_json_is_refused_and_hangs_nothing(body: bytes) -> None:
    posted = Posted(method="POST", url="https://cis.example.com/hooks/x", headers={}, body=body)
    with pytest.raises(Refused) as refused:
        connector(Proof(sender=Sender.STRIPE)).elements(posted)
    assert refused.value.code == "invalid_payload"


def test_a_batch_of_hubspot_holds_a_hundred_at_most() -> None:
    batch = connector(Proof(sender=Sender.HUBSPOT)).elements
    hundred = vectors.hubspot(b"[" + b",".join([b"{}"] * 100) + b"]").posted
    assert len(batch(hundred)) == 100
    with pytest.raises(Refused):
        batch(hundred.model_copy(update={"body": b"[" + b",".join([b"{}"] * 101) + b"]"}))


def test_a_signature_by_key_has_one_way_of_writing(every: dict[str, Vector]) -> None:
    vector = every["standard by key"]
    given = vector.posted.headers["webhook-signature"]
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    assert given.endswith("==")
    last = letters.index(given[-3])
    ways = [f"{given[:-3]}{letters[last // 16 * 16 + n]}==" for n in range(16)]
    same = [
        vector.posted.model_copy(update={"headers": {**vector.posted.headers, "webhook-signature": one}})
        for one in ways
    ]
    assert len({base64.b64decode(one.removeprefix("v1a,")) for one in ways}) == 1
    assert [posted.headers["webhook-signature"] for posted in same if is_proven(vector, posted)] == [given]
