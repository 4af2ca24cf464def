"""Our own DKIM, SPF and DMARC: real mails over real SMTP, judged with a real DNS server."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from engine.commands.operators.organizers import SettleOrganizer
from engine.inbox.authentication import signatures, spf
from engine.inbox.authentication.dns import DnsNames, Lookups
from engine.inbox.intake import authenticator
from engine.inbox.intake.intake import Inbox
from engine.mail.incoming.dmarc import Policy, proofs
from engine.model.actors import Actor
from engine.model.counters import Intake
from engine.model.people import Partstat
from engine.model.queries import EventQuery
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import attendee, created, deliver, do, engine_in, invite
from tests.support.inboxes import Post, inbox_of, receiving
from tests.support.names import NameServer, serving_names
from tests.support.signing import SELECTOR, publish, record, signed
from tests.support.steps import counting
from tests.support.waiting import DEADLINE_S, eventually

OLGA = "olga@example.org"
DMARC = "_dmarc.example.org"
PASSED = ("created", "")
WAITS = ("quarantined", "sender_unauthenticated")
Spend = Callable[[NameServer], None]


@pytest.fixture
def names() -> Iterator[NameServer]:
    with serving_names() as server:
        yield server


@asynccontextmanager
async def open_to_the_world(
    folder: Path, clock: Clock, names: NameServer, *, retry_s: float = 0.002, **values: Any
) -> AsyncIterator[Post]:
    """An inbox with no server of ours in front of it."""
    settings = {"relays": "none", "dns": names.address, "organizers": "*@example.org", **values}
    async with (
        engine_in(folder, clock, **settings) as engine,
        receiving(engine, Inbox(engine, retry_s=retry_s)) as post,
    ):
        yield post


@pytest.fixture
async def post(tmp_path: Path, clock: Clock, names: NameServer) -> AsyncIterator[Post]:
    async with open_to_the_world(tmp_path, clock, names) as opened:
        yield opened


def invitation(sender: str = OLGA, **values: Any) -> EmailMessage:
    event = mails.vevent(organizer=sender)
    return mails.request(event, sender=sender, proven=False, **values)


async def became(post: Post, raw: bytes, sender: str = OLGA) -> tuple[str, str]:
    intake = await post(raw, "create@cis.test", sender=sender)
    return intake.action, intake.code


async def why(post: Post, raw: bytes) -> str:
    """The reason for which a mail waits."""
    intake: Intake = await post(raw, "create@cis.test", sender="bounces@elsewhere.example")
    assert (intake.action, intake.code) == WAITS
    return intake.detail


async def test_a_signature_of_the_from_domain_proves_the_sender(post: Post, names: NameServer) -> None:
    publish(names, "example.org")
    assert await became(post, signed(invitation(), "example.org"), "bounces@elsewhere.example") == PASSED


async def test_a_signature_counts_without_a_policy_and_with_simple_canonicalization(
    post: Post, names: NameServer
) -> None:
    publish(names, "example.org", policy_record="")
    assert await became(post, signed(invitation(), "example.org", relaxed=False)) == PASSED


async def test_a_changed_body_breaks_the_signature(post: Post, names: NameServer) -> None:
    publish(names, "example.org")
    raw = signed(invitation(), "example.org").replace(b"See the calendar", b"See the circus")
    assert "body hash mismatch" in await why(post, raw)


async def test_a_replayed_mail_with_another_from_is_not_proven(post: Post, names: NameServer) -> None:
    publish(names, "example.org")
    publish(names, "example.net")
    raw = signed(invitation("mallory@example.net"), "example.net")
    assert "dkim=none" in await why(
        post, raw.replace(b"From: mallory@example.net", b"From: olga@example.org")
    )
    raw = signed(invitation("zoe@example.org"), "example.org")
    assert "dkim=fail" in await why(post, raw.replace(b"From: zoe@", b"From: olga@"))


async def test_a_stranger_s_signature_proves_nothing_and_is_not_looked_up(
    post: Post, names: NameServer
) -> None:
    publish(names, "example.net")
    await why(post, signed(invitation(), "example.net"))
    assert not [asked for asked in names.asked if "_domainkey" in asked]


@pytest.mark.parametrize(
    ("policy", "outcome"), [("v=DMARC1; p=none", PASSED), ("v=DMARC1; p=none; adkim=s", WAITS)]
)
async def test_a_subdomain_s_signature_counts_unless_the_policy_is_strict(
    post: Post, names: NameServer, policy: str, outcome: tuple[str, str]
) -> None:
    publish(names, "mail.example.org", policy_record="")
    names.txt(DMARC, policy)
    assert await became(post, signed(invitation(), "mail.example.org"), "x@elsewhere.example") == outcome


def many_lookups(names: NameServer) -> None:
    """An SPF record of a subdomain that causes more lookups than a mail may."""
    hosts = {f"m{n}.mail.example.org": [f"h{k}.m{n}.mail.example.org" for k in range(10)] for n in range(5)}
    for domain, found in hosts.items():
        names.add(domain, "MX", *(f"{k} {host}." for k, host in enumerate(found)))
        for host in found:
            names.add(host, "A", "192.0.2.9")
    names.txt("mail.example.org", f"v=spf1 {' '.join(f'mx:{domain}' for domain in hosts)} -all")


def silent_host(names: NameServer) -> None:
    """An SPF record of a subdomain that waits for a host whose server says nothing."""
    names.txt("mail.example.org", "v=spf1 a:slow.mail.example.org -all")
    names.silent.add("slow.mail.example.org")


@pytest.mark.parametrize("size", [0, 300_000], ids=["small", "large"])
@pytest.mark.parametrize("spend", [many_lookups, silent_host])
async def test_a_strict_policy_holds_whatever_the_records_of_the_sender_cost(
    post: Post, names: NameServer, monkeypatch: pytest.MonkeyPatch, spend: Spend, size: int
) -> None:
    # Only who says nothing is waited for: many lookups may take as long as a busy machine needs.
    first = DEADLINE_S if spend is many_lookups else 0.5
    monkeypatch.setattr(authenticator, "_TRIES_S", (first, 0.1, 0.1))
    publish(names, "mail.example.org", policy_record="")
    names.txt(DMARC, "v=DMARC1; p=reject; adkim=s; aspf=s")
    spend(names)
    raw = signed(invitation(text="x" * 70 + "\n" + "y" * size), "mail.example.org")
    assert await became(post, raw, "x@mail.example.org") == WAITS
    assert f"TXT {DMARC}" in names.asked
    tries = 1 if spend is many_lookups else 3
    assert len(names.asked) <= tries * 45


@pytest.mark.parametrize(("signer", "outcome"), [("mail.example.org", WAITS), ("example.org", PASSED)])
async def test_while_a_policy_is_not_known_nothing_but_the_very_domain_s_signature_counts(
    post: Post, names: NameServer, monkeypatch: pytest.MonkeyPatch, signer: str, outcome: tuple[str, str]
) -> None:
    monkeypatch.setattr(authenticator, "_TRIES_S", (1.0, 0.1, 0.1))
    publish(names, signer, policy_record="")
    names.txt("example.org", "v=spf1 ip4:127.0.0.1 -all")
    names.silent.add(DMARC)
    assert await became(post, signed(invitation(), signer), "x@example.org") == outcome


async def test_signatures_without_end_keep_no_policy_from_being_asked_for(
    post: Post, names: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authenticator, "_TRIES_S", (0.5, 0.1, 0.1))
    publish(names, "mail.example.org", policy_record="")
    names.txt(DMARC, "v=DMARC1; p=reject; adkim=s; aspf=s")
    raw = signed(invitation(), "mail.example.org")
    for n in range(4):
        raw = signed(raw, f"n{n}.example.org")
        names.silent.add(f"{SELECTOR}._domainkey.n{n}.example.org")
    assert await became(post, raw, "x@elsewhere.example") == WAITS
    assert f"TXT {DMARC}" in names.asked


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"tags": ((b"x", b"1600003600"),)}, "x= value is past"),
        ({"length": True}, "part of the body"),
        ({"algorithm": b"rsa-sha1"}, "sha1"),
    ],
)
async def test_weak_and_expired_signatures_do_not_count(
    post: Post, names: NameServer, options: dict[str, Any], reason: str
) -> None:
    publish(names, "example.org")
    assert reason in await why(post, signed(invitation(), "example.org", **options))


async def test_a_body_that_was_extended_beyond_l_is_refused(post: Post, names: NameServer) -> None:
    publish(names, "example.org")
    raw = signed(invitation(), "example.org", length=True)
    assert "dkim=neutral" in await why(post, raw + b"\r\nBEGIN:VCALENDAR\r\nMETHOD:CANCEL\r\n")


def small_key(bits: int, exponent: int = 65_537) -> str:
    """A key record whose modulus has so many bits; nobody needs its private half."""
    numbers = b"".join(_der_integer(n) for n in ((1 << (bits - 1)) | 1, exponent))
    body = _der(
        0x30, _der(0x30, bytes.fromhex("06092a864886f70d0101010500")) + _der(3, b"\0" + _der(0x30, numbers))
    )
    return f"v=DKIM1; p={base64.b64encode(body).decode()}"


def _der_integer(n: int) -> bytes:
    return _der(2, n.to_bytes(n.bit_length() // 8 + 1, "big"))


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


@pytest.mark.parametrize(
    ("published", "reason"),
    [
        (small_key(512), "512 bits"),
        (small_key(8192), "8192 bits"),
        (small_key(2048, exponent=(1 << 2000) | 1), "exponent"),
        (record() + ";" + "x" * 3_000, "too long"),
        ("v=DKIM1; p=", "revoked"),
        ("nothing", "no such key"),
    ],
    ids=["short", "huge", "exponent", "long", "revoked", "none"],
)
async def test_keys_that_prove_nothing_or_cost_too_much_do_not_count(
    post: Post, names: NameServer, published: str, reason: str
) -> None:
    names.txt(f"{SELECTOR}._domainkey.example.org", published)
    assert reason in await why(post, signed(invitation(), "example.org"))


async def test_five_signatures_are_looked_at_and_no_more(post: Post, names: NameServer) -> None:
    raw = invitation().as_bytes().replace(b"\n", b"\r\n")
    for n in range(20):
        raw = signed(raw, f"n{n}.example.org")
    await why(post, raw)
    assert len([asked for asked in names.asked if "_domainkey" in asked]) == 5


@pytest.mark.parametrize(
    ("record", "outcome"),
    [
        ("v=spf1 ip4:127.0.0.1 -all", PASSED),
        ("v=spf1 include:_spf.example.org -all", PASSED),
        ("v=spf1 -all", WAITS),
        ("v=spf1 ~all", WAITS),
        ("v=spf1 ?all", WAITS),
        ("v=spf1 ip4:127.0.0.1 nonsense", WAITS),
        ("v=spf1 redirect=example.org", WAITS),
        ("v=spf1 " + " ".join(f"exists:%{{i}}.n{n}.example.org" for n in range(30)), WAITS),
    ],
)
async def test_spf_proves_the_sender_where_it_passes_and_a_policy_stands_behind_it(
    post: Post, names: NameServer, record: str, outcome: tuple[str, str]
) -> None:
    names.txt("example.org", record)
    names.txt("_spf.example.org", "v=spf1 ip4:127.0.0.0/8 -all")
    names.txt(DMARC, "v=DMARC1; p=none")
    assert await became(post, invitation().as_bytes()) == outcome
    assert len(names.asked) <= 45


async def test_spf_of_another_domain_or_without_a_policy_proves_nothing(
    post: Post, names: NameServer
) -> None:
    names.txt("example.net", "v=spf1 ip4:127.0.0.1 -all")
    names.txt("example.org", "v=spf1 ip4:127.0.0.1 -all")
    assert await became(post, invitation().as_bytes()) == WAITS
    names.txt("_dmarc.example.net", "v=DMARC1; p=none")
    assert await became(post, invitation().as_bytes(), "x@example.net") == WAITS


@pytest.mark.parametrize(("client", "result"), [("192.0.2.1", "pass"), ("2001:db8::1", "fail")])
def test_spf_looks_at_helo_where_there_is_no_envelope_sender(
    names: NameServer, client: str, result: str
) -> None:
    names.txt("mail.example.org", "v=spf1 ip4:192.0.2.1 -all")
    found = spf.check(Lookups(DnsNames(names.address)), client, "", "mail.example.org")
    assert (found.result, found.domain) == (result, "mail.example.org")


@pytest.mark.parametrize("helo", ["", "[192.0.2.1]", "x" * 300, "a b", "..", "\x00", "é.example"])
@pytest.mark.parametrize("sender", ["", "@", "a@", "@example.org", "a@b@example.org", "%{i}@%{d}", "x" * 400])
def test_spf_has_a_result_for_every_envelope(names: NameServer, sender: str, helo: str) -> None:
    lookups = Lookups(DnsNames(names.address))
    assert spf.check(lookups, "192.0.2.1", sender, helo).result in {"none", "permerror"}


@pytest.mark.parametrize(("policy", "asked"), [("none", 1), ("quarantine", 1), ("reject", 0)])
async def test_the_owner_is_asked_unless_the_domain_says_that_such_mail_is_forged(
    post: Post, names: NameServer, policy: str, asked: int
) -> None:
    names.txt(DMARC, f"v=DMARC1; p={policy}")
    await created(post.engine, Actor(kind="organizer", address=OLGA))
    assert await became(post, invitation().as_bytes()) == WAITS
    assert len(await post.notices()) == asked


async def test_a_silent_name_server_is_asked_again_and_then_the_mail_waits(
    post: Post, names: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authenticator, "_TRIES_S", (0.5, 0.5, 0.5))
    publish(names, "example.org")
    names.silent.add(f"{SELECTOR}._domainkey.example.org")
    assert await became(post, signed(invitation(), "example.org")) == WAITS
    assert len([asked for asked in names.asked if "_domainkey" in asked]) >= 3
    assert len(post.files("quarantine")) == 1


async def test_a_name_server_that_comes_back_in_time_loses_nothing(
    post: Post, names: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authenticator, "_TRIES_S", (0.2, 3.0, 3.0))
    publish(names, "example.org")
    key = f"{SELECTOR}._domainkey.example.org"
    names.silent.add(key)

    def heard(wire: bytes, limit: int, ask: Any = names.answer) -> bytes | None:
        packed: bytes | None = ask(wire, limit)
        if any(key in asked for asked in names.asked):
            names.silent.clear()
        return packed

    monkeypatch.setattr(names, "answer", heard)
    assert await became(post, signed(invitation(), "example.org")) == PASSED


async def test_a_stranger_cannot_write_the_header_of_our_own_server(
    tmp_path: Path, clock: Clock, names: NameServer
) -> None:
    forged = mails.request(mails.vevent(organizer=OLGA), sender=OLGA)
    assert "dmarc=pass" in str(forged["Authentication-Results"])
    async with open_to_the_world(tmp_path, clock, names, authserv_ids="mx.cis.test") as post:
        assert await became(post, forged.as_bytes()) == WAITS


async def test_a_relay_of_ours_is_believed_and_its_own_address_says_nothing_of_the_sender(
    tmp_path: Path, clock: Clock, names: NameServer
) -> None:
    names.txt("example.org", "v=spf1 ip4:127.0.0.1 -all")
    names.txt(DMARC, "v=DMARC1; p=none")
    told = mails.request(mails.vevent(organizer=OLGA), sender=OLGA)
    ours: dict[str, Any] = {"authserv_ids": "mx.cis.test", "relays": "127.0.0.1"}
    async with open_to_the_world(tmp_path, clock, names, **ours) as post:
        assert await became(post, invitation().as_bytes()) == WAITS
        assert await became(post, told.as_bytes()) == PASSED


async def test_words_in_the_subject_prove_nothing(post: Post, names: NameServer) -> None:
    names.txt("bank.example.org", "v=spf1 -all")
    subject = "envelope-from=ceo@bank.example.org; spf=pass dkim=pass dmarc=pass"
    assert await became(post, invitation(subject=subject).as_bytes(), "x@elsewhere.example") == WAITS


@pytest.mark.parametrize(
    "head",
    [
        b"From: olga@example.org\r\nFrom: mallory@example.net\r\n",
        b"From: olga@example.org, mallory@example.net\r\n",
        b"From: friends: olga@example.org, mallory@example.net;\r\n",
        b"From: undisclosed:;\r\n",
        b"From: mallory@example.net\r\n\tX: y\rFrom: olga@example.org\r\n",
        b"X: y\r\n",
    ],
    ids=["two", "list", "group", "empty-group", "bare-cr", "none"],
)
async def test_a_mail_from_more_than_one_address_or_none_is_from_nobody(
    tmp_path: Path, clock: Clock, names: NameServer, head: bytes
) -> None:
    raw = invitation().as_bytes().replace(b"\n", b"\r\n")
    raw = head + re.sub(rb"(?m)^From: .*\r\n", b"", raw, count=1)
    settings = {"dns": names.address, "organizers": "*@example.org"}
    async with engine_in(tmp_path, clock, **settings) as engine, inbox_of(engine) as inbox:
        (outcome,) = await inbox.take(raw, ())
        assert (outcome.action, outcome.code) in {("quarantined", "no_sender"), WAITS}
        assert await deliver(engine) == []


@pytest.mark.parametrize(
    "sender",
    [
        '"olga@example.org" <mallory@example.net>',
        "=?utf-8?q?olga=40example=2Eorg_=3Colga=40example=2Eorg=3E?= <mallory@example.net>",
        "(olga@example.org) mallory@example.net",
        "=?utf-8?b?b2xnYUBleGFtcGxlLm9yZw==?=\r\n <mallory@example.net>",
    ],
)
async def test_a_name_that_looks_like_an_address_is_a_name(
    post: Post, names: NameServer, sender: str
) -> None:
    publish(names, "example.net")
    raw = re.sub(rb"(?m)^From: .*$", f"From: {sender}".encode(), invitation().as_bytes(), count=1)
    raw = signed(re.sub(rb"\r?\n", b"\r\n", raw), "example.net")
    assert await became(post, raw) == ("quarantined", "organizer_not_allowed")


def by_google(mail: EmailMessage, *, covers: tuple[str, ...] = ("from", "sender", "to", "subject")) -> bytes:
    mail["Sender"] = "Google Calendar <calendar-notification@google.com>"
    mail["Auto-Submitted"] = "auto-generated"
    return signed(mail, "google.com", headers=covers)


async def test_google_s_calendar_may_create_its_own_user_s_event(post: Post, names: NameServer) -> None:
    publish(names, "google.com")
    names.txt(DMARC, "v=DMARC1; p=none")
    assert await became(post, by_google(invitation()), "x@calendar-server.example") == PASSED
    other = mails.request(mails.vevent("u2", organizer="boss@example.org"), sender=OLGA, proven=False)
    assert await became(post, by_google(other), "x@calendar-server.example") == WAITS
    unsigned = by_google(invitation(subject="again"), covers=("from", "to", "subject"))
    assert await became(post, unsigned, "x@calendar-server.example") == WAITS


async def test_google_s_calendar_proves_a_further_address_of_an_organizer(
    post: Post, names: NameServer
) -> None:
    publish(names, "google.com")
    names.txt(DMARC, "v=DMARC1; p=none")
    await do(post.engine, SettleOrganizer(address="oscar@example.org", add=(OLGA,)))
    assert await became(post, by_google(invitation()), "x@calendar-server.example") == PASSED
    (made,) = (await post.engine.store.search(EventQuery(limit=9))).events
    assert made.organizer == "oscar@example.org"
    other = mails.request(mails.vevent("u2", organizer="boss@example.org"), sender=OLGA, proven=False)
    assert await became(post, by_google(other), "x@calendar-server.example") == WAITS


async def test_google_s_calendar_proves_an_answer_at_plain_rsvp(post: Post, names: NameServer) -> None:
    publish(names, "google.com")
    event = await created(post.engine)
    await invite(post.engine, event, "ann@example.org")
    await deliver(post.engine)
    answer = by_google(mails.reply(event.uid, "ann@example.org", proven=False))
    intake = await post(answer, "rsvp@cis.test", sender="x@calendar-server.example")
    assert (intake.action, intake.code) == ("receipt", "")
    assert (await attendee(post.engine, event, "ann@example.org")).partstat is Partstat.ACCEPTED


async def test_an_answer_at_its_own_token_asks_no_name_server(post: Post, names: NameServer) -> None:
    event = await created(post.engine)
    ann = (await invite(post.engine, event, "ann@example.org")).attendee
    await deliver(post.engine)
    to = f"rsvp+{ann.token}@cis.test"
    assert (await post(mails.reply(event.uid, ann.email, to=to, proven=False))).action == "receipt"
    assert names.asked == []


def test_white_space_without_end_costs_next_to_nothing(names: NameServer) -> None:
    publish(names, "example.org")
    body = (b" \t" * 400 + b"x\r\n") * 2_000 + b" " * 2_000_000
    raw = signed(b"From: olga@example.org\r\nSubject: x\r\n\r\nshort\r\n", "example.org", headers=("from",))
    raw = raw.partition(b"\r\n\r\nshort")[0] + b"\r\n\r\n" + body
    with counting() as steps:
        (one,) = signatures.check(raw, Lookups(DnsNames(names.address)), lambda domain: True)
    assert one.result == "fail"
    assert steps.taken < len(body)


@pytest.mark.parametrize(
    "head",
    [
        b"DKIM-Signature: v=1; d=example.org\r\n",
        b"DKIM-Signature: " + b"a=" * 4_000 + b"; d=example.org\r\n",
        b"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=\xff; h=from; b=AA==; bh=AA==\r\n",
        b"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; i=example.org; s=a; h=from; b=AAAA; bh=AAAA\r\n",
        b"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s="
        + b"a." * 300
        + b"; h=from; b=AAAA; bh=AAAA\r\n",
        b"DKIM-Signature: d=example.org; h=" + b"a:" * 500 + b"from\r\n",
        b"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; b=" + b" " * 3_000 + b"!\r\n",
        b" folded first line\r\nDKIM-Signature: d=example.org\r\n",
        b"X:" + b"y" * 300_000 + b"\r\nDKIM-Signature: d=example.org\r\n",
        b"X: y\r\n" * 2_000 + b"DKIM-Signature: d=example.org\r\n",
    ],
    ids=range(10),
)
def test_no_signature_however_odd_is_more_than_a_failure(names: NameServer, head: bytes) -> None:
    raw = head + b"From: olga@example.org\r\n\r\nbody\r\n"
    found = signatures.check(raw, Lookups(DnsNames(names.address)), lambda domain: True)
    assert found
    assert all(signature.result != "pass" for signature in found)


async def test_a_sender_with_slow_names_keeps_nobody_waiting(
    tmp_path: Path, clock: Clock, names: NameServer
) -> None:
    publish(names, "example.org")
    names.silent.add("_dmarc.slow.example.net")
    async with open_to_the_world(tmp_path, clock, names, retry_s=0.5) as post:
        for n in range(40):
            sender = f"n{n}@slow.example.net"
            event = mails.vevent(f"slow{n}", organizer=sender)
            await post.hand_over(mails.request(event, sender=sender, proven=False))
        await post.hand_over(signed(invitation(), "example.org"), "create@cis.test")
        await eventually(lambda: post.files("done"))
        assert len(post.files("new")) == 40
        names.silent.clear()


async def test_the_findings_name_the_signature_and_the_network_that_prove_a_sender(names: NameServer) -> None:
    publish(names, "example.org")
    found = signatures.check(
        signed(invitation(), "example.org"), Lookups(DnsNames(names.address)), lambda _: True
    )
    names.txt("example.org", "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all")
    for client, network in (("192.0.2.77", "192.0.2.0/24"), ("2001:db8:1:2::3", "2001:db8:1::/48")):
        sent = spf.check(Lookups(DnsNames(names.address)), client, OLGA, "mx.example.org")
        assert proofs("example.org", found, sent, Policy()) == (
            f"dkim:example.org:{SELECTOR}",
            f"spf:example.org:{network}",
        )
