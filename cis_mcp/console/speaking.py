"""The language of a console page: the organizer's, else the browser's."""

from __future__ import annotations

from contextvars import ContextVar
from datetime import datetime

from starlette.requests import Request

from cis_mcp.locale.languages import ENGLISH, language
from cis_mcp.pages.speaking import wished
from engine.commands.agents import digest_words
from engine.commands.notices import field_name, skipped_why
from engine.commands.reasons import with_quoted
from engine.mail.locale.language import SOURCE, Language, noop, noop_term

SPOKEN: ContextVar[Language] = ContextVar("the language of the page", default=ENGLISH)
"""The language of the page that is being made."""
_STATES = (
    noop_term("state", "confirmed"),
    noop_term("state", "tentative"),
    noop_term("state", "cancelled"),
    noop_term("state", "draft"),
    noop_term("state", "scheduled"),
    noop_term("state", "running"),
    noop_term("state", "paused"),
    noop_term("state", "finished"),
    noop_term("state", "live"),
    noop_term("state", "ended"),
    noop_term("state", "stopped"),
    noop_term("state", "expired"),
    noop_term("state", "revoked"),
    noop_term("state", "active"),
    noop_term("state", "kept"),
    noop_term("state", "waiting"),
    noop_term("state", "done"),
    noop_term("state", "partial"),
    noop_term("state", "unchanged"),
    noop_term("state", "nothing"),
    noop_term("state", "stale"),
    noop_term("state", "replaced"),
    noop_term("state", "held"),
    noop_term("state", "failed"),
    noop_term("state", "delivered"),
)
_KINDS = (
    noop_term("kind of campaign", "invite"),
    noop_term("kind of campaign", "update"),
    noop_term("kind of campaign", "cancellation"),
    noop_term("kind of campaign", "reminder"),
)
_MAILS_BY_KIND = (
    noop_term("kind of mail", "invite"),
    noop_term("kind of mail", "update"),
    noop_term("kind of mail", "cancellation"),
    noop_term("kind of mail", "reminder"),
    noop_term("kind of mail", "withdrawal"),
    noop_term("kind of mail", "declined-proposal"),
    noop_term("kind of mail", "report"),
    noop_term("kind of mail", "notice"),
    noop_term("kind of mail", "reply"),
)

_LEFT_OUT = (
    noop_term("people by answer", "accepted"),
    noop_term("people by answer", "declined"),
    noop_term("people by answer", "tentative"),
    noop_term("people by answer", "delegated"),
    noop_term("people by answer", "noaction"),
)
_COUNTS = (
    noop_term("count of a campaign", "waiting"),
    noop_term("count of a campaign", "queued"),
    noop_term("count of a campaign", "sending"),
    noop_term("count of a campaign", "sent"),
    noop_term("count of a campaign", "deferred"),
    noop_term("count of a campaign", "failed"),
    noop_term("count of a campaign", "withdrawn"),
    noop_term("count of a campaign", "skipped"),
)
_MAILS = (
    noop("mails queued"),
    noop("mails sending"),
    noop("mails sent"),
    noop("mails deferred"),
    noop("mails failed"),
    noop("mails withdrawn"),
)
_TABLES = (
    noop_term("table for analysis", "events"),
    noop_term("table for analysis", "attendees"),
    noop_term("table for analysis", "messages"),
    noop_term("table for analysis", "receipts"),
    noop_term("table for analysis", "links"),
)


def chosen(request: Request, settled: str) -> Language:
    """The language for whoever asks; `settled`: the tag of the organizer's, empty if it is not set."""
    return language(settled or wished(request.scope))


def why(code: str, detail: str = "") -> str:
    """Why a row was skipped or a mail was not sent.

    English has the code in words and the detail; other languages what the code means, and what the detail quotes.
    """
    language, plain = SPOKEN.get(), code.replace("_", " ")
    if language.tag == SOURCE:
        return f"{plain}: {detail}" if detail else plain
    return with_quoted(skipped_why(code, language) or plain, detail, language)


def stood(state: str) -> str:
    """How a trigger or a webhook stands; one that the server stopped has its code in brackets, which becomes why."""
    word, _, code = state.removesuffix(")").partition(" (")
    told = SPOKEN.get().term("state", word)
    return f"{told}: {why(code)}" if code else told


def field(name: str) -> str:
    """A field of an event, as people call it."""
    language = SPOKEN.get()
    return name.replace("_", " ") if language.tag == SOURCE else field_name(name, language)


def bound(name: str) -> str:
    """A bound of a key, as people call it."""
    language = SPOKEN.get()
    return name.replace("_", " ") if language.tag == SOURCE else digest_words.bound(name, language)


def number(value: float) -> str:
    """A number with separators between thousands."""
    spoken = SPOKEN.get()
    return spoken.number(value) if isinstance(value, int) else f"{value:,}"


def at(moment: datetime | str) -> str:
    """A moment in UTC, also as RFC 3339 writes it, to the minute; English has the weekday before it."""
    moment = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    weekday = f"{moment:%a} " if SPOKEN.get().tag == SOURCE else ""
    return f"{weekday}{moment:%Y-%m-%d %H:%M} UTC"
