"""Mail that Amazon SES received and stores as an object: its notification, and the headers that SES added."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.mail.incoming import sesnotice
from engine.model.base import Value

AUTHSERV_ID = "amazonses.com"
SETUP = "AMAZON_SES_SETUP_NOTIFICATION"
"""What SES writes into a bucket to see whether it may; no mail."""
_RECIPIENTS_MAX = 100
_KEY_MAX = 1_024
_HEAD_MAX = 65_536
_FIELD = re.compile(rb"([!-9;-~]+):([^\n]*(?:\n[ \t][^\n]*)*)\n?")
_ADDRESS = re.compile(r"<?([^<>\s;]{1,320})>?")
_FOR = re.compile(r"\bby \S+\.amazonaws\.com .*?\bfor <?([^<>\s;]{3,320})>?;", re.DOTALL)
_OWN = {
    "return-path",
    "received",
    "x-ses-spam-verdict",
    "x-ses-virus-verdict",
    "received-spf",
    "authentication-results",
}
_LAST = "x-ses-receipt"
"""Names of the fields that SES writes on top of a mail, in front of all that its sender wrote; and the last of them."""


class Received(Value):
    """A notification that a mail lies in a bucket. `recipients`: of its envelope, as far as they matched the rule."""

    bucket: str
    key: str
    recipients: tuple[str, ...]


class Stamp(Value):
    """The headers that SES added on top of a mail.

    `sender`: of its envelope; empty for the null sender, None if SES does not say. `recipient`: one of its
    envelope; empty if it is not named. `vouches`: the topmost Authentication-Results is SES's own.
    """

    sender: str | None = None
    recipient: str = ""
    vouches: bool = False


def received(text: str) -> Received | None:
    """The mail that a notification, in the envelope of SNS or without, tells of; None for anything else."""
    found = sesnotice.inner(text)
    receipt = found.get("receipt") if found and sesnotice.kind(found) == "received" else None
    action = receipt.get("action") if isinstance(receipt, dict) else None
    if not isinstance(receipt, dict) or not isinstance(action, dict) or action.get("type") != "S3":
        return None
    bucket, key, recipients = action.get("bucketName"), action.get("objectKey"), receipt.get("recipients")
    if not isinstance(bucket, str) or not isinstance(key, str) or not isinstance(recipients, list):
        return None
    if not 0 < len(key.encode(errors="replace")) <= _KEY_MAX or len(recipients) > _RECIPIENTS_MAX:
        return None
    return Received(bucket=bucket, key=key, recipients=tuple(str(one).lower() for one in recipients))


def stamp(raw: bytes) -> Stamp:
    """The headers that SES added, down to its Received header; without that, nothing is known to come from SES."""
    found: dict[str, str] = {}
    for name, value in _fields(raw[:_HEAD_MAX]):
        if name == _LAST:
            break
        if name not in _OWN or name in found:
            return Stamp()
        found[name] = value
    else:
        return Stamp()
    path, way = found.get("return-path"), _FOR.search(found.get("received", ""))
    address = _ADDRESS.fullmatch(path.strip()) if path else None
    null = path is not None and path.strip() == "<>"
    authserv_id = found.get("authentication-results", "").partition(";")[0].strip().lower()
    vouches = authserv_id == AUTHSERV_ID and "amazonaws.com" in found.get("received", "")
    sender = address[1] if address else "" if null else None
    return Stamp(sender=sender, recipient=way[1].lower() if way else "", vouches=vouches)


def _fields(head: bytes) -> Iterator[tuple[str, str]]:
    position = 0
    while field := _FIELD.match(head, position):
        yield field[1].decode("latin-1").lower(), " ".join(field[2].decode("latin-1").split())
        position = field.end()
