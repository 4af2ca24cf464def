"""The judge libical, the C library of Evolution and others, through ctypes: its parser and its iTIP tables."""

from __future__ import annotations

import ctypes
import ctypes.util
import re
from functools import cache


@cache
def _library() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL("libical.so.3")
    except OSError:
        return None
    library.icalparser_parse_string.argtypes = [ctypes.c_char_p]
    library.icalparser_parse_string.restype = ctypes.c_void_p
    library.icalrestriction_check.argtypes = [ctypes.c_void_p]
    library.icalcomponent_count_errors.argtypes = [ctypes.c_void_p]
    library.icalcomponent_as_ical_string.argtypes = [ctypes.c_void_p]
    library.icalcomponent_as_ical_string.restype = ctypes.c_char_p
    library.icalcomponent_free.argtypes = [ctypes.c_void_p]
    return library


def available() -> bool:
    """True where libical 3 is installed."""
    return _library() is not None


def faults(calendar: bytes) -> list[str]:
    """What libical finds wrong: parse errors, and what its table of iTIP restrictions forbids."""
    library = _library()
    assert library is not None
    component = library.icalparser_parse_string(calendar)
    if not component:
        return ["cannot be read"]
    try:
        valid = library.icalrestriction_check(component)
        errors = library.icalcomponent_count_errors(component)
        text = (library.icalcomponent_as_ical_string(component) or b"").decode("utf-8", "replace")
    finally:
        library.icalcomponent_free(component)
    if valid and not errors:
        return []
    said = re.findall(r"^X-LIC-ERROR[^:]*:(.*)$", re.sub(r"\r?\n ", "", text), re.MULTILINE)
    return said or [f"{errors} errors, restrictions {'met' if valid else 'broken'}"]
