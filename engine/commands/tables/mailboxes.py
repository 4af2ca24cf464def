"""Reads what mail programs write into one line: several people, between semicolons or commas (RFC 5322, 3.4)."""

from __future__ import annotations

import re

_LINE_MAX = 1_000_000
_PIECE_MAX = 500
_PIECE = {
    separator: re.compile(rf'((?:(?>"(?:[^"\\]|\\.)*+")|[^"{separator}]++)*+)({separator}|\Z)')
    for separator in ";,"
}
_MAILBOX = re.compile(
    r'(?:(?:"((?:[^"\\]|\\.)*+)"|([^"<>@]*+))\s*<)?([^@\s,;<>"]+@[^@\s,;<>"]+\.[^@\s,;<>"]+)>?'
)


def read(line: str) -> list[tuple[str, str]]:
    """Name and address of each person in `line`; empty unless there are several and nothing else.

    `Lee, Ann <ann@example.com>; bob@example.org`: names may hold commas where semicolons stand between people.
    A line with a quote that does not end is not understood.
    """
    if len(line) > _LINE_MAX or line.count("@") < 2:
        return []
    separator = ";" if ";" in line else ","
    found = [_mailbox(piece) for piece in _pieces(line, separator) if piece]
    people = [one for one in found if one]
    return people if len(people) == len(found) > 1 else []


def _pieces(line: str, separator: str) -> list[str]:
    """What stands between the separators that no quotes hold; nothing if a quote does not end.

    Each piece is read where the one before ended: looked for anew, a quote without an end would cost a look at all
    that follows for each quote within it.
    """
    pieces: list[str] = []
    found = _PIECE[separator].match(line)
    while found:
        pieces.append(found[1].strip())
        if not found[2]:
            return pieces
        found = _PIECE[separator].match(line, found.end())
    return []


def _mailbox(piece: str) -> tuple[str, str] | None:
    match = _MAILBOX.fullmatch(piece) if len(piece) <= _PIECE_MAX else None
    if match is None or piece.endswith(">") != ("<" in piece):
        return None
    quoted, plain, address = match.groups()
    name = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain or ""
    return ("" if "@" in name else " ".join(name.split())), address
