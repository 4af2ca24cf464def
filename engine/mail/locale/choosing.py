"""Match language tags and Accept-Language to our languages (RFC 4647, 3.4; RFC 9110, 12.5.4)."""

from __future__ import annotations

from functools import lru_cache

from engine.mail.locale.language import SOURCE, TAGS
from engine.refusals import Code, Refused

_BY_NAME = {tag.lower(): tag for tag in TAGS}
_BY_PRIMARY = {tag.lower().partition("-")[0]: tag for tag in reversed(TAGS)}
_TAG_MAX = 35
_HEADER_MAX = 1_000
_RANGES_MAX = 20


@lru_cache(maxsize=256)
def matched(tag: str) -> str:
    """The language of ours that is nearest to a tag such as `de-AT` or `pt_PT`; empty if none is."""
    name = tag.strip().replace("_", "-").lower() if len(tag) <= _TAG_MAX else ""
    return _BY_NAME.get(name) or _BY_PRIMARY.get(name.partition("-")[0], "")


def require(tag: str) -> str:
    """The language of ours for a tag. Raises Refused: INVALID_ARGUMENT."""
    found = matched(tag)
    if not found:
        known = ", ".join(TAGS)
        raise Refused(
            Code.INVALID_ARGUMENT,
            f"“{tag.strip()[:_TAG_MAX]}” is not a supported language.",
            f"Give one of: {known}.",
        )
    return found


@lru_cache(maxsize=512)
def accepted(header: str) -> str:
    """The language that a browser asks for by Accept-Language; English if it asks for none of ours."""
    wanted = []
    for place, piece in enumerate(header[:_HEADER_MAX].split(",")[:_RANGES_MAX]):
        tag, _, weight = piece.partition(";")
        found = SOURCE if tag.strip() == "*" else matched(tag)
        if found and (quality := _quality(weight)):
            wanted.append((-quality, place, found))
    return min(wanted)[2] if wanted else SOURCE


def _quality(weight: str) -> float:
    name, _, value = weight.strip().partition("=")
    if not name:
        return 1.0
    try:
        return min(max(float(value), 0.0), 1.0) if name.strip() == "q" else 1.0
    except ValueError:
        return 0.0
