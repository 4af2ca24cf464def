"""Checks an installation without changing it: its domain, its outbox, its mailboxes."""

from __future__ import annotations

import asyncio
import smtplib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from cis_mcp.views.version import version
from cis_mcp.watch.checks import Check, failed, skipped, verified
from engine.engine import system_clock
from engine.inbox.authentication.dns import DnsNames, Kind, LookupFailed
from engine.outbox.ses import SesTarget, SesTransport
from engine.outbox.smtp.pipelining import PipeliningTransport
from engine.outbox.target import SmtpTarget
from engine.outbox.transport import Envelope, Rejected
from engine.settings import Settings

_LOCAL_NAMES = (".test", ".example", ".invalid", ".localhost")

_DNS_S = 10.0
_ADDRESSES: tuple[Kind, ...] = ("A", "AAAA")
_OPENING_TRIES = 20
_SIMULATOR = "success@simulator.amazonses.com"


async def ticks(settings: Settings) -> AsyncIterator[Check]:
    """The six checks of CIS Verify: installed, domain, outbox, create@, rsvp@, notification@."""
    yield verified("installed", f"cis-mcp {version()}, data in {settings.data_dir}")
    yield await domain(settings)
    yield await way_out(settings)
    for name in ("create", "rsvp"):
        yield await mailbox(settings, name)
    yield verified("notification@", f"{settings.mailbox('notification')} only sends")


async def domain(settings: Settings) -> Check:
    """Check that mail can reach the domain, by its MX records or else by its address (RFC 5321, 5.1)."""
    own = settings.domain
    if own.endswith(_LOCAL_NAMES):
        return skipped("domain", f"{own} is for tests; set CIS_DOMAIN to your own")
    try:
        if found := await asyncio.to_thread(_targets, own, settings.dns):
            return verified("domain", f"{own}, whose mail goes to {', '.join(found)[:200]}")
    except LookupFailed:
        return failed("domain", f"the DNS does not answer for {own}")
    return failed("domain", f"{own} has neither MX nor address in the DNS")


def _targets(own: str, server: str) -> list[str]:
    """The hosts of its MX records; if it has none, its own addresses. Raises LookupFailed."""
    names = DnsNames(server)
    if hosts := [one[1] for one in names.records(own, "MX", _DNS_S) if isinstance(one, tuple)]:
        return hosts
    return [str(one) for kind in _ADDRESSES for one in names.records(own, kind, _DNS_S)]


async def way_out(settings: Settings) -> Check:
    """Greet the configured mail server, log in if it requires that, and send nothing."""
    url = settings.outbox.get_secret_value().strip()
    if url == "maildir":
        return verified("way out", f"Maildir {settings.data_dir / 'outbox'}; nothing leaves this machine")
    if url.startswith("ses://"):
        transport_of_ses = SesTransport(SesTarget.of(url), settings.domain, system_clock)
        return await _ses(transport_of_ses, settings.mailbox("notification"))
    target = SmtpTarget.of(url)
    transport = PipeliningTransport(target, settings.domain)
    try:
        await transport.greet()
    except Rejected as rejected:
        return failed("way out", f"{target.host}:{target.port}: {rejected.answer}")
    finally:
        await transport.close()
    return verified("way out", f"{target.host}:{target.port} answers")


async def _ses(transport: SesTransport, sender: str) -> Check:
    """Ask SES for the account's quota, and mail its simulator, which works in the sandbox and costs no reputation."""
    head = f"From: <{sender}>\r\nTo: <{_SIMULATOR}>\r\nSubject: cis-mcp verify\r\nMIME-Version: 1.0\r\n"
    try:
        quota = await transport.quota()
        await transport.send(Envelope(sender, _SIMULATOR, f"{head}\r\nNobody reads this.\r\n".encode()))
    except Rejected as rejected:
        return failed("way out", f"{transport.quota_name}: {rejected.answer}")
    finally:
        await transport.close()
    left = "no daily limit" if quota.remaining is None else f"{quota.remaining} mails left of 24 hours"
    words = f"{quota.rate:g} mails a second, {left}; its mailbox simulator took a mail"
    if transport.sandbox:
        words += "; the account is in the sandbox: only addresses that it has verified get mail"
    return verified("way out", f"{transport.quota_name} answers: {words}")


async def mailbox(settings: Settings, name: str) -> Check:
    """Ask our own listener whether it accepts mail for the address."""
    address = settings.mailbox(name)
    listeners = [u for u in settings.inbox.get_secret_value().split(",") if u.strip().startswith("smtp://")]
    if "sqs://" in settings.inbox.get_secret_value():
        return skipped(f"{name}@", "SES takes the mail of the whole domain; a queue of CIS_INBOX tells of it")
    if not listeners:
        return skipped(f"{name}@", "CIS_INBOX names no SMTP listener; mail comes by “cis-mcp ingest”")
    parts = urlsplit(listeners[0].strip())
    try:
        answer = await _asked(parts.hostname or "", parts.port or 25, address)
    except OSError as error:
        return failed(f"{name}@", f"{parts.hostname}:{parts.port}: {error}")
    return verified(f"{name}@", address) if answer == 250 else failed(f"{name}@", f"refused with {answer}")


async def _asked(host: str, port: int, address: str) -> int:
    """The listener's answer; a listener that is just being opened gets a moment."""
    for _ in range(_OPENING_TRIES):
        try:
            return await asyncio.to_thread(_ask, host, port, address)
        except ConnectionRefusedError:
            await asyncio.sleep(0.1)
    return await asyncio.to_thread(_ask, host, port, address)


def _ask(host: str, port: int, address: str) -> int:
    with smtplib.SMTP(host, port, timeout=10) as smtp:
        smtp.ehlo()
        smtp.mail("")
        return smtp.rcpt(address)[0]
