"""What the verifier and the reader take from the same mail, held against each other and against other parsers."""

from __future__ import annotations

import email
from contextlib import suppress
from email import policy as policies
from email.message import Message
from email.utils import getaddresses
from functools import lru_cache
from typing import Any

import dkim  # type: ignore[import-untyped]
import spf as pyspf  # type: ignore[import-untyped]

from engine.inbox.authentication import signatures, spf
from engine.inbox.authentication.dns import Kind, Lookups, Record
from engine.inbox.smtp import syntax as words
from engine.mail.domains import is_domain
from engine.mail.incoming import read as mail_read
from engine.mail.incoming.authenticity import Verdict, judged
from engine.mail.incoming.content import IncomingMail
from engine.mail.incoming.dmarc import Policy, Spf, aligned
from engine.mail.incoming.proof import objection
from engine.refusals import Refused
from tests.fuzz import seeds
from tests.support.signing import record, signed

BOSS = "boss@victim.test"
OURS = frozenset({"create@cis.test"})
AS_GMAIL = ("from", "to", "subject", "message-id", "mime-version")
AS_MICROSOFT = ("from", "subject", "message-id", "content-type", "mime-version")


class Known:
    """The DNS of a test: our key under every selector, and what was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def records(self, name: str, kind: Kind, seconds: float) -> list[Record]:
        self.asked.append(name)
        return [record().encode()] if "._domainkey." in name else []


def judged_as(raw: bytes) -> tuple[IncomingMail, Verdict]:
    """The mail as it is read, with what its signatures prove. Raises Refused."""
    mail = mail_read.read(raw)
    domain = mail.from_address.rpartition("@")[2]
    found = signatures.check(raw, Lookups(Known()), lambda signer: aligned(signer, domain))
    return mail, judged(mail, found, Spf(), Policy())


@lru_cache(maxsize=1)
def originals() -> tuple[bytes, ...]:
    """Sample mails with a calendar, from the boss, signed as today's providers do."""
    made = []
    for raw in seeds.mails():
        with suppress(Refused):
            mail = mail_read.read(raw)
            if mail.calendars and mail.to:
                made += [signed(_from_boss(raw), "victim.test", headers=h) for h in (AS_GMAIL, AS_MICROSOFT)]
    return tuple(made)


def _from_boss(raw: bytes) -> bytes:
    head, _, body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    fields = email.message_from_bytes(head + b"\n\n")
    for name in ("From", "Sender", "Authentication-Results", "DKIM-Signature"):
        del fields[name]
    fields["From"] = f"The Boss <{BOSS}>"
    return (
        fields.as_bytes().rstrip(b"\n").replace(b"\n", b"\r\n") + b"\r\n\r\n" + body.replace(b"\n", b"\r\n")
    )


def tampered(data: bytes) -> None:
    """A signed mail, tampered with; and the first line of it as an envelope."""
    replayed(data)
    read_alike(data)
    sender, _, helo = data[:400].partition(b"\n")[0].decode("utf-8", "replace").partition(" ")
    envelope(sender, helo)


def replayed(raw: bytes) -> bool:
    """Whoever changes a signed mail makes no other sender of it, and no other command; True if it is proven."""
    try:
        mail, verdict = judged_as(raw)
    except Refused:
        return False
    if not verdict.passed:
        return False
    assert mail.from_address == BOSS, mail.from_address
    if not objection(verdict.grounds, mail, OURS, ("create@cis.test",)):
        told = {b"".join(part.content.split()) for part in mail.calendars if not part.quoted}
        assert told <= _commands(), told
    return True


@lru_cache(maxsize=1)
def _commands() -> frozenset[bytes]:
    """The calendars that the boss did send."""
    mails = (mail_read.read(raw) for raw in originals())
    return frozenset(b"".join(part.content.split()) for mail in mails for part in mail.calendars)


def read_alike(raw: bytes) -> bool:
    """What is not called ambiguous is read by everybody as by us; True if it was compared."""
    try:
        mail = mail_read.read(raw)
    except Refused:
        return False
    if mail.ambiguous:
        return False
    theirs = dkim.DKIM(_without_envelope(raw))
    found: dict[bytes, list[str]] = {}
    for name, value in theirs.headers:
        found.setdefault(name.lower(), []).append(
            value.decode("utf-8", "replace").replace("\r\n", "").strip()
        )
    assert len(found[b"from"]) == 1
    _same_address(found[b"from"][0], mail.from_address)
    if mail.sender_address:
        assert len(found[b"sender"]) == 1
    if mail.framed and b"content-type" in found:
        _same_boundary(found[b"content-type"][0], theirs.body)
    _same_signers(theirs, raw)
    return True


def _without_envelope(raw: bytes) -> bytes:
    return raw.partition(b"\n")[2] if raw.startswith(b"From ") else raw


def _same_address(value: str, address: str) -> None:
    """By the library's older and its newer parser, as far as they find an address at all."""
    older = [a.lower() for _, a in getaddresses([value]) if "@" in a]
    assert older in ([], [address]), (value, older, address)
    parsed: Any = policies.default.header_factory("From", value)
    newer = [str(a.addr_spec).lower() for a in parsed.addresses if a.domain]
    assert newer in ([], [address]), (value, newer, address)


def _same_boundary(value: str, body: bytes) -> None:
    part = Message()
    part["Content-Type"] = value
    boundary = part.get_boundary()
    if part.get_content_maintype() == "multipart" and boundary:
        mark = b"--" + boundary.encode("ascii", "replace")
        lines = [line.rstrip() for line in body.strip().split(b"\n")]
        assert mark in lines[:3], lines[:3]
        assert lines[-1] == mark + b"--", lines[-1]


def _same_signers(theirs: Any, raw: bytes) -> None:
    """dkimpy asks for the key under the names that we say it is of."""
    values = [value for name, value in theirs.headers if name.lower() == b"dkim-signature"]
    for index, value in enumerate(values[:5]):
        one = signatures._tagged(index, value)
        if one is None:
            continue
        name = f"{one.selector}._domainkey.{one.domain}."
        assert _asked_for(theirs, index) in ([], [name]), name
        assert is_domain(one.identity)
        assert one.identity == one.domain or one.identity.endswith(f".{one.domain}")


def _asked_for(theirs: Any, index: int) -> list[str]:
    asked: list[str] = []

    def answer(name: bytes, timeout: int = 5) -> None:
        asked.append(name.decode().lower())

    with suppress(dkim.DKIMException, ValueError, TypeError, KeyError, IndexError, AssertionError):
        theirs.verify(index, answer)
    return asked


def envelope(sender: str, helo: str) -> bool:
    """SPF asks about the domain that we say it is of, and nothing outside of it; True if it had a result."""
    try:
        taken = words.path(f"FROM:<{sender}>", "FROM").address
    except words.NotTaken:
        taken = sender
    known = Known()
    found = spf.check(Lookups(known), "192.0.2.1", taken, helo)
    if found.result == "none" and not known.asked:
        return False
    assert is_domain(found.domain)
    assert known.asked[0] == found.domain, (known.asked, found)
    local, domain = pyspf.split_email(f"{taken.rpartition('@')[0]}@{found.domain}" if taken else "", helo)
    assert not taken or (domain == found.domain and "@" not in local), (local, domain)
    return True
