"""Keeps the search index up to date: words, instances, and how often each word is used."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from functools import lru_cache

from engine.model.events import Event, Override
from engine.model.searching import Expansion
from engine.store.sqlite import rows
from engine.store.sqlite.instances import indexed
from engine.store.sqlite.session import Session

_TERM = re.compile(r"[^\W_]+")
_SIDES = (
    (re.compile(r"^(.{1,200}?)\s+(?:vs?\.?|versus)\s+(.{1,200})$", re.IGNORECASE), (1, 2)),
    (re.compile(r"^(.{1,200}?)\s+(?:at|@)\s+(.{1,200})$", re.IGNORECASE), (2, 1)),
    (re.compile(r"^(.{1,200}?)\s+[-–—]\s+(.{1,200})$"), (1, 2)),
)
_TERMS_MAX = 200
_TERM_MAX = 40
_TEXT_MAX = 20_000
_CHUNK = 500


@lru_cache(maxsize=4096)
def terms(text: str) -> tuple[str, ...]:
    """The words of a text in the form of the index: lower case, without accents."""
    plain = unicodedata.normalize("NFD", text.lower())
    bare = "".join(c for c in plain if not unicodedata.combining(c))
    return tuple(_TERM.findall(unicodedata.normalize("NFC", bare)))


def sides(summary: str) -> tuple[str, str]:
    """The home and the away team in a game's title: “A vs B”, “B at A”, “B @ A”."""
    for pattern, (home, away) in _SIDES:
        match = pattern.match(summary)
        if match:
            return match[home], match[away]
    return "", ""


class IndexedText:
    """The texts of an event and its overrides."""

    def __init__(self, event: Event) -> None:
        every: list[Event | Override] = [event, *event.overrides]
        self.summary = _joined([one.summary for one in every])
        self.location = _joined([one.location for one in every])
        self.description = _joined([one.description for one in every])
        # A weekly lesson “at Sunrise” has no sides.
        self.home, self.away = ("", "") if event.recurring else sides(event.summary)

    def use(self) -> Counter[tuple[str, str]]:
        """The use of each word of title and place, once per event: as a word, a team or a place."""
        found = Counter[tuple[str, str]]()
        for what, text in (
            ("n", f"{self.summary} {self.location}"),
            ("teams", f"{self.home} {self.away}"),
            ("places", self.location),
        ):
            words = [word for word in terms(text)[:_TERMS_MAX] if len(word) <= _TERM_MAX]
            found.update((word, what) for word in dict.fromkeys(words))
        return found


def _joined(texts: list[str]) -> str:
    return "\n".join(dict.fromkeys(text for text in texts if text))[:_TEXT_MAX]


class SearchIndex(Session):
    """The part of a unit of work for the search index."""

    expand: Expansion | None = None

    async def make_findable(self, event: Event, old: Event | None) -> None:
        """Index `event`, replacing the index of `old`."""
        if old is not None and _same(event, old):
            return
        text = IndexedText(event)
        occasions, until = ([], None) if old and _same_times(event, old) else indexed(event, self.expand)
        if not occasions:
            until = await self._kept_until(event.uid)
        await self.run(
            "INSERT INTO found(uid, organizer, status, ends, kept_until, summary, location, home, away, "
            "description, occasions, words) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
            [
                event.uid, event.organizer, event.status.value, _ends(event), until, text.summary, text.location,
                text.home, text.away, text.description, json.dumps(occasions) if occasions else "",
                json.dumps(_changes(text, old)),
            ],
        )  # fmt: skip

    async def _kept_until(self, uid: str) -> int | None:
        row = await self.one("SELECT kept_until FROM findable WHERE uid = ?", [uid])
        return row["kept_until"] if row else None

    async def make_pending_findable(self) -> int:
        """Index some of the events of an older database, and return how many."""
        found = await self.all(
            "SELECT uid, body FROM search_pending JOIN event USING (uid) LIMIT ?", [_CHUNK]
        )
        for row in found:
            await self.make_findable(rows.event(row), None)
        await self.many("DELETE FROM search_pending WHERE uid = ?", [(row["uid"],) for row in found])
        return len(found)


def _ends(event: Event) -> int | None:
    return int(event.ends_at.timestamp()) if event.ends_at else None


_WORDS = ("summary", "location", "description")
_TIMES = ("span", "recurrence", "rdates", "exdates", "overrides", "ends_at")


def _same(event: Event, old: Event) -> bool:
    return (
        _same_times(event, old)
        and event.status == old.status
        and all(getattr(event, name) == getattr(old, name) for name in _WORDS)
    )


def _same_times(event: Event, old: Event) -> bool:
    return all(getattr(event, name) == getattr(old, name) for name in _TIMES)


def _changes(text: IndexedText, old: Event | None) -> list[tuple[str, int, int, int]]:
    """The change in the use of each word."""
    change = text.use()
    if old:
        change.subtract(IndexedText(old).use())
    words = dict.fromkeys(word for (word, _), n in change.items() if n)
    return [(word, change[word, "n"], change[word, "teams"], change[word, "places"]) for word in words]
