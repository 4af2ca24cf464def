"""Catalogs of messages: PO files, read once in a process and handed to gettext in the form that it reads (MO)."""

from __future__ import annotations

import gettext
import io
import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_CONTEXT_END = "\x04"
_MAGIC = 0x950412DE
_FIELDS = ("msgctxt", "msgid_plural", "msgid", "msgstr")


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """One message of a PO file; `texts` has one for each plural form, `plural` is empty if there are none."""

    context: str
    message: str
    plural: str
    texts: tuple[str, ...]
    fuzzy: bool = False

    @property
    def key(self) -> str:
        """What gettext looks it up by."""
        return f"{self.context}{_CONTEXT_END}{self.message}" if self.context else self.message

    @property
    def translated(self) -> bool:
        return bool(self.texts) and all(self.texts) and not self.fuzzy


def entries(text: str) -> list[CatalogEntry]:
    """The messages of a PO file, its header first. Raises ValueError: a line is none of a PO file."""
    found = [_entry(block) for block in text.split("\n\n")]
    return [entry for entry in found if entry is not None]


def _entry(block: str) -> CatalogEntry | None:
    values: dict[str, str] = {}
    fuzzy, name = False, ""
    for line in filter(None, map(str.strip, block.splitlines())):
        if line.startswith("#"):
            fuzzy = fuzzy or (line.startswith("#,") and "fuzzy" in line)
            continue
        if not line.startswith('"'):
            name, _, line = line.partition(" ")  # noqa: PLW2901 -- the rest of it is the text
            if not name.startswith(_FIELDS):
                raise ValueError(f"No line of a PO file: {name} {line}"[:200])
        values[name] = values.get(name, "") + _text(line)
    if "msgid" not in values:
        return None
    texts = tuple(value for field, value in values.items() if field.startswith("msgstr"))
    return CatalogEntry(
        values.get("msgctxt", ""), values["msgid"], values.get("msgid_plural", ""), texts, fuzzy=fuzzy
    )


def _text(line: str) -> str:
    if line[:1] == line[-1:] == '"' and line.count('"') == 2 and "\\" not in line and line.isprintable():
        return line[1:-1]
    return str(json.loads(line))


def read(path: Path) -> gettext.GNUTranslations:
    """The catalog in a PO file, of what is translated in it."""
    known = {e.key: e for e in entries(path.read_text(encoding="utf-8")) if e.translated}
    return gettext.GNUTranslations(io.BytesIO(_compiled(known)))


def _compiled(known: Mapping[str, CatalogEntry]) -> bytes:
    """The MO file with these messages: a head, two tables of lengths and offsets, and texts in order of their keys."""
    ids, texts = [], []
    for key in sorted(known, key=str.encode):
        entry = known[key]
        ids.append("\0".join(filter(None, (key, entry.plural))).encode())
        texts.append("\0".join(entry.texts).encode())
    start = 28 + 16 * len(ids)
    table = b"".join(struct.pack("<II", *each) for each in _placed([*ids, *texts], start))
    head = struct.pack("<7I", _MAGIC, 0, len(ids), 28, 28 + 8 * len(ids), 0, start)
    return head + table + b"".join(piece + b"\0" for piece in (*ids, *texts))


def _placed(pieces: list[bytes], start: int) -> Iterator[tuple[int, int]]:
    for piece in pieces:
        yield len(piece), start
        start += len(piece) + 1
