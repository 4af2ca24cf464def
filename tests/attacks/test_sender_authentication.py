"""Nobody passes for somebody else: forged keys, envelopes, heads and headers, over real SMTP and real DNS."""

from __future__ import annotations

import asyncio
from base64 import encodebytes
from collections.abc import AsyncIterator, Iterator
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

import pytest

from engine.inbox.authentication import spf
from engine.inbox.authentication.dns import DnsNames, Lookups
from engine.model.events import Event
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import engine_in
from tests.support.inboxes import Post, inbox_of, receiving
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
async def test_an_overlong_selector_does_not_lead_to_the_key_of_a_stranger(
    post: Post, names: NameServer, length: int
) -> None:
    selector = overlong(length=length)
    names.txt(selector, record())
    raw = signed(invitation(), "victim.test", selector=selector)
    assert (await became(post, raw))[0] == "quarantined"
    assert not [asked for asked in names.asked if asked.endswith("attacker.example")]


async def test_nor_does_it_forge_google_s_calendar_or_a_list(post: Post, names: NameServer) -> None:
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
async def test_a_key_is_looked_up_under_domain_names_alone(names: NameServer, tag: str, name: str) -> None:
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
async def test_an_envelope_with_two_ats_or_an_overlong_local_part_has_no_spf_result(
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
async def test_a_macro_of_the_local_part_stays_within_the_domain(
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
async def test_a_key_counts_for_what_its_owner_published_it_for(
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
async def test_a_key_that_allows_its_use_counts(post: Post, names: NameServer, flags: str) -> None:
    published = record().removeprefix("v=DKIM1; k=rsa; ")
    names.txt(f"{SELECTOR}._domainkey.victim.test", f"v=DKIM1; {flags}; {published}")
    assert await became(post, signed(invitation(), "victim.test")) == PASSED


async def test_of_several_keys_under_one_selector_none_counts(post: Post, names: NameServer) -> None:
    names.txt(f"{SELECTOR}._domainkey.victim.test", record(), record(1024))
    assert (await became(post, signed(invitation(), "victim.test")))[0] == "quarantined"
    publish(names, "victim.test", policy_record="")
    names.txt(f"{SELECTOR}._domainkey.victim.test", record(), "v=spf1 -all")
    assert await became(post, signed(invitation(), "victim.test")) == PASSED


async def ingested(folder: Path, clock: Clock, names: NameServer, raw: bytes) -> tuple[str, str]:
    """What becomes of a mail that a pipe, a Maildir or IMAP brings, without an envelope."""
    async with engine_in(folder, clock, dns=names.address, **SETTINGS) as engine, inbox_of(engine) as inbox:
        (outcome,) = await inbox.take(raw, ())
        return outcome.action, outcome.code


MALLORY = "mallory@victim.test"
BARE = [b"\r", b"\n\r", b"\x00", b"\x0b", b"\x0c", b"\x1c", b"\x1d", b"\x1e"]


@pytest.mark.parametrize(
    "added",
    [
        *(
            b"X-A: b" + end + b"From: boss@victim.test" + end + b"To: create@cis.test" + end * 2
            for end in BARE
        ),
        b"From : boss@victim.test\r\n",
        b"X-A: b\r\nFrom : boss@victim.test\r\n",
        b"X-A: b\r\nFrom x\r\n",
        b"X-A: b\r\n \r\nFrom: boss@victim.test\r\n",
        b"no colon\r\nFrom: boss@victim.test\r\n",
        b": empty\r\nFrom: boss@victim.test\r\n",
        b"X A: b\r\nFrom: boss@victim.test\r\n",
        b" folded\r\nFrom: boss@victim.test\r\n",
        b"From: boss@victim.test\r\n",
        b"From x\r\nFrom: boss@victim.test\r\n",
        b"Fr\xc3\xb6m: x\r\n",
    ],
    ids=str,
)
async def test_a_head_that_two_programs_read_differently_proves_nobody(
    tmp_path: Path, clock: Clock, names: NameServer, added: bytes
) -> None:
    publish(names, "victim.test", policy_record="")
    made = invitation(MALLORY)
    made.clear_content()
    made.set_content(
        mails.calendar("REQUEST", mails.vevent(organizer="")).decode(), subtype="calendar", cte="8bit"
    )
    raw = signed(made, "victim.test")
    assert (await ingested(tmp_path / "whole", clock, names, raw)) == PASSED
    action, code = await ingested(tmp_path / "forged", clock, names, added + raw)
    assert (action, code) in {("quarantined", "no_sender"), WAITS, ("refused", "no_calendar")}


async def test_a_pipe_s_from_line_on_top_changes_nothing(
    tmp_path: Path, clock: Clock, names: NameServer
) -> None:
    publish(names, "victim.test", policy_record="")
    raw = b"From boss@victim.test Mon Feb  1 12:00:00 2027\n" + signed(invitation(), "victim.test")
    assert await ingested(tmp_path, clock, names, raw.replace(b"\r\n", b"\n")) == PASSED


@pytest.mark.parametrize(
    "value",
    [
        "boss@victim.test <mallory@elsewhere.example>",
        "<mallory@elsewhere.example> boss@victim.test",
        "mallory@elsewhere.example (<boss@victim.test>",
        '"mallory@elsewhere.example <boss@victim.test>',
        "friends: boss@victim.test;",
        "<@elsewhere.example:boss@victim.test>",
        "<boss@victim.test><mallory@elsewhere.example>",
        "x" * 10_000 + " <boss@victim.test>",
    ],
)
async def test_a_from_that_programs_read_differently_proves_nobody_by_spf_either(
    post: Post, names: NameServer, value: str
) -> None:
    names.txt("_dmarc.victim.test", "v=DMARC1; p=none")
    names.txt("_dmarc.elsewhere.example", "v=DMARC1; p=none")
    for domain in ("victim.test", "elsewhere.example"):
        names.txt(domain, "v=spf1 ip4:127.0.0.1 -all")
    raw = invitation().as_bytes().replace(b"From: boss@victim.test", f"From: {value}".encode())
    for sender in (BOSS, STRANGER):
        assert (await became(post, raw, sender=sender))[0] == "quarantined"


def request_to(to: str, **values: Any) -> EmailMessage:
    """The boss's invitation, as calendar programs send it."""
    content = mails.calendar("REQUEST", mails.vevent(organizer=BOSS))
    return mails.mail(BOSS, to, content=content, proven=False, **values)


CANCEL = mails.calendar("CANCEL", mails.vevent(sequence=5, organizer=BOSS))
"""What every guest can write, knowing the event's UID."""


def sent_to_guests(text: str = "", *, to: str = "guest@elsewhere.example") -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"], made["Message-ID"] = BOSS, to, "Re: Board", "<1@victim.test>"
    made.set_content(text)
    return made


async def board(post: Post, names: NameServer) -> Event:
    """The boss's event, made by a signed mail to create@."""
    publish(names, "victim.test")
    assert await became(post, signed(invitation(), "victim.test")) == PASSED
    found = await post.engine.store.event_by_source(BOSS, "client-uid-1")
    assert found is not None
    return found


async def untouched(post: Post, event: Event) -> bool:
    return await post.engine.store.event(event.uid) == event


AS_GMAIL = ("from", "to", "subject", "message-id", "mime-version")
AS_MICROSOFT = ("from", "subject", "message-id", "content-type", "mime-version")
"""Gmail signs no Content-Type, Microsoft no To."""


@pytest.mark.parametrize("method", ["CANCEL", "REQUEST", "ADD", "PUBLISH"])
@pytest.mark.parametrize("to", ["guest@elsewhere.example", "create@cis.test"])
async def test_a_calendar_quoted_in_the_words_of_a_signed_mail_changes_nothing_by_itself(
    post: Post, names: NameServer, method: str, to: str
) -> None:
    event = await board(post, names)
    quoted = mails.calendar(method, mails.vevent(sequence=5, organizer=BOSS, summary="Forged")).decode()
    reply = sent_to_guests(f"Thanks!\n\nFrom: Guest\n{quoted}\n", to=to)
    for headers in (AS_GMAIL, (*AS_GMAIL, "content-type", "content-transfer-encoding")):
        assert await became(post, signed(reply, "victim.test", headers=headers)) == WAITS
    names.txt("victim.test", "v=spf1 ip4:127.0.0.1 -all")
    assert await became(post, reply.as_bytes(), sender=BOSS) == WAITS
    assert await untouched(post, event)
    (asked,) = [n for n in await post.notices() if "confirm+" in str(n.notice)]
    assert asked.email == BOSS


async def test_nor_does_one_in_a_mail_that_was_attached(post: Post, names: NameServer) -> None:
    event = await board(post, names)
    forwarded = sent_to_guests("See the attached mail.", to="create@cis.test")
    forwarded.add_attachment(
        mails.cancel(mails.vevent(sequence=5), sender="guest@elsewhere.example", proven=False)
    )
    assert await became(post, signed(forwarded, "victim.test")) == WAITS
    assert await untouched(post, event)


def disguised(content_type: str, encoding: str = "", to: str = "guest@elsewhere.example") -> bytes:
    """The boss's signed words, with a block of a guest's in them, under an unsigned Content-Type of the attacker's."""
    block = encodebytes(CANCEL).decode().strip()
    inner = f"--x\nContent-Type: text/calendar\nContent-Transfer-Encoding: base64\n\n{block}\n--x--"
    reply = sent_to_guests(f"Thanks!\n\n{inner}\n\nRegards\n", to=to)
    del reply["Content-Type"], reply["Content-Transfer-Encoding"]
    raw = signed(reply, "victim.test", headers=AS_GMAIL)
    head = f"Content-Type: {content_type}\r\n"
    return (head + (f"Content-Transfer-Encoding: {encoding}\r\n" if encoding else "")).encode() + raw


@pytest.mark.parametrize("to", ["guest@elsewhere.example", "create@cis.test"])
@pytest.mark.parametrize(
    "content_type",
    ["multipart/mixed; boundary=x", "multipart/alternative; boundary*0=x", "multipart/digest; boundary=x"],
)
async def test_an_unsigned_content_type_makes_no_command_of_quoted_words(
    post: Post, names: NameServer, content_type: str, to: str
) -> None:
    event = await board(post, names)
    assert await became(post, disguised(content_type, to=to)) == WAITS
    assert await untouched(post, event)


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Type: text/calendar; method=CANCEL\r\nContent-Transfer-Encoding: base64\r\n",
        b"Content-Type: text/calendar; charset=utf-7\r\n",
        b"Content-Disposition: attachment; filename=a.ics\r\n",
        b"Content-Type: message/rfc822\r\n",
    ],
    ids=str,
)
async def test_nor_does_another_unsigned_header(post: Post, names: NameServer, head: bytes) -> None:
    event = await board(post, names)
    reply = sent_to_guests(
        encodebytes(CANCEL).decode() if b"base64" in head else CANCEL.decode(), to="create@cis.test"
    )
    del reply["Content-Type"], reply["Content-Transfer-Encoding"]
    raw = head + signed(reply, "victim.test", headers=AS_GMAIL)
    assert (await became(post, raw))[0] in {"quarantined", "refused"}
    assert await untouched(post, event)


@pytest.mark.parametrize("headers", [AS_GMAIL, AS_MICROSOFT])
async def test_a_request_that_was_written_to_guests_alone_makes_no_event_here(
    post: Post, names: NameServer, headers: tuple[str, ...]
) -> None:
    publish(names, "victim.test")
    event = mails.vevent(organizer=BOSS, attendees=[("guest@elsewhere.example", "NEEDS-ACTION")])
    raw = signed(
        mails.mail(BOSS, "guest@elsewhere.example", content=mails.calendar("REQUEST", event), proven=False),
        "victim.test",
        headers=headers,
    )
    for added in (b"", b"To: create@cis.test\r\n", b"Cc: create@cis.test\r\n"):
        assert await became(post, added + raw) == WAITS
    listed = mails.listed("uid,email\nx,joe@example.org\n", sender=BOSS)
    del listed["To"], listed["Authentication-Results"]
    listed["To"] = "guest@elsewhere.example"
    assert await became(post, signed(listed, "victim.test"), "bulk@cis.test") == WAITS


async def test_nor_does_google_s_invitation_of_a_guest(post: Post, names: NameServer) -> None:
    publish(names, "google.com")
    made = mails.mail(
        BOSS,
        "guest@elsewhere.example",
        content=mails.calendar("REQUEST", mails.vevent(organizer=BOSS)),
        proven=False,
        headers={"Sender": "calendar-notification@google.com"},
    )
    raw = signed(made, "google.com", headers=("from", "to", "sender", "subject"))
    assert await became(post, raw) == WAITS


async def test_what_the_domain_s_own_server_hands_over_was_written_to_us(
    post: Post, names: NameServer
) -> None:
    names.txt("_dmarc.victim.test", "v=DMARC1; p=reject")
    names.txt("victim.test", "v=spf1 ip4:127.0.0.1 -all")
    raw = request_to("alias@victim.test").as_bytes()
    assert await became(post, raw, sender=BOSS) == PASSED


@pytest.mark.parametrize("by", ["gmail", "microsoft", "apple", "outlook", "calendar alone", "words"])
async def test_invitations_of_today_s_clients_count_by_their_signature_alone(
    post: Post, names: NameServer, by: str
) -> None:
    publish(names, "victim.test")
    us = [("create@cis.test", "NEEDS-ACTION")] if by == "microsoft" else []
    content = mails.calendar("REQUEST", mails.vevent(organizer=BOSS, attendees=us))
    made = mails.mail(BOSS, "create@cis.test", content=content, proven=False)
    if by in {"calendar alone", "words"}:
        made.clear_content()
        made.set_content(
            content.decode(), subtype="calendar" if by == "calendar alone" else "plain", cte="8bit"
        )
    raw = made.as_bytes(policy=SMTP)
    if by == "outlook":
        raw = raw.replace(b"\r\n\r\n", b"\r\n\r\nThis is a multipart message in MIME format.\r\n\r\n", 1)
    headers = {"microsoft": AS_MICROSOFT, "apple": (*AS_MICROSOFT, "to")}.get(by, AS_GMAIL)
    assert await became(post, signed(raw, "victim.test", headers=headers)) == PASSED


async def test_an_alias_of_ours_counts_as_we_do(tmp_path: Path, clock: Clock, names: NameServer) -> None:
    publish(names, "victim.test")
    raw = signed(request_to("Invites@Corp.example"), "victim.test", headers=AS_GMAIL)
    for aliases, outcome in (("", WAITS), ("x@corp.example, invites@corp.example", PASSED)):
        settings = {**SETTINGS, "dns": names.address, "aliases": aliases}
        folder = tmp_path / (aliases[:1] or "none")
        async with engine_in(folder, clock, **settings) as engine, receiving(engine) as post:
            assert await became(post, raw) == outcome


@pytest.mark.parametrize(
    ("found", "signed_here", "outcome"),
    [
        ("spf=pass smtp.mailfrom=victim.test; dmarc=pass header.from=victim.test", False, PASSED),
        ("spf=pass smtp.mailfrom=elsewhere.example; dmarc=pass header.from=victim.test", False, WAITS),
        ("dkim=pass header.d=victim.test; dmarc=pass header.from=victim.test", False, WAITS),
        ("dkim=pass header.d=victim.test; dmarc=pass header.from=victim.test", True, PASSED),
    ],
)
async def test_a_trusted_server_s_word_shows_that_a_mail_was_written_to_us_where_spf_passed(
    tmp_path: Path, clock: Clock, names: NameServer, found: str, signed_here: bool, outcome: tuple[str, str]
) -> None:
    """Where it tells of a signature alone, we look at that signature ourselves."""
    publish(names, "victim.test")
    raw = signed(invitation(), "victim.test", headers=AS_GMAIL) if signed_here else invitation().as_bytes()
    stamped = f"Authentication-Results: mx.cis.test; {found}\r\n".encode() + raw
    settings = {**SETTINGS, "relays": "127.0.0.1", "authserv_ids": "mx.cis.test"}
    async with engine_in(tmp_path, clock, dns=names.address, **settings) as engine, receiving(engine) as post:
        assert await became(post, stamped) == outcome


ESCAPED = 'spf=pass smtp.mailfrom="a\\"; dkim=pass header.d=victim.test; x=\\""@attacker.example'


@pytest.mark.parametrize(
    "found",
    [
        f"{ESCAPED}; dmarc=none",
        f"{ESCAPED.replace('dkim=pass header.d', 'dmarc=pass header.from')}; dkim=none",
        'spf=pass (domain of "a); dkim=pass header.d=victim.test; x=(b"@attacker.example); dmarc=none',
        'spf=pass smtp.mailfrom="a; dkim=pass header.d=victim.test; dmarc=none',
        "spf=pass reason=dkim=pass header.d=victim.test; dmarc=none",
        "dkim=pass header.d=attacker.example header.d=victim.test",
        "x=y dkim=pass header.d=victim.test",
        "dkim=none (dkim=pass header.d=victim.test; dmarc=pass header.from=victim.test",
    ],
)
async def test_the_sender_s_words_are_no_result_of_the_trusted_server(
    tmp_path: Path, clock: Clock, names: NameServer, found: str
) -> None:
    stamped = f"Authentication-Results: mx.cis.test; {found}\r\n".encode() + invitation().as_bytes()
    settings = {**SETTINGS, "relays": "127.0.0.1", "authserv_ids": "mx.cis.test"}
    async with engine_in(tmp_path, clock, dns=names.address, **settings) as engine, receiving(engine) as post:
        assert await became(post, stamped) == ("quarantined", "sender_unauthenticated")
