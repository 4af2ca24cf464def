"""What keys have spent of their budgets."""

from __future__ import annotations

from engine.model.base import Value


class Spent(Value):
    """What a key, and those under it, caused today (UTC), with what campaigns have reserved and not written yet.

    `people`: new ones, whom it had never mailed before; `met`: all whom it ever mailed.
    """

    mails: int = 0
    people: int = 0
    changes: int = 0
    met: int = 0
