"""Addresses are masked in whatever a page shows, in texts of others too, unless the page was asked to show them."""

from __future__ import annotations

from contextvars import ContextVar

from markupsafe import Markup, escape

from engine.attendee_report import masked_name
from engine.model.addresses import masked_address, without_addresses

SHOWN: ContextVar[bool] = ContextVar("addresses are shown", default=False)
"""True while a page is made whose addresses somebody asked to see, which the record knows."""


def hidden(value: object) -> object:
    """What a page shows of a value: text without the addresses in it; anything else as it is.

    What is markup already was made by a template, and was masked there, or by `plain`.
    """
    if not isinstance(value, str) or isinstance(value, Markup) or SHOWN.get():
        return value
    return without_addresses(value)


def plain(value: object) -> Markup:
    """The value as it is: for what a form changes or hands on, and for addresses of the server and of the visitor."""
    return escape(value)


def address(value: str) -> str:
    """A person's address, masked unless the page shows them."""
    return value if SHOWN.get() else masked_address(value)


def name(value: str) -> str:
    """A person's name, masked unless the page shows them."""
    return value if SHOWN.get() else masked_name(value)
