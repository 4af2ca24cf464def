"""Whose mail it is, as far as the order of mails goes: the address in From, without reading the whole mail."""

from __future__ import annotations

import re

HEAD = 65_536
"""Bytes of a mail that are looked at."""
_FROM = re.compile(rb"^from[ \t]*:((?:[^\r\n]*)(?:\r?\n[ \t][^\r\n]*)*)", re.IGNORECASE | re.MULTILINE)
_ADDRESS = re.compile(rb"[^\s<>,;:\"()@]{1,64}@[^\s<>,;:\"()@]{1,255}")


def lane_of(mail: bytes) -> str:
    """The last address in the first From header, in lower case; empty where none is found."""
    found = _FROM.search(mail[:HEAD])
    addresses = _ADDRESS.findall(found[1][:10_000]) if found else []
    return addresses[-1].decode("latin-1").lower() if addresses else ""
