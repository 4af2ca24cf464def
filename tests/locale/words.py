"""English words where there should be none."""

from __future__ import annotations

import re
from functools import cache

from engine.mail.locale import catalog
from tests.locale.extraction import DOMAINS

_WORD = re.compile(r"\b[^\W\d_]{2,}\b")


@cache
def _english() -> frozenset[str]:
    """Words that our messages have in English, and in German nowhere."""
    english, german = set[str](), set[str]()
    for folder in DOMAINS.values():
        for entry in catalog.entries((folder / "de.po").read_text(encoding="utf-8")):
            english |= set(_WORD.findall(f"{entry.message} {entry.plural}".lower()))
            german |= set(_WORD.findall(" ".join(entry.texts).lower()))
    return frozenset(english - german)


def english_words(text: str) -> set[str]:
    """The words of a German text that are English."""
    return set(_WORD.findall(text.lower())) & _english()
