"""The mail services for campaign links: built-in ones, and those that operators added, hid and ordered."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from engine.engine import Engine
from engine.model.campaign_links import Vendor
from engine.refusals import Code, Refused

OWN = "own"
"""The service for users who replace the tag themselves."""
_STEP = 10


@cache
def ours() -> tuple[Vendor, ...]:
    """The services that come with the server, in their order."""
    found = json.loads(Path(__file__).with_name("vendors.json").read_text(encoding="utf-8"))
    return tuple(Vendor(**{"place": _STEP * n, **one}) for n, one in enumerate(found, 1))


async def vendors(engine: Engine, *, hidden: bool = False, organizer: str = "") -> list[Vendor]:
    """All services in order; an operator's entry replaces ours. `hidden`: also those not offered.

    `organizer`: without those that this organizer's branding does not offer.
    """
    known = {vendor.id: vendor for vendor in (*ours(), *await engine.vendors_kept())}
    off = (await engine.branding_of(organizer)).vendors_off if organizer else frozenset()
    shown = [vendor for vendor in known.values() if (hidden or not vendor.hidden) and vendor.id not in off]
    return sorted(shown, key=lambda vendor: (vendor.place, vendor.name.lower()))


async def vendor(engine: Engine, name: str) -> Vendor:
    """The service with the id or name `name`. Raises Refused: INVALID_ARGUMENT."""
    every = await vendors(engine, hidden=True)
    wanted = name.strip().lower()
    for one in every:
        if wanted in {one.id, one.name.lower()}:
            return one
    raise Refused(
        Code.INVALID_ARGUMENT,
        f"There is no mail service “{name[:40]}”.",
        f"Give one of: {', '.join(_near(wanted, every))}. For any other give “{OWN}”.",
    )


def _near(wanted: str, every: Sequence[Vendor]) -> list[str]:
    """Similar ids, or else all that are offered."""
    ids = [one.id for one in every if not one.hidden]
    return difflib.get_close_matches(wanted, ids, 3, 0.6) or ids


def refuse_unsigning(vendor: Vendor, *, signed: bool) -> None:
    """Refuse with INVALID_ARGUMENT a signed link for a service that cannot sign."""
    if signed and not vendor.signed_tag:
        raise Refused(
            Code.INVALID_ARGUMENT,
            f"{vendor.name} does not document a way to sign addresses.",
            "Leave signed out.",
        )
