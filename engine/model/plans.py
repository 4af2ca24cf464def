"""Plans of organizers, and what was bought for them; how the settings write both. Pure; no I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from pydantic import Field

from engine.model.base import Value
from engine.refusals import Code

FREE = "free"
"""The plan of every organizer who is on no other, where there is a plan of this name."""
GRANTED = ""
"""Stands among the orders of a plan for what no order bought."""
NONE = "no-plan"
"""What a tool is given for no plan, so that no plan has this name."""
REDACTION_OPEN = ("", Code.BUSY.value, Code.INTERNAL.value)
"""Codes of those who are asked to be forgotten and still may be, in the order in which they are tried."""
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}", re.ASCII)
_PRODUCT = re.compile(r"[A-Za-z0-9_.-]{1,60}", re.ASCII)
_UID = re.compile(r"[a-z0-9]{8}|[a-z0-9]{40}", re.ASCII)
_FIGURES_MAX = 3
_DIGITS_MAX = 9
_EVENT = "event:"


class Plan(Value):
    """The limits of an organizer on this plan; 0: no limit, and for `days`: the plan does not end."""

    name: str
    events: int = Field(description="events from its beginning on")
    invites: int = Field(description="bulk invites for one event")
    days: int = Field(0, description="after which it ends")


class Product(Value):
    """What an order of a product does: it puts an organizer on a plan, or invites the buyer to an event."""

    id: str
    plan: str = ""
    event: str = Field("", description="uid or id")


class Enrolment(Value):
    """The plan that an organizer is on; `reported`: that it ended was mailed to them."""

    organizer: str
    plan: str
    since: datetime
    until: datetime | None = Field(None, description="None: it does not end")
    reported: bool = False
    orders: tuple[str, ...] = Field((), description="lines of orders that bought it, the newest last")

    def in_force(self, now: datetime) -> bool:
        """True until it ends."""
        return self.until is None or now < self.until


class Purchase(Value):
    """One line of an order, and what it did; `code`: why it did nothing, or does nothing any more."""

    order: str
    line: str
    at: datetime
    product_id: str
    product: str
    buyer: str
    organizer: str = ""
    plan: str = ""
    event_uid: str = ""
    code: str = ""
    holders: tuple[str, ...] = Field(
        (), description="lines of orders that hold the invite that this one made"
    )


SHOP = "*"
"""Stands in the place of a person's address where a whole shop is to be forgotten."""


class Redaction(Value):
    """A shop asks for a person to be forgotten; `code`: why it has not happened yet."""

    address: str
    asked: datetime
    code: str = ""

    @property
    def open(self) -> bool:
        """True if it will be tried again: it has not failed, or only because of work that will end."""
        return self.code in REDACTION_OPEN


def plans_in(text: str) -> Mapping[str, Plan]:
    """Plans by name, from `free=5/2500,pro=0/10000/365`. Raises ValueError."""
    return {plan.name: plan for plan in map(_plan, _listed(text))}


def _plan(text: str) -> Plan:
    name, _, figures = (part.strip() for part in text.partition("="))
    given = [figure.strip() for figure in figures.split("/")]
    if not _NAME.fullmatch(name) or not 2 <= len(given) <= _FIGURES_MAX or not all(map(_is_number, given)):
        raise ValueError(f"“{text[:60]}” must be name=events/invites or name=events/invites/days")
    events, invites, days = (*map(int, given), 0)[:_FIGURES_MAX]
    if name == NONE:
        raise ValueError(f"“{NONE}” must be the name of no plan")
    if name == FREE and days:
        raise ValueError(f"the plan {FREE} is what others end in, so it has no days")
    return Plan(name=name, events=events, invites=invites, days=days)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX


def products_in(text: str, plans: Mapping[str, Plan]) -> Mapping[str, Product]:
    """Products by the shop's id, from `8811=pro,8812=event:UID`. Raises ValueError."""
    return {product.id: product for product in (_product(one, plans) for one in _listed(text))}


def _product(text: str, plans: Mapping[str, Plan]) -> Product:
    name, _, does = (part.strip() for part in text.partition("="))
    if not _PRODUCT.fullmatch(name):
        raise ValueError(f"“{text[:60]}” must be the id of a product, =, and a plan or event:UID")
    if does.startswith(_EVENT):
        uid = does.removeprefix(_EVENT).strip().lower()
        if not _UID.fullmatch(uid):
            raise ValueError(f"“{text[:60]}” names no event: give its uid or id")
        return Product(id=name, event=uid)
    if does not in plans:
        raise ValueError(f"“{text[:60]}” names no plan of CIS_PLANS")
    return Product(id=name, plan=does)


def _listed(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]
