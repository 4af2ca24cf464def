"""Verbs: what a key may do, and the older names that stand for several of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum


class Verb(StrEnum):
    """One thing that a key may do; `read` every key may."""

    READ = "read"
    CREATE = "create"
    UPDATE = "update"
    """Also cancel, change instances, answer proposals."""
    SEND = "send"
    """Also withdraw and remind."""
    BULK = "bulk"
    REPORT = "report"
    """Also see addresses in full."""
    PUBLISH = "publish"
    """Pages and links."""
    REPLY = "reply"
    """Also read mail that reached the agent."""
    SUPPRESS = "suppress"
    TRIGGER = "trigger"
    """Also webhooks."""
    DELEGATE = "delegate"
    """Make narrower keys."""
    APPROVE = "approve"
    """Also stop and resume."""
    ADMIN = "admin"


EVERY = frozenset(Verb)


STANDS_FOR: Mapping[str, frozenset[Verb]] = {
    "events": frozenset({Verb.CREATE, Verb.UPDATE}),
    "invites": frozenset({Verb.SEND, Verb.REPORT}),
    "campaigns": frozenset({Verb.BULK}),
}
"""The scopes of older keys and of OAuth that are no verbs themselves; `read` and `admin` are."""

_API = frozenset({Verb.READ, Verb.SEND, Verb.REPORT})
API: Mapping[str, frozenset[Verb]] = {"api:standard": _API, "api:admin": _API | {Verb.ADMIN}}
"""The scope of an installation-wide key of the reference API; no caller can ask for it by name."""

NAMES = frozenset({*Verb, *STANDS_FOR})
"""What a scope may be called."""


def verbs_of(names: Iterable[str]) -> frozenset[Verb]:
    """The verbs that verbs and older scopes stand for; unknown names stand for nothing."""
    found: set[Verb] = set()
    for name in names:
        if name in STANDS_FOR:
            found |= STANDS_FOR[name]
        elif name in API:
            found |= API[name]
        elif name in NAMES:
            found.add(Verb(name))
    return frozenset(found)


SCOPES = ("read", "events", "invites", "campaigns")
"""The scopes of a key that names none."""
ADMIN = Verb.ADMIN.value
"""The scope for what operators do; a key has it only where it was named."""
