"""The text of a mail: its plain text, or that of its HTML."""

from __future__ import annotations

import html
import re

from engine.mail.incoming.leaves import Leaf, decoded

_MAX_TEXT = 20_000
_TAGS = re.compile(r"<[^<>]*>")


def text(leaves: list[Leaf]) -> str:
    """The plain body; without one, the words of the HTML body. At most 20,000 characters."""
    bodies = [leaf for leaf in leaves if not leaf.attached and not leaf.is_attachment]
    for leaf in bodies:
        if leaf.kind == "text/plain":
            short = len(leaf.content) <= 4 * _MAX_TEXT
            words = leaf.text if short else decoded(leaf.content[: 4 * _MAX_TEXT], leaf.charset)
            if words.strip():
                return words.replace("\r\n", "\n")[:_MAX_TEXT]
    for leaf in bodies:
        if leaf.kind == "text/html":
            return _of_markup(decoded(leaf.content[: 40 * _MAX_TEXT], leaf.charset)[: 10 * _MAX_TEXT])
    return ""


def _of_markup(markup: str) -> str:
    words = html.unescape(_TAGS.sub(" ", _without(_without(markup, "style"), "script")))
    return "\n".join(line.strip() for line in words.splitlines() if line.strip())[:_MAX_TEXT]


def _without(markup: str, element: str) -> str:
    """`markup` without the elements of one kind; one that is never closed swallows the rest."""
    lower, kept, index = markup.lower(), [], 0
    while (start := lower.find(f"<{element}", index)) >= 0:
        kept.append(markup[index:start])
        end = lower.find(f"</{element}", start)
        index = end if end >= 0 else len(markup)
    return "".join([*kept, markup[index:]])
