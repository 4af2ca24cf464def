"""The hosts to which an event's texts link for each person; texts that all read alike are examined once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from engine.commands.agents.bounds import personal_texts, texts_of
from engine.itip import personal
from engine.model.events import Event
from engine.model.keys import Standing
from engine.model.links import plain

_BESIDE = frozenset(' \n\t,!?;()"')
"""Signs that end whatever a mail client makes a link of: a plain value between two of them is no part of one."""


class PersonalLinks:
    """The links of one revision, by the bounds of some keys; `texts`: what is said beside the event's own."""

    def __init__(self, standing: Standing, event: Event, texts: Iterable[str] = ()) -> None:
        self._standing, self._event, self._texts = standing, event, tuple(texts)
        self._names: Collection[str] = () if event.verbatim else personal.placeholders(event)
        self._asked = {*self._names, "name"}
        self._alone = not self._names or all(map(_stands_alone, texts_of(event)))
        filled = personal.personalize(event, dict.fromkeys(self._names, "x")) if self._names else event
        self._alike = self._first((*texts_of(filled), *self._texts))

    def outside(self, values: Mapping[str, str]) -> str:
        """The first host to which a person with these values would see a link outside the keys' bounds; else empty."""
        if self._alone and self._all_plain(self._asked, values):
            return self._alike
        if self._alone and self._all_plain(self._names, values):
            return self._alike or self._standing.outside_links(values.get("name", ""))
        return self._first((*personal_texts(self._event, values), *self._texts))

    def _all_plain(self, names: Iterable[str], values: Mapping[str, str]) -> bool:
        # A loop, since a generator takes as long as what it asks.
        for one in names:  # noqa: SIM110
            if not plain(values.get(one, "")):
                return False
        return True

    def _first(self, texts: Iterable[str]) -> str:
        return next((host for text in texts if (host := self._standing.outside_links(text))), "")


def _stands_alone(text: str) -> bool:
    """True if each placeholder of a text stands between signs that end a link."""
    pieces = personal.words(text).pieces
    for place, (_, is_name) in enumerate(pieces):
        if is_name and not (_ends(pieces, place - 1, -1) and _ends(pieces, place + 1, 0)):
            return False
    return True


def _ends(pieces: tuple[personal.Piece, ...], place: int, sign: int) -> bool:
    if not 0 <= place < len(pieces):
        return True
    word, is_name = pieces[place]
    return not is_name and bool(word) and word[sign] in _BESIDE
