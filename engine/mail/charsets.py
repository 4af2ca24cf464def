"""The character sets that are decoded: only text codecs, whose cost grows linearly with the text."""

from __future__ import annotations

import codecs
import itertools
import re
from functools import lru_cache

_NAME_MAX = 40
# Not all that Python decodes: punycode, for one, takes time that grows with the square of the length.
_TEXT = re.compile(
    r"ascii|utf-(?:7|8(?:-sig)?|16|16-[bl]e|32|32-[bl]e)|latin[-_]?1|iso8859[-_]\d+|iso2022_\w+|cp\d+|koi8[-_]\w|mac[-_]\w+"
    r"|gb2312|gbk|gb18030|big5|big5hkscs|shift_jis\w*|euc_\w+|hz|johab|tis-620|ptcp154|kz1048|hp-roman8"
)


@lru_cache(maxsize=256)
def known(name: str) -> str:
    """The codec of a character set; empty if it is not known, or is none for text."""
    if not name.isascii() or len(name) > _NAME_MAX:
        return ""
    try:
        codec = codecs.lookup(name).name
    except (LookupError, ValueError):
        return ""
    return codec if _TEXT.fullmatch(codec) else ""


_HEAD = 400
_SAMPLE = 100_000


def wide(data: bytes) -> str:
    """The encoding of wide characters that the first bytes show: by their mark, or by where their zeros stand."""
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    head = data[:_HEAD]
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) * 4 < len(head) or min(even, odd) * 10 > len(head) or not head:
        return ""
    return "utf-16-le" if odd > even else "utf-16-be"


def single_byte(data: bytes) -> str:
    """Windows-1252, or Mac Roman if only that makes plausible words of the bytes."""
    sample = data[:_SAMPLE]
    return "mac_roman" if _odd(sample, "cp1252") and not _odd(sample, "mac_roman") else "cp1252"


def _odd(data: bytes, encoding: str) -> bool:
    """True if a small letter is followed by what no word has there."""
    text = data.decode(encoding, "replace")
    pairs = ((a, b) for a, b in itertools.pairwise(text) if not b.isascii() and a.islower())
    return any(not b.islower() and b not in "’–—…" for _, b in pairs)


def plain(value: object) -> str:
    """A parameter as the library gives it, in the character set that it names, if that is known (RFC 2231, 4)."""
    if not isinstance(value, tuple):
        # Who reads a list alone has no use for the libraries of mail, which take longer to import than all else there.
        from email.utils import unquote

        return unquote(str(value or ""))
    charset, _, text = value
    data = str(text).encode("raw-unicode-escape", "replace")
    return data.decode(known(charset or "") or "utf-8", "replace")
