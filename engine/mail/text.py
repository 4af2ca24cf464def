"""Text as it may stand in a mail: one line, or lines with one kind of break and no control characters."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029\ud800-\udfff]+")
# what turns the direction of the words around it (Unicode UAX 9, 3.1)
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_BREAKS = re.compile(r"\r\n|[\r\u0085\u2028\u2029]")
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


def one_line(text: str) -> str:
    """`text` on one line: control characters and runs of white space become one space each.

    What turns the direction of writing is left out, since it would turn the words that follow as well.
    """
    if not text.isprintable():
        text = _CONTROL.sub(" ", _TURNING.sub("", text))
    return " ".join(text.split())


def lines(text: str) -> str:
    """`text` with one kind of line break and no other control characters but tabs."""
    if not text.isprintable():
        text = _UNSEEN.sub("", _BREAKS.sub("\n", text))
    return text.strip()
