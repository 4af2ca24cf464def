"""Add, change, hide and order the mail services for which links are made."""

from __future__ import annotations

import re

from engine.commands import text
from engine.commands.base import Command, Done, Work
from engine.model.campaign_links import Vendor
from engine.refusals import Code, Refused

_ID = re.compile(r"[a-z0-9][a-z0-9_-]{1,39}")
_TAG_MAX = 200
_TEXT_MAX = 500
_STEPS_MAX = 20
_VENDORS_MAX = 200
_UNFIT = frozenset('"<>\\&#? ') | frozenset(chr(n) for n in range(32))
"""Characters that end a link, its attribute or its one parameter."""
_INNER_SPACE = re.compile(r"(?<=\S) (?=\S)")


class VendorDone(Done):
    """A mail service as it is now."""

    vendor: Vendor


class SaveVendor(Command[VendorDone]):
    """Add a mail service, or put another in the place of the one with its id."""

    vendor: Vendor

    async def carry_out(self, work: Work) -> VendorDone:
        """Raises Refused: NOT_ALLOWED, INVALID_ARGUMENT, TOO_LARGE."""
        work.require("admin")
        vendor = _checked(self.vendor)
        known = await work.unit.vendors()
        if len(known) >= _VENDORS_MAX and vendor.id not in {each.id for each in known}:
            raise Refused(
                Code.TOO_LARGE, f"There are {len(known)} mail services already.", "Change one of them."
            )
        await work.unit.save_vendor(vendor)
        return VendorDone(vendor=vendor)

    def subject(self) -> str:
        """What the record names it by, without secrets."""
        return f"vendor {self.vendor.id[:40]}"


def _checked(vendor: Vendor) -> Vendor:
    if not _ID.fullmatch(vendor.id):
        raise Refused(
            Code.INVALID_ARGUMENT,
            f"“{vendor.id[:40]}” is not a valid id of a mail service.",
            "Give 2 to 40 of a-z, 0-9, _ and hyphens.",
        )
    for tag in (vendor.email_tag, vendor.signed_tag):
        _refuse_unfit(tag)
    if len(vendor.steps) > _STEPS_MAX:
        raise Refused(Code.TOO_LARGE, f"{len(vendor.steps)} steps; {_STEPS_MAX} are allowed.")
    return vendor.model_copy(
        update={
            "name": text.bounded(vendor.name, "name", 100) or vendor.id,
            "steps": tuple(text.bounded(step, "step", _TEXT_MAX) for step in vendor.steps),
            "test": text.bounded(vendor.test, "test", _TEXT_MAX),
            "source": text.bounded(vendor.source, "source", _TEXT_MAX),
        }
    )


def _refuse_unfit(tag: str) -> None:
    """Refuse what would break out of the link that it stands in; single blanks within a tag are fine."""
    unfit = set(_INNER_SPACE.sub("", tag)) & _UNFIT
    if len(tag) > _TAG_MAX or unfit:
        raise Refused(
            Code.INVALID_ARGUMENT,
            f"“{tag[:60]}” cannot stand in a link.",
            'Give the tag as the mail service documents it, without quotes (") and without & < > # ?.',
        )
