"""Where mail is fetched from, as the URLs of `CIS_INBOX` say it."""

from __future__ import annotations

import hashlib
import ssl
from pathlib import Path
from typing import Literal, TypeVar
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from pydantic import Field

from engine.model.base import Value
from engine.network import is_loopback

W = TypeVar("W", bound=str)

_IMAP_FORM = (
    "imaps://user:password@host[:port]/folder[?done=move|flag|delete&poll=60&cafile=…], "
    "with @ : / ? # , % in user and password written as %40 %3A %2F %3F %23 %2C %25"
)
_MAILDIR_FORM = "maildir:///path/to/folder[?done=seen|delete&poll=1]"
_POLL_LONGEST = 1_700
"""IDLE must be renewed before 29 minutes are over (RFC 2177, 3)."""


class ImapAccount(Value):
    """A folder of an IMAP account (RFC 9051): `imaps://…`, or `imap://…` with STARTTLS."""

    number: int
    host: str
    port: int
    user: str
    password: str = Field(repr=False)
    folder: str
    tls: Literal["on", "starttls", "off"]
    cafile: str
    done: Literal["move", "flag", "delete"]
    poll_s: int
    """How long it may take until the folder is looked at again, told or not."""

    @classmethod
    def of(cls, url: str, number: int) -> ImapAccount:
        """Read the URL; raises ValueError with a sentence that shows nothing of it."""
        try:
            return cls._of(urlsplit(url), number)
        except ValueError as error:
            # What urlsplit and int() say may hold a piece of the password; what is said here is not.
            why = f" ({error})" if isinstance(error, _Wrong) else ""
            raise ValueError(f"CIS_INBOX: source {number} must be given as {_IMAP_FORM}{why}") from None

    @classmethod
    def _of(cls, parts: SplitResult, number: int) -> ImapAccount:
        options = _options(parts, {"done", "poll", "cafile", "starttls"})
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        if not parts.hostname or not user or not password or parts.fragment:
            raise _Wrong("host, user and password are needed")
        if not (user + password).isprintable():
            raise _Wrong("user and password hold a control character")
        tls = _tls(parts.scheme, options.get("starttls", ""), parts.hostname)
        return cls(
            number=number,
            host=parts.hostname,
            port=parts.port or (993 if tls == "on" else 143),
            user=user,
            password=password,
            folder=unquote(parts.path).strip("/") or "INBOX",
            tls=tls,
            cafile=options.get("cafile", ""),
            done=_one_of(options.get("done", "move"), "done", ("move", "flag", "delete")),
            poll_s=_seconds(options.get("poll", "60")),
        )

    @property
    def label(self) -> str:
        """What the log calls it: which source, without the user."""
        scheme = "imaps" if self.tls == "on" else "imap"
        return f"source {self.number}, {scheme}://{self.host}:{self.port}/{self.folder}"

    @property
    def key(self) -> str:
        """Tells its mails and its files from those of other sources."""
        return _key(f"{self.user}@{self.host}:{self.port}/{self.folder}")

    def trust(self) -> ssl.SSLContext:
        """The authorities that the server's certificate must come from. Raises OSError for a bad `cafile`."""
        return ssl.create_default_context(cafile=self.cafile or None)

    def without_secrets(self, words: str) -> str:
        """`words` of the server on one line, with neither user nor password, at most 200 characters."""
        for secret in sorted({self.user, self.password}, key=len, reverse=True):
            words = words.replace(secret, "***")
        return " ".join(words.split())[:200]


class MaildirFolder(Value):
    """A Maildir of this machine: `maildir:///path`."""

    number: int
    path: Path
    done: Literal["seen", "delete"]
    poll_s: int

    @classmethod
    def of(cls, url: str, number: int) -> MaildirFolder:
        """Read the URL; raises ValueError with a sentence on what is wrong."""
        parts = urlsplit(url)
        try:
            return cls._of(parts, number)
        except _Wrong as wrong:
            raise ValueError(
                f"CIS_INBOX: source {number} must be given as {_MAILDIR_FORM} ({wrong})"
            ) from None

    @classmethod
    def _of(cls, parts: SplitResult, number: int) -> MaildirFolder:
        options = _options(parts, {"done", "poll"})
        if parts.netloc or not parts.path.strip("/") or parts.fragment:
            raise _Wrong("the path must be absolute")
        return cls(
            number=number,
            path=Path(unquote(parts.path)),
            done=_one_of(options.get("done", "seen"), "done", ("seen", "delete")),
            poll_s=_seconds(options.get("poll", "1")),
        )

    @property
    def label(self) -> str:
        """What the log calls it."""
        return f"source {self.number}, maildir://{self.path}"

    @property
    def key(self) -> str:
        """Tells its mails and its files from those of other sources."""
        return _key(str(self.path))


class _Wrong(ValueError):  # noqa: N818 -- says what is wrong with an argument
    """A sentence of our own on what is wrong with a URL; it holds nothing of the URL."""


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _options(parts: SplitResult, known: set[str]) -> dict[str, str]:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if options.keys() - known:
        raise _Wrong(f"the options are {', '.join(sorted(known))}")
    return options


def _one_of(word: str, name: str, words: tuple[W, ...]) -> W:
    for known in words:
        if word == known:
            return known
    raise _Wrong(f"{name} is one of {', '.join(words)}")


def _seconds(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= _POLL_LONGEST):
        raise _Wrong(f"poll is from 1 to {_POLL_LONGEST} seconds")
    return int(text)


def _tls(scheme: str, starttls: str, host: str) -> Literal["on", "starttls", "off"]:
    """A password is never sent in clear text, except to this machine itself."""
    if scheme == "imaps":
        if starttls:
            raise _Wrong("starttls goes with imap://")
        return "on"
    if starttls in {"required", "yes"} or (not starttls and not is_loopback(host)):
        return "starttls"
    if starttls not in {"", "no"}:
        raise _Wrong("starttls is required or no")
    if not is_loopback(host):
        raise _Wrong("without TLS only to this machine")
    return "off"
