"""The character sets that are decoded for whoever wrote a mail: those of text, whose cost grows with its length."""

from __future__ import annotations

import codecs
import re
from email.utils import unquote
from functools import lru_cache

_NAME_MAX = 40
# Not all that Python decodes: punycode, for one, takes time that grows with the square of the length.
_TEXT = re.compile(
    r"ascii|utf-(?:7|8(?:-sig)?|16|16-[bl]e|32|32-[bl]e)|latin[-_]?1|iso8859[-_]\d+|iso2022_\w+|cp\d+|koi8[-_]\w|mac[-_]\w+"
    r"|gb2312|gbk|gb18030|big5|big5hkscs|shift_jis\w*|euc_\w+|hz|johab|tis-620|ptcp154|kz1048|hp-roman8"
)


@lru_cache(maxsize=256)
def known(name: str) -> str:
    """The codec of a character set; empty where it is not known, or is none for text."""
    if not name.isascii() or len(name) > _NAME_MAX:
        return ""
    try:
        codec = codecs.lookup(name).name
    except (LookupError, ValueError):
        return ""
    return codec if _TEXT.fullmatch(codec) else ""


def plain(value: object) -> str:
    """A parameter as the library gives it, in the character set that it names, if that is known (RFC 2231, 4)."""
    if not isinstance(value, tuple):
        return unquote(str(value or ""))
    charset, _, text = value
    data = str(text).encode("raw-unicode-escape", "replace")
    return data.decode(known(charset or "") or "utf-8", "replace")
