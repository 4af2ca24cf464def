"""The rules that every store keeps are pure: what may leave, what is owed, how messages are paced."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest

from engine.model.events import EventStatus
from engine.model.messages import Kind, Method
from engine.refusals import Code
from engine.store import rules
from tests.store.stores import event, message
from tests.support.clock import START


@dataclass(frozen=True)
class Waits:
    kind: str = "invite"
    method: str | None = "REQUEST"
    campaign_state: str | None = None
    suspended: int | None = 0
    suppressed: int = 0
    blocked: str | None = None
    proven: int | None = 1
    withdrawn: int | None = 0


@pytest.mark.parametrize(
    ("waits", "code"),
    [
        (Waits(), None),
        (Waits(suppressed=1), Code.ADDRESS_SUPPRESSED),
        (Waits(campaign_state="cancelled"), Code.CAMPAIGN_CANCELLED),
        (Waits(suspended=1), Code.ORGANIZER_SUSPENDED),
        (Waits(blocked=""), Code.ATTENDEE_BLOCKED),
        (Waits(blocked="bounced"), Code.ADDRESS_SUPPRESSED),
        (Waits(proven=0), Code.SENDER_UNAUTHENTICATED),
        (Waits(method=None, suspended=1), None),
    ],
)
def test_a_message_that_may_not_leave_has_the_code_that_says_why(waits: Waits, code: Code | None) -> None:
    assert rules.barred(waits, event(), START) is code


def test_only_its_cancellation_leaves_for_a_cancelled_event_and_nothing_for_one_that_is_over() -> None:
    cancelled = event(status=EventStatus.CANCELLED)
    assert rules.barred(Waits(), cancelled, START) is Code.EVENT_CANCELLED
    assert rules.barred(Waits(kind="cancellation", method="CANCEL"), cancelled, START) is None
    over = START + timedelta(days=100)
    assert rules.barred(Waits(kind="cancellation", method="CANCEL"), cancelled, over) is Code.EVENT_FINISHED


def test_a_newer_revision_has_a_message_id_of_its_own_only_if_the_older_one_may_have_left() -> None:
    assert rules.leaving_message_id("a@x", 0, 2, in_doubt=False) == "a@x"
    assert rules.leaving_message_id("a@x", 0, 2, in_doubt=True) == "a.2@x"
    assert rules.leaving_message_id("a.2@x", 2, 3, in_doubt=True) == "a.3@x"


def test_a_message_that_the_ledger_has_is_not_owed_again_unless_it_is_an_invite_that_never_left() -> None:
    ann, bob = message("ann@example.com"), message("bob@example.com")
    ended = {rules.ledger_key(ann): False, rules.ledger_key(bob): True}
    (again,) = rules.newly_owed([ann, bob, bob], ended)
    assert (again.email, bool(again.repeat)) == ("bob@example.com", True)


def test_an_update_is_covered_by_an_invite_that_waits_but_the_cancellation_of_the_event_is_not() -> None:
    update = message("ann@example.com", kind=Kind.UPDATE)
    cancel = message("ann@example.com", kind=Kind.CANCELLATION, method=Method.CANCEL)
    assert rules.not_covered([update, cancel], {"ann@example.com"}) == [cancel]
    assert rules.not_covered([update, cancel], set()) == [update, cancel]


@pytest.mark.parametrize(
    ("next_at", "rate", "expected"),
    [(None, 0, 100), (None, 10, 10), (100.5, 10, 5), (101.0, 10, 0), (None, 0.5, 1), (50.0, 10, 10)],
)
def test_a_rate_allows_a_second_at_most_however_long_it_was_quiet(
    next_at: float | None, rate: float, expected: int
) -> None:
    assert rules.allowed(100, next_at, 100.0, rate) == expected


def test_a_campaign_fails_by_the_share_of_enough_settled_messages() -> None:
    assert not rules.is_failing(50, 99, 0.1)
    assert not rules.is_failing(10, 100, 0.1)
    assert rules.is_failing(11, 100, 0.1)
