"""Reminders: how often a person may be reminded of an event, and who is left out."""

from __future__ import annotations

from datetime import timedelta

from engine.model.base import Value

REMINDERS_MAX = 3
"""Reminders that one person gets of one event."""
PAUSE = timedelta(days=1)
"""Time between two reminders of one event to one person."""


class ReminderGroup(Value):
    """Attendees who get a reminder, or for one reason do not.

    `reason`: declined, delegated, barred (unsubscribed, or takes no mail), bounced, not_invited (the invite has not
    arrived), reminded_often, reminded_today, person_limit (sent much today); empty: they get it. `emails`: the first of
    them.
    """

    reason: str
    people: int
    emails: tuple[str, ...]
