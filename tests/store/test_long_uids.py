"""The contract of a store: events whose uids are as long as they may be, in any script."""

from __future__ import annotations

import pytest

from engine.store.protocol import Store
from tests.store.stores import answered, attendee, claim, states, with_event

ANN = "ann@example.com"
LONGEST = 255


@pytest.mark.parametrize("uid", ["会" * LONGEST, "%#" * (LONGEST // 2)], ids=["of three bytes", "escaped"])
async def test_attendees_of_an_event_with_a_long_uid_are_theirs(store: Store, uid: str) -> None:
    await with_event(store, ANN, uid=uid)
    assert await store.attendee(uid, ANN) == attendee(ANN, uid)
    (claimed,) = await claim(store)
    assert (claimed.message.event_uid, claimed.message.email) == (uid, ANN)
    assert claimed.attendee == attendee(ANN, uid)
    await answered(store, [claimed])
    assert await states(store, uid) == {"sent": 1}
    found = await store.attendee_by_token(attendee(ANN, uid).token)
    assert found == attendee(ANN, uid)
