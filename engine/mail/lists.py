"""Finds the lists of recipients in a mail: CSV and text files, also zipped (cis-reference 13; B24)."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator

from engine.mail.incoming import ListPart
from engine.mail.leaves import Leaf, Unpacked

_TYPES = {"text/csv", "application/csv", "text/comma-separated-values", "text/x-csv"}
_NAMES = (".csv", ".txt", ".tsv")
_ZIPS = {"application/zip", "application/x-zip-compressed", "application/x-zip"}
_ENTRY = b"PK\x01\x02"
_MAX_LISTS = 20
_MAX_FILES = 1_000
_MAX_UNZIPPED = 20_000_000
"""Bytes that all zipped lists of a mail may have, whatever they say of themselves."""


def found(leaves: list[Leaf]) -> tuple[ListPart, ...]:
    """The lists that are attached to the mail itself, decoded; at most 20."""
    own = [leaf for leaf in leaves if not leaf.attached]
    wanted = [leaf for leaf in own if _is_list(leaf)]
    wanted += list(_unzipped([leaf for leaf in own if _is_zip(leaf)]))
    return tuple(ListPart(filename=leaf.name or "list.csv", text=leaf.text) for leaf in wanted[:_MAX_LISTS])


def _is_list(leaf: Leaf) -> bool:
    return leaf.kind in _TYPES or (leaf.name.endswith(_NAMES) and leaf.main in {"text", "application", ""})


def _is_zip(leaf: Leaf) -> bool:
    return leaf.kind in _ZIPS or (leaf.name.endswith(".zip") and leaf.main in {"application", ""})


def _unzipped(zips: list[Leaf]) -> Iterator[Leaf]:
    """The lists inside; a zip that cannot be read, or is a bomb, holds none."""
    left = _MAX_UNZIPPED
    for leaf in zips[:_MAX_LISTS]:
        for name, content in _files(leaf.content, left):
            left -= len(content)
            yield Unpacked(content, name=name)


def _may_be_list(info: zipfile.ZipInfo) -> bool:
    usual = info.compress_type in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
    return usual and info.filename.lower().endswith(_NAMES)


def _files(data: bytes, left: int) -> list[tuple[str, bytes]]:
    if data.count(_ENTRY) > _MAX_FILES:
        return []
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = [i for i in archive.infolist() if _may_be_list(i)]
            files = []
            for info in infos[:_MAX_LISTS]:
                with archive.open(info) as file:
                    content = file.read(left + 1)  # what the archive says of sizes may be a lie
                if len(content) > left:
                    return []
                left -= len(content)
                files.append((info.filename.rpartition("/")[2], content))
            return files
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError, OSError):
        return []  # damaged or locked; the answer says that there is no list
