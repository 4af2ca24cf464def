"""Addresses are masked in whatever a page shows, in texts of others too, unless the page was asked to show them."""

from __future__ import annotations

import re
from contextvars import ContextVar

from markupsafe import Markup, escape

from engine.attendee_report import masked_name
from engine.model.addresses import masked_address

SHOWN: ContextVar[bool] = ContextVar("addresses are shown", default=False)
"""True while a page is made whose addresses somebody asked to see, which the record knows."""
_WORD = re.compile(r"[^\s<>()\[\]{},;:|\"'«»“”‘’„=?&]+")
_QUOTED = re.compile(r'"[^"\n]{1,64}"(?=@)')
_ENCODED = re.compile("%40")


def hidden(value: object) -> object:
    """What a page shows of a value: text without the addresses in it; anything else as it is.

    What is markup already was made by a template, and was masked there, or by `plain`.
    """
    if not isinstance(value, str) or isinstance(value, Markup) or SHOWN.get():
        return value
    return without_addresses(value)


def without_addresses(text: str) -> str:
    """The text, with every address in it masked except its first letter and its domain."""
    if "@" not in text and "%40" not in text:
        return text
    return _WORD.sub(_masked, _QUOTED.sub("*", _ENCODED.sub("@", text)))


def _masked(found: re.Match[str]) -> str:
    word = found[0]
    local, at, domain = word.rpartition("@")
    if not (at and domain and local.strip("*")):
        return word
    return masked_address(f"{local.replace('@', '')}@{domain}")


def plain(value: object) -> Markup:
    """The value as it is: for what a form changes or hands on, and for addresses of the server and of the visitor."""
    return escape(value)


def address(value: str) -> str:
    """A person's address, masked unless the page shows them."""
    return value if SHOWN.get() else masked_address(value)


def name(value: str) -> str:
    """A person's name, masked unless the page shows them."""
    return value if SHOWN.get() else masked_name(value)
