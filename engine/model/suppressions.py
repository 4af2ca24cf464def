"""The do-not-mail list: addresses and domains that take no mail of one organizer, or of any."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from engine.model.base import Value

ASKED = "asked"
"""The reason of an entry that an organizer or the operator made."""


class SuppressionCause(StrEnum):
    """Why an address takes no mail."""

    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    ASKED = "asked"


class Suppression(Value):
    """One entry of the list.

    `target`: an address, or a domain, which stands for its subdomains as well. `organizer`: whose mail; empty: any.
    `reason`: as it was noted; what a mail server said is text from outside (promise 14).
    """

    target: str
    organizer: str
    reason: str
    at: datetime

    @property
    def cause(self) -> SuppressionCause:
        """Why the address takes no mail."""
        if not self.reason:
            return SuppressionCause.UNSUBSCRIBED
        if self.reason == ASKED:
            return SuppressionCause.ASKED
        complained = self.reason.startswith(SuppressionCause.COMPLAINED)
        return SuppressionCause.COMPLAINED if complained else SuppressionCause.BOUNCED

    def complained_of(self, reason: str) -> Suppression | None:
        """The entry with a complaint as its reason, if that outweighs its cause; None where it stays as it is."""
        entry = self.model_copy(update={"reason": reason})
        own = {SuppressionCause.UNSUBSCRIBED, SuppressionCause.COMPLAINED}
        return entry if entry.cause is SuppressionCause.COMPLAINED and self.cause not in own else None

    @property
    def is_domain(self) -> bool:
        """True if the entry is a whole domain."""
        return "@" not in self.target
