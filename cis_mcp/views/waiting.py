"""A command that waits for approval, as data."""

from __future__ import annotations

from pydantic import Field

from cis_mcp.views.base import Data
from cis_mcp.views.held import waiting as held_data
from engine.model.held import HeldAction


class WaitingInfo(Data):
    """What waits, and for whom."""

    id: str
    reason: list[str] = Field(description="why it waits")
    decided_by: str = Field(description="who is asked: an address, or “the operator”")
    until: str = Field(description="who decides nothing by then has refused")
    sent: bool = Field(description="false: nothing was changed and nothing left")


class HeldNotice(Data):
    """What was asked waits for somebody's yes."""

    held: WaitingInfo


def waiting(held: HeldAction) -> HeldNotice:
    """A held action as shown to its caller."""
    return HeldNotice(held=WaitingInfo.model_validate(held_data(held)))
