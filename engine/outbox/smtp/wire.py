"""SMTP on the wire: what is written for one mail, and how answers are read (RFC 5321, 2920)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from engine.mail.outgoing.mime import CrlfLines
from engine.outbox.transport import Envelope, Rejected

_LINE_MAX = 2_000
"""RFC 5321, 4.5.3.1.5 says 512; longer ones are seen."""
_LINES_MAX = 100
_SHORT = 80
_WORDS_MAX = 500
_ADDRESS = re.compile(r"[^\x00-\x1f\x7f<>]{1,320}")
_CODE = re.compile(rb"([2-5][0-9][0-9])([ -]|$)")
_SESSION_CODES = frozenset({421, 454, 500, 502, 503, 530, 534, 535, 538})
"""What a server says of the connection or of us: closing, too fast, out of step, not logged in."""
_SYSTEM_STATUS = (b"4.3.1", b"4.3.2")
"""RFC 3463, 3.4: the system is full, or takes nothing now.

A relay says 4.3.0 of a single recipient whose domain it cannot look up: that must not hold the others up.
"""


class Extensions(NamedTuple):
    """What a server offers in its answer to EHLO; `size` in bytes, 0 if it names no limit."""

    pipelining: bool = False
    eight_bit: bool = False
    utf8: bool = False
    takes_size: bool = False
    size: int = 0


class UnreadableReply(Exception):  # noqa: N818 -- named for what the answer is
    """An answer that is not SMTP, or has no end."""


class SmtpReply(NamedTuple):
    """One answer of a server (RFC 5321, 4.2)."""

    code: int
    lines: tuple[bytes, ...]

    @property
    def yes(self) -> bool:
        return 200 <= self.code < 300

    @property
    def no(self) -> bool:
        return self.code >= 400

    @property
    def words(self) -> str:
        """Code and text on one line, without what could not be printed, 500 characters at most."""
        text = b" ".join(self.lines).decode("utf-8", "replace")[: 2 * _WORDS_MAX]
        if not text.isprintable():
            text = "".join(c if c.isprintable() else " " for c in text)
        return " ".join([str(self.code), *text.split()])[:_WORDS_MAX]

    def rejection(self, *, before_recipient: bool = False) -> Rejected:
        """This answer as the end of a mail; permanent where the server will never take it.

        `before_recipient`: the server had not heard yet whom the mail is for, so it cannot mean that one.
        """
        of_us = self.code in _SESSION_CODES
        permanent = self.code >= 500 and not of_us
        server = of_us or (not permanent and (before_recipient or self.lines[0].startswith(_SYSTEM_STATUS)))
        return Rejected(self.words, permanent=permanent, server=server)


class ReplyReader:
    """Reads answers out of what arrives, however it is cut."""

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[bytes] = []
        self._code = b""

    def feed(self, data: bytes) -> Iterator[SmtpReply]:
        """The answers that `data` completes. Raises UnreadableReply after those that could be read."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            reply = self._line(line.rstrip(b"\r"))
            if reply:
                yield reply
        if len(self._rest) > _LINE_MAX:
            raise UnreadableReply("the server sent a line without an end")

    def _line(self, line: bytes) -> SmtpReply | None:
        if not self._lines and len(line) <= _SHORT and (whole := _whole(line)):
            return whole
        matched = _CODE.match(line)
        if not matched or len(line) > _LINE_MAX:
            raise UnreadableReply("the server answered what is not SMTP")
        code, mark = matched.groups()
        if self._lines and code != self._code:
            raise UnreadableReply("the server changed the code within an answer")
        self._lines.append(line[4:])
        self._code = code
        if mark != b"-":
            reply = SmtpReply(int(code), tuple(self._lines))
            self._lines.clear()
            return reply
        if len(self._lines) >= _LINES_MAX:
            raise UnreadableReply("the server sent an answer without an end")
        return None


@lru_cache(maxsize=64)
def _whole(line: bytes) -> SmtpReply | None:
    """The answer that a line is by itself; None if it is none. Servers say a few words again and again."""
    matched = _CODE.match(line)
    return None if not matched or matched[2] == b"-" else SmtpReply(int(matched[1]), (line[4:],))


def commands(envelope: Envelope, offers: Extensions) -> tuple[bytes, bytes, bytes]:
    """MAIL, RCPT and DATA for one mail, with the parameters that the server offers.

    Raises Rejected where this server could never take the mail (RFC 1870, 6152, 6531).
    """
    sender, recipient = envelope.sender, envelope.recipient
    ascii_only = sender.isascii() and recipient.isascii()
    _check_addresses(sender, recipient, ascii_only=ascii_only)
    parameters = ""
    if offers.takes_size:
        _check_size(len(envelope.content), offers.size)
        parameters += f" SIZE={len(envelope.content)}"
    if not envelope.content.isascii():
        _check_offered(offers.eight_bit, "8BITMIME, which this mail needs")
        parameters += " BODY=8BITMIME"
    if not ascii_only:
        _check_offered(offers.utf8, "SMTPUTF8, which this address needs")
        parameters += " SMTPUTF8"
    return (
        f"MAIL FROM:<{sender}>{parameters}\r\n".encode(),
        f"RCPT TO:<{recipient}>\r\n".encode(),
        b"DATA\r\n",
    )


def _check_addresses(sender: str, recipient: str, *, ascii_only: bool) -> None:
    """A control character or an angle bracket could end the command and begin another."""
    if not _ADDRESS.fullmatch(recipient) or (sender and not _ADDRESS.fullmatch(sender)):
        raise Rejected("not sent: the address holds what no mail server takes", permanent=True)
    if ascii_only:
        return
    try:
        f"{sender}{recipient}".encode()
    except UnicodeEncodeError as error:
        raise Rejected("not sent: the address is not text", permanent=True) from error


def _check_size(size: int, most: int) -> None:
    if most and size > most:
        raise Rejected(f"not sent: {size} bytes, and the server takes {most}", permanent=True)


def _check_offered(offered: bool, what: str) -> None:
    if not offered:
        raise Rejected(f"not sent: the server does not offer {what}", permanent=True)


def body(content: bytes) -> bytes:
    """A mail as it follows 354: lines end in CRLF, leading dots doubled, the dot that ends it behind.

    No bare CR or LF is left, in which servers see different ends of a mail (RFC 5321, 2.3.8, 4.5.2).
    """
    if isinstance(content, CrlfLines):
        return content + b".\r\n"
    # For bytes, a line ends at CRLF, CR or LF and nowhere else; this is the quickest way to see it.
    lines = content.splitlines()
    stuffed = b"\r\n".join(lines)
    if b"\r\n." in stuffed:
        stuffed = stuffed.replace(b"\r\n.", b"\r\n..")
    if stuffed.startswith(b"."):
        stuffed = b"." + stuffed
    return stuffed + (b"\r\n.\r\n" if lines else b".\r\n")
