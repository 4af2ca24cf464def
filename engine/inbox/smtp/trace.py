"""The Received header at the top of a mail that we accepted (RFC 5321, 4.4)."""

from __future__ import annotations

import re
from datetime import datetime
from email.utils import format_datetime

_UNSAFE = re.compile(r"[^A-Za-z0-9.:\[\]_-]")


def received(*, helo: str, client: str, domain: str, protocol: str, name: str, at: datetime) -> bytes:
    """One folded header with its CRLF. `name`: the mail's id; `protocol`: SMTP, ESMTP or ESMTPS."""
    host = _UNSAFE.sub("?", helo)[:255]
    literal = f"IPv6:{client}" if ":" in client else client
    lines = (
        f"Received: from {host} ([{_UNSAFE.sub('?', literal)}])",
        f"by {domain} (Calendar Invite Server) with {protocol}",
        f"id {name}; {format_datetime(at)}",
    )
    return ("\r\n\t".join(lines) + "\r\n").encode()
