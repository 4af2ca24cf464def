"""Parses SMTP commands: paths and parameters (RFC 5321, 4.1.2; RFC 1870, 6152, 6531)."""

from __future__ import annotations

import re
from typing import NamedTuple

from engine.mail.domains import ascii_domain

_PATH = re.compile(
    r"(?:<(?P<path>(?:\"(?:[^\"\\]|\\.)*\"|[^<>\"])*)>|(?P<bare>[^<>\s]+))(?:\s+(?P<rest>.*))?"
)
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_HELO = re.compile(r"[^\s()<>,;\"\\]{1,255}")
_LOCAL = re.compile(r"[^\s()<>\[\]:;@\\,\"]+|\"(?:[^\"\\]|\\.)*\"")
"""A dot-atom, roughly, or a quoted string: an @ stands in quotes alone (RFC 5321, 4.1.2)."""
_LITERAL = re.compile(r"\[[0-9a-f:.]{1,45}\]|\[ipv6:[0-9a-f:.]{2,45}\]", re.IGNORECASE)
_ADDRESS_MAX = 320
_LOCAL_MAX = 64
_BODIES = {"7BIT", "8BITMIME"}


class NotTaken(Exception):  # noqa: N818 -- an answer, not a fault
    """A command that is answered with an error; the message is the reply."""


class SmtpCommand(NamedTuple):
    """One command line: its verb in capitals, and what follows it."""

    verb: str
    rest: str


class Path(NamedTuple):
    """The address of a MAIL or RCPT command, and its parameters."""

    address: str
    parameters: dict[str, str]


def command(line: bytes) -> SmtpCommand:
    """A command line without its end. Raises NotTaken."""
    if _CONTROL.search(line):
        raise NotTaken("500 5.5.2 A command holds no control characters")
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise NotTaken("500 5.5.2 A command is ASCII or UTF-8") from None
    verb, _, rest = text.partition(" ")
    return SmtpCommand(verb.upper(), rest.strip())


def helo(name: str) -> str:
    """The name that a client gives. Raises NotTaken where it is none (RFC 5321, 4.1.1.1)."""
    if not _HELO.fullmatch(name) or not name.isascii():
        raise NotTaken("501 5.5.4 Say EHLO or HELO with the name of your host")
    return name


def path(rest: str, keyword: str) -> Path:
    """What follows MAIL or RCPT, `keyword` being FROM or TO. Raises NotTaken."""
    syntax = f"501 5.5.4 Syntax: {'MAIL' if keyword == 'FROM' else 'RCPT'} {keyword}:<address>"
    found, colon, argument = rest.partition(":")
    match = _PATH.fullmatch(argument.strip())
    if found.strip().upper() != keyword or not colon or match is None:
        raise NotTaken(syntax)
    address = match["bare"] or match["path"] or ""
    if address.startswith("@"):
        # A route, which RFC 5321, appendix F.2 says to accept and to leave out.
        address = address.partition(":")[2]
    if len(address) > _ADDRESS_MAX or (address and not _plausible(address)):
        raise NotTaken(
            "553 5.1.7 That is no address" if keyword == "FROM" else "553 5.1.3 That is no address"
        )
    return Path(address, _parameters(match["rest"] or "", syntax))


def _plausible(address: str) -> bool:
    local, at, host = address.rpartition("@")
    if not at:
        return address.lower() == "postmaster"
    fits = len(local.encode()) <= _LOCAL_MAX and _LOCAL.fullmatch(local)
    return bool(fits and (ascii_domain(host) or _LITERAL.fullmatch(host)))


def _parameters(text: str, syntax: str) -> dict[str, str]:
    pairs = [word.partition("=") for word in text.split()]
    if len(pairs) > 10 or any(not name for name, _, _ in pairs):
        raise NotTaken(syntax)
    return {name.upper(): value for name, _, value in pairs}


def check_mail(sender: Path, limit: int) -> int:
    """Hold the parameters of MAIL against what is offered; `limit` in bytes. The declared size. Raises NotTaken."""
    size = sender.parameters.get("SIZE", "0")
    if sender.parameters.keys() - {"SIZE", "BODY", "SMTPUTF8"}:
        raise NotTaken("555 5.5.4 MAIL takes SIZE, BODY and SMTPUTF8 here")
    if sender.parameters.get("BODY", "7BIT").upper() not in _BODIES:
        raise NotTaken("501 5.5.4 BODY is 7BIT or 8BITMIME")
    if not (size.isascii() and size.isdigit() and len(size) <= 20):
        raise NotTaken("501 5.5.4 SIZE is a number of bytes")
    if int(size) > limit:
        raise NotTaken("552 5.3.4 The mail is larger than this server takes")
    if not sender.address.isascii() and "SMTPUTF8" not in sender.parameters:
        raise NotTaken("553 5.6.7 Such an address needs SMTPUTF8")
    return int(size)
