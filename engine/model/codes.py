"""Codes of our links in a text: whoever reads one can decide, confirm or sign in, so programs see none. Pure."""

from __future__ import annotations

import re

_SLASH = r"(?:/|(?:%(?:25){0,3}|=)2f)"
"""As it stands in a link, in one that a mail filter has put into its own, and in quoted-printable."""
_LINK = re.compile(
    rf"(?i)({_SLASH}(?:approve|confirm|signin){_SLASH}(?:send{_SLASH})?[\s>]{{0,8}})[a-z0-9%=]{{8,}}"
)
_ADDRESS = re.compile(r"(?i)\b(confirm(?:\+|%(?:25){0,3}2b|=2b|[ _.=-]))[a-z0-9=%]{8,}")


def blanked(text: str) -> str:
    """`text` without the codes of links and addresses that decide, confirm or sign in, even across soft line breaks."""
    whole = text.replace("=\r\n", "").replace("=\n", "")
    return _ADDRESS.sub(r"\1…", _LINK.sub(r"\1…", whole))


_OURS = re.compile(
    r"https?://\S*/(?:approve|approvals|confirm|unsubscribe|sign-in|s|u)/\S+|\b(?:confirm|unsubscribe|rsvp)\+\w+@\S+",
    re.IGNORECASE,
)
"""Links and addresses of ours that decide something: they are for people, and no key may read them."""


def whole_blanked(said: str) -> str:
    """`said` without links and addresses of ours that decide something, nor their codes where links were rewritten."""
    return blanked(_OURS.sub("[removed: a link or address that decides something]", said))
