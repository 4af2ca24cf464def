"""Finds the lists of recipients in a mail: CSV and text files, also zipped."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator

from engine.mail.incoming.content import ListPart
from engine.mail.incoming.leaves import Leaf, Unpacked, is_utf16
from engine.refusals import Code, Refused

_TYPES = {"text/csv", "application/csv", "text/comma-separated-values", "text/x-csv"}
_NAMES = (".csv", ".txt", ".tsv")
_ZIPS = {"application/zip", "application/x-zip-compressed", "application/x-zip"}
_ENTRY = b"PK\x01\x02"
_MAX_LISTS = 20
_MAX_FILES = 1_000
"""Files that all zips of a mail may hold, whatever these are."""
_MAX_UNZIPPED = 20_000_000
"""Bytes that all zipped lists of a mail may have, whatever they say of themselves."""
_FIRST_LINE = 100_000
"""Bytes in which the first line of a list has to end; what has none is not unpacked any further."""


def found(leaves: list[Leaf]) -> tuple[ListPart, ...]:
    """The lists that are attached to the mail itself, decoded.

    Raises Refused(TOO_LARGE) for more than 20 of them, and for zips with more than 1,000 files or lists of 20 MB.
    """
    own = [leaf for leaf in leaves if not leaf.attached]
    wanted = [leaf for leaf in own if _is_list(leaf)]
    wanted += _Unzipping().lists([leaf for leaf in own if _is_zip(leaf)])
    if len(wanted) > _MAX_LISTS:
        raise _too_large(f"The mail has more than {_MAX_LISTS} lists.")
    return tuple(ListPart(filename=leaf.name or "list.csv", text=leaf.text) for leaf in wanted)


def _too_large(what: str) -> Refused:
    return Refused(Code.TOO_LARGE, what, "Attach the list itself, or send several mails.")


def _is_list(leaf: Leaf) -> bool:
    return leaf.kind in _TYPES or (leaf.name.endswith(_NAMES) and leaf.main in {"text", "application", ""})


def _is_zip(leaf: Leaf) -> bool:
    return leaf.kind in _ZIPS or (leaf.name.endswith(".zip") and leaf.main in {"application", ""})


class _Unzipping:
    """Takes the lists out of zips, all of them within one bound."""

    def __init__(self) -> None:
        self._left = _MAX_UNZIPPED
        self._files = 0

    def lists(self, zips: list[Leaf]) -> list[Leaf]:
        """The lists inside; a zip that is damaged or locked holds none, and the answer says that there is no list."""
        found: list[Leaf] = []
        for leaf in zips:
            self._files += leaf.content.count(_ENTRY)
            if self._files > _MAX_FILES:
                raise _too_large(f"The zip files hold more than {_MAX_FILES:,} files.")
            try:
                found += list(self._of(leaf.content))
            except (*_DAMAGED, ValueError):
                continue
        return found

    def _of(self, data: bytes) -> Iterator[Leaf]:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = [info for info in archive.infolist() if _may_be_list(info)]
            if len(infos) > _MAX_LISTS:
                raise _too_large(f"The mail has more than {_MAX_LISTS} lists.")
            if sum(info.file_size for info in infos) > self._left:
                raise self._bomb()
            for info in infos:
                yield Unpacked(self._content(archive, info), name=info.filename.rpartition("/")[2])

    def _content(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
        """One list, if its beginning looks like one; what an archive says of sizes may be a lie."""
        head = _read(archive, info, min(_FIRST_LINE, self._left + 1))
        whole = len(head) == _FIRST_LINE and (b"\0" not in head or is_utf16(head))
        if whole and b"\n" not in head and b"\r" not in head:
            raise _too_large(f"The first line of a zipped list has more than {_FIRST_LINE:,} bytes.")
        content = _read(archive, info, self._left + 1) if whole else head
        self._left -= len(content)
        if self._left < 0:
            raise self._bomb()
        return content

    def _bomb(self) -> Refused:
        return _too_large(f"The zipped lists have more than {_MAX_UNZIPPED // 1_000_000} MB.")


# what zipfile raises for archives that are damaged, locked or made to be; of bytes in memory, OSError is a bad seek
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, OSError)


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, size: int) -> bytes:
    with archive.open(info) as file:
        return file.read(size)


def _may_be_list(info: zipfile.ZipInfo) -> bool:
    usual = info.compress_type in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
    return usual and info.filename.lower().endswith(_NAMES)
