"""The language of a visitor's page: the organizer's, else what `?lang=` asks for, else the browser's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.types import Scope

from cis_mcp.locale.languages import ENGLISH, language
from cis_mcp.pages.rows import PageRow, day_of, time_of
from engine.mail.locale.choosing import accepted, matched
from engine.mail.locale.language import Language
from engine.mail.outgoing import words


@dataclass(frozen=True)
class Speech:
    """The language of one answer. `asked`: what `?lang=` asked for, which our addresses keep; `negotiated`: the
    browser's wish decided, so that the answer is another one for others (RFC 9110, 12.5.5)."""

    language: Language = ENGLISH
    asked: str = ""
    negotiated: bool = False

    @property
    def key(self) -> tuple[str, str, bool]:
        """The cache key of a body in this language."""
        return self.language.tag, self.asked, self.negotiated

    def here(self, path: str) -> str:
        """A path of ours, where the visitor is answered in the same language."""
        if not self.asked or not path.startswith("/"):
            return path
        return f"{path}{'&' if '?' in path else '?'}{urlencode({'lang': self.asked})}"

    def values(self) -> dict[str, Any]:
        """What templates speak with."""
        spoken = self.language
        return {
            "_": spoken.say,
            "n_": spoken.some,
            "c_": spoken.term,
            "lang": spoken.tag,
            "direction": spoken.direction,
            "asked": self.asked,
            "here": self.here,
            "number": spoken.number,
            "day": lambda value: words.day(value, spoken),
            "short_day": lambda value: words.short_day(value, spoken),
            "clock": lambda row: row.time(spoken),
            "moved": lambda row: moved(row, spoken),
            "repeats": lambda row: repeats(row, spoken),
        }


PLAIN = Speech()


def speech(request: Request, settled: str = "") -> Speech:
    """How to answer a request; `settled`: the organizer's language, empty if it is not set."""
    if settled:
        return Speech(language(settled))
    asked = matched(request.query_params.get("lang", ""))
    if asked:
        return Speech(language(asked), asked)
    return Speech(language(wished(request.scope)), negotiated=True)


def wished(scope: Scope) -> str:
    """The language that the browser asks for."""
    given = next((value for name, value in scope["headers"] if name == b"accept-language"), b"")
    return accepted(given.decode("latin-1"))


def moved(row: PageRow, spoken: Language) -> str:
    """When an event that moved with its newest revision was before; empty for others."""
    if row.before is None:
        return ""
    day, time = words.day(day_of(row.before), spoken), time_of(row.before, row.hours, spoken)
    return spoken.term("date and time", "{day}, {time}", day=day, time=time) if time else day


def repeats(row: PageRow, spoken: Language) -> str:
    """How a series repeats; empty for a single event."""
    return words.recurrence(row.recurrence, row.span, spoken)
