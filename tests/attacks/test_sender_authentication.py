"""Nobody passes for somebody else: forged keys, envelopes, heads and headers, over real SMTP and real DNS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from engine.inbox.authentication import spf
from engine.inbox.authentication.dns import DnsNames, Lookups
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import engine_in
from tests.support.inboxes import Post, receiving
from tests.support.names import NameServer, serving_names
from tests.support.signing import SELECTOR, publish, record, signed

BOSS = "boss@victim.test"
STRANGER = "bounces@elsewhere.example"
PASSED = ("created", "")
WAITS = ("quarantined", "sender_unauthenticated")
SETTINGS: dict[str, Any] = {"relays": "none", "organizers": "*"}


@pytest.fixture
def names() -> Iterator[NameServer]:
    """The world's DNS: the victim publishes the strictest policy, and the attacker whatever suits."""
    with serving_names() as server:
        server.txt("_dmarc.victim.test", "v=DMARC1; p=reject; adkim=s; aspf=s")
        yield server


@pytest.fixture
async def post(tmp_path: Path, clock: Clock, names: NameServer) -> AsyncIterator[Post]:
    async with engine_in(tmp_path, clock, dns=names.address, **SETTINGS) as engine, receiving(engine) as post:
        yield post


def invitation(sender: str = BOSS, **values: Any) -> EmailMessage:
    return mails.request(mails.vevent(organizer=sender), sender=sender, proven=False, **values)


async def became(
    post: Post, raw: bytes, to: str = "create@cis.test", sender: str = STRANGER
) -> tuple[str, str]:
    intake = await post(raw, to, sender=sender)
    return intake.action, intake.code


def overlong(end: str = "attacker.example", length: int = 253) -> str:
    """A name of so many characters in the attacker's zone."""
    room = length - len(end)
    labels = ("a" * 49 + ".") * (room // 50)
    return f"{labels}{'a' * (room - len(labels) - 1)}.{end}"


@pytest.mark.parametrize("length", [253, 252, 200])
async def test_c1_an_overlong_selector_does_not_lead_to_the_key_of_a_stranger(
    post: Post, names: NameServer, length: int
) -> None:
    selector = overlong(length=length)
    names.txt(selector, record())
    raw = signed(invitation(), "victim.test", selector=selector)
    assert (await became(post, raw))[0] == "quarantined"
    assert not [asked for asked in names.asked if asked.endswith("attacker.example")]


async def test_c1_nor_does_it_forge_google_s_calendar_or_a_list(post: Post, names: NameServer) -> None:
    selector = overlong()
    names.txt(selector, record())
    google = invitation(headers={"Sender": "Google Calendar <calendar-notification@google.com>"})
    assert (await became(post, signed(google, "google.com", selector=selector)))[0] == "quarantined"
    listed = mails.listed("uid,email,name\nx,joe@example.org,Joe\n", sender=BOSS)
    raw = signed(listed, "victim.test", selector=selector)
    assert (await became(post, raw, "bulk@cis.test"))[0] == "quarantined"


@pytest.mark.parametrize("tag", ["s", "d"])
@pytest.mark.parametrize(
    "name", ["a..b", ".a", "a.", "-a", "a b", "a/b", "a*", "ä", "a" * 64, "a\\.b", "a@b", "", "a;b"]
)
async def test_c1_a_key_is_looked_up_under_domain_names_alone(names: NameServer, tag: str, name: str) -> None:
    from engine.inbox.authentication import signatures

    values = {"s": SELECTOR, "d": "victim.test", tag: name}
    line = "DKIM-Signature: v=1; a=rsa-sha256; h=from; bh=AAAA; b=AAAA; " + "; ".join(
        f"{key}={value}" for key, value in values.items()
    )
    raw = f"{line}\r\nFrom: {BOSS}\r\n\r\nbody\r\n".encode()
    found = await asyncio.to_thread(
        signatures.check, raw, Lookups(DnsNames(names.address)), lambda domain: True
    )
    assert all(one.result != "pass" for one in found)
    assert names.asked == [] or names.asked == [f"TXT {SELECTOR}._domainkey.{name}"]


@pytest.mark.parametrize(
    "sender",
    [
        f"a@{overlong()}.@victim.test",
        f'"a@{overlong()}."@victim.test',
        f"a@{overlong(length=60)}@victim.test",
        "a@attacker.example@victim.test",
        '"a@attacker.example"@victim.test',
        f"{'a' * 65}@victim.test",
    ],
)
async def test_c2_an_envelope_with_two_ats_or_an_overlong_local_part_has_no_spf_result(
    post: Post, names: NameServer, sender: str
) -> None:
    for name in (overlong(), overlong(length=60), "attacker.example"):
        names.txt(name, "v=spf1 +all")
    names.txt("victim.test", "v=spf1 -all")
    lookups = Lookups(DnsNames(names.address))
    found = await asyncio.to_thread(spf.check, lookups, "192.0.2.1", sender, "mx.attacker.example")
    assert found.result == "none"
    assert names.asked == []
    try:
        assert (await became(post, invitation().as_bytes(), sender=sender))[0] == "quarantined"
    except Exception as refused:  # noqa: BLE001 -- whatever the client makes of the refusal
        assert "553" in str(refused) or getattr(refused, "code", 0) == 553
    assert not [asked for asked in names.asked if "attacker" in asked]


@pytest.mark.parametrize("local", ["a" * 64, ".".join("a" * 30), "%{d}", "x.y"])
@pytest.mark.parametrize(
    "term", ["exists:%{l}.%{d}", "-exists:%{l}.%{l}.%{l}.%{l}.%{d}", "include:%{l}.%{d}"]
)
async def test_c2_a_macro_of_the_local_part_stays_within_the_domain(
    names: NameServer, local: str, term: str
) -> None:
    names.txt("victim.test", f"v=spf1 {term} -all")
    lookups = Lookups(DnsNames(names.address))
    found = await asyncio.to_thread(spf.check, lookups, "192.0.2.1", f"{local}@victim.test", "mx.example")
    assert found.result != "pass"
    assert all(asked.endswith("victim.test") for asked in names.asked)


@pytest.mark.parametrize(
    ("flags", "options"),
    [
        ("t=y", {}),
        ("t=s:y", {}),
        ("h=sha1", {}),
        ("t=s", {"identity": "@news.victim.test"}),
        ("s=tlsrpt", {}),
        ("k=ed25519", {}),
        ("v=DKIM2", {}),
    ],
)
async def test_l1_a_key_counts_for_what_its_owner_published_it_for(
    post: Post, names: NameServer, flags: str, options: dict[str, str]
) -> None:
    key = f"{SELECTOR}._domainkey.victim.test"
    published = record().removeprefix("v=DKIM1; k=rsa; ")
    names.txt(
        key, f"v=DKIM1; {flags}; {published}" if not flags.startswith("v=") else f"{flags}; {published}"
    )
    raw = signed(invitation(), "victim.test", **options)  # type: ignore[arg-type]
    assert (await became(post, raw))[0] == "quarantined"


@pytest.mark.parametrize(
    "flags", ["h=sha1:sha256", "t=s", "s=email:tlsrpt", "s=*", "k=rsa; n=a note", "t=foo"]
)
async def test_l1_a_key_that_allows_its_use_counts(post: Post, names: NameServer, flags: str) -> None:
    published = record().removeprefix("v=DKIM1; k=rsa; ")
    names.txt(f"{SELECTOR}._domainkey.victim.test", f"v=DKIM1; {flags}; {published}")
    assert await became(post, signed(invitation(), "victim.test")) == PASSED


async def test_l1_of_several_keys_under_one_selector_none_counts(post: Post, names: NameServer) -> None:
    names.txt(f"{SELECTOR}._domainkey.victim.test", record(), record(1024))
    assert (await became(post, signed(invitation(), "victim.test")))[0] == "quarantined"
    publish(names, "victim.test", policy_record="")
    names.txt(f"{SELECTOR}._domainkey.victim.test", record(), "v=spf1 -all")
    assert await became(post, signed(invitation(), "victim.test")) == PASSED
