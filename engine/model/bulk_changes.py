"""A change of many messages of the ledger, applied in units of bounded size."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from engine.model.base import Value


class BulkAction(StrEnum):
    """What to do with messages that have not left: end, hold, release or delay them, or owe them again."""

    WITHDRAW = "withdraw"
    HOLD = "hold"
    RELEASE = "release"
    OWE_AGAIN = "owe_again"
    """Of an event: what was withdrawn with `code` at or after `since`."""
    SEND_UNDECIDED = "send_undecided"
    """Of a key that ended or was narrowed: what waits for a decision leaves, no longer by that key."""
    DROP_UNDECIDED = "drop_undecided"
    """Of such a key: what waits for a decision is withdrawn."""
    PUT_OFF = "put_off"
    """Of an event: what was not tried yet, and is due after `since`, leaves no earlier than `due`."""
    DUE_NOW = "due_now"
    """Of a key whose hours were widened: what was put off until `due` is due at once, and judged anew."""


class BulkChange(Value):
    """The messages of a campaign, an event, an organizer or a key; with none of these, all there are.

    What it follows from (a cancelled event, a paused campaign, a stop) is kept before, and the claim judges by it:
    no message leaves because its turn has not come yet. `code`: why messages are withdrawn. `before`: of an event,
    only the revisions below this SEQUENCE. `cursor`: how far it has come; opaque.
    """

    action: BulkAction
    campaign_id: str = ""
    event_uid: str = ""
    organizer: str = ""
    key: str = ""
    code: str = ""
    before: int = 0
    since: datetime | None = None
    due: datetime | None = None
    cursor: str = ""

    @property
    def scope(self) -> str:
        """What it concerns; a newer change of the same scope replaces it."""
        of = f"{self.campaign_id}\n{self.event_uid}\n{self.organizer}\n{self.key}"
        return f"{of}\n{_APART[self.action]}" if self.action in _APART else of


_APART = {
    BulkAction.SEND_UNDECIDED: "undecided",
    BulkAction.DROP_UNDECIDED: "undecided",
    BulkAction.PUT_OFF: "put off",
    BulkAction.DUE_NOW: "due now",
}
"""Changes that take the place of none of the others."""
