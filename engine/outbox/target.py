"""Where mail is sent by SMTP, as a URL says it."""

from __future__ import annotations

import ssl
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from pydantic import Field

from engine.model.base import Value

_CONNECTIONS = 64
"""A mail costs one round trip, so a server that is 20 ms away takes 50 a second by each connection."""
_CONNECTIONS_MOST = 256
_FORM = "give it as smtp://[user:pass@]host:port[?starttls=yes|no&connections=64&cafile=…]"


class SmtpTarget(Value):
    """Where to send: read from `smtp://[user:pass@]host:port[?starttls=…&connections=…&cafile=…]` or `smtps://…`.

    `cafile` names the certificate authorities to trust instead of the system's; a certificate is always
    verified.
    """

    host: str
    port: int
    user: str = ""
    password: str = ""
    tls: bool = False
    starttls: bool | None = None
    connections: int = Field(_CONNECTIONS, description="at most; fewer where the server wants fewer")
    cafile: str = ""

    @classmethod
    def of(cls, url: str) -> SmtpTarget:
        """Read the URL; raises ValueError with a sentence on what is wrong."""
        parts, port = _parted(url)
        options = {k: v[-1] for k, v in parse_qs(parts.query, keep_blank_values=True).items()}
        unknown = set(options) - {"starttls", "connections", "cafile"}
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or unknown:
            raise ValueError(_FORM)
        tls = parts.scheme == "smtps"
        connections = options.get("connections", str(_CONNECTIONS))
        if not connections.isdecimal() or not 1 <= int(connections) <= _CONNECTIONS_MOST:
            raise ValueError(f"connections must be from 1 to {_CONNECTIONS_MOST}")
        return cls(
            host=parts.hostname,
            port=port or (465 if tls else 587 if parts.username else 25),
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            tls=tls,
            starttls=_yes_or_no(options.get("starttls")),
            connections=int(connections),
            cafile=options.get("cafile", ""),
        )

    def trust(self) -> ssl.SSLContext:
        """The authorities that the server's certificate must come from. Raises OSError for a bad `cafile`."""
        return ssl.create_default_context(cafile=self.cafile or None)


def _parted(url: str) -> tuple[SplitResult, int | None]:
    """The parts of a URL and its port. What urllib says of a bad one may hold a piece of the password."""
    how = f"{_FORM}; in a name or password, write @ : / ? # % as %40 %3A %2F %3F %23 %25"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(how) from None
    if parts.path not in {"", "/"} or parts.fragment or "@" in parts.query:
        raise ValueError(how)
    return parts, port


def _yes_or_no(word: str | None) -> bool | None:
    """None leaves it to what the server offers, except that a password never is sent in clear text."""
    if word is None:
        return None
    word = word.lower()
    if word in {"yes", "true", "1", "required"}:
        return True
    if word in {"no", "false", "0"}:
        return False
    raise ValueError("starttls must be yes or no")
