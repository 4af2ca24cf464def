"""Keys of items: parts joined so that they can be split again and compared as texts."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

_PART_MAX = 400
"""The most bytes of one part of a key; DynamoDB accepts 2,048 for a partition key and 1,024 for a sort key."""
ALONE = "-"
"""The sort key of an item that is alone in its partition."""
LAST = "￿"
"""A text after every sort key."""

_FAR = 10**17
"""Microseconds since 1970 in the far future."""

FOREVER = "9999"
"""The text in place of a moment that means never."""

Key = tuple[str, str]
"""Partition key and sort key."""


MOVING: Key = ("moving", ALONE)
"""The item that exists while a table is filled from another store."""


def joined(*parts: str | int) -> str:
    """Parts of a key as one text; a part too long for DynamoDB is replaced by its SHA-256."""
    return "#".join(_part(str(part)) for part in parts)


def _part(text: str) -> str:
    escaped = text.replace("%", "%25").replace("#", "%23")
    if len(escaped.encode()) > _PART_MAX:
        return f"%sha256.{hashlib.sha256(text.encode()).hexdigest()}"
    return escaped


def plain(part: str) -> str:
    """The text from which `joined` made a part; the part itself if the text was too long."""
    return part.replace("%23", "#").replace("%25", "%")


def moment(at: datetime) -> str:
    """A moment as a text that sorts by time."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def newest_first(at: datetime) -> str:
    """A moment as a text that sorts by time, later ones before earlier ones."""
    return f"{_FAR - int(at.timestamp() * 1_000_000):018d}"


def number(n: int) -> str:
    """A number from 0 on as a text that sorts by its value."""
    return f"{n:012d}"


def behind(sort: str) -> str:
    """A text after every key whose parts start with those of `sort`, and before later ones ("$" follows "#")."""
    return f"{sort}$"
