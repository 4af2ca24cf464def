"""The contract of a store: which attempts to send a message count, and since when it is tried."""

from __future__ import annotations

from datetime import timedelta

from engine.model.messages import UNTRIED, MessageState
from engine.store.protocol import Store
from tests.store.stores import START, answered, claim, message, owe, with_event

ANN = "ann@example.com"
DAYS = timedelta(days=4)
HOUR = timedelta(hours=1)


async def deferred_at(store: Store, days: int, **values: object) -> None:
    """The message to Ann is claimed and deferred that many days from the start."""
    now = START + timedelta(days=days)
    claims = await claim(store, now=now)
    assert len(claims) == 1
    await answered(store, claims, MessageState.DEFERRED, now=now, due=now, **values)


async def test_a_message_is_tried_since_its_first_attempt_however_long_it_was_owed_before(
    store: Store,
) -> None:
    await with_event(store, ANN)
    (never,) = await claim(store, now=START + DAYS)
    assert never.first_tried is None
    await answered(store, [never], MessageState.DEFERRED, now=START + DAYS, due=START + DAYS)
    await deferred_at(store, days=5)
    (tried,) = await claim(store, now=START + timedelta(days=6))
    assert tried.first_tried == START + DAYS


async def test_mail_without_a_calendar_is_tried_since_its_first_attempt_too(store: Store) -> None:
    await with_event(store)
    await owe(store, message(ANN, kind="notice", method=None))
    await deferred_at(store, days=4)
    (tried,) = await claim(store, now=START + timedelta(days=5))
    assert tried.first_tried == START + DAYS


async def test_an_attempt_in_which_the_mail_itself_was_not_judged_does_not_begin_its_time(
    store: Store,
) -> None:
    await with_event(store, ANN)
    await deferred_at(store, days=0, text="cannot connect", untried=True)
    (waited,) = await claim(store, now=START + DAYS)
    assert waited.first_tried is None
    await answered(
        store, [waited], MessageState.DEFERRED, now=START + DAYS, due=START + DAYS, text="450 4.2.1"
    )
    (tried,) = await claim(store, now=START + DAYS)
    assert tried.first_tried == START + DAYS


async def test_an_attempt_whose_sender_died_begins_the_time_of_a_message(store: Store) -> None:
    await with_event(store, ANN)
    await claim(store, "dead")
    (doubtful,) = await claim(store, "alive", now=START + HOUR)
    assert doubtful.first_tried == START + HOUR


async def test_a_server_that_stays_away_is_noted_once_between_attempts_that_count(store: Store) -> None:
    await with_event(store, ANN)
    for day, said in enumerate(("cannot connect", "cannot connect", "421 busy")):
        await deferred_at(store, day, text=said, untried=True)
    await deferred_at(store, 3, text="450 4.2.1")
    await deferred_at(store, 4, text="cannot connect", untried=True)
    await deferred_at(store, 5, text="450 4.2.1")
    await deferred_at(store, 6, text="450 4.2.1")
    (told,) = await store.history("event1", ANN)
    assert [(one.code, one.answer) for one in told.attempts] == [
        (UNTRIED, "421 busy"),
        ("", "450 4.2.1"),
        (UNTRIED, "cannot connect"),
        ("", "450 4.2.1"),
        ("", "450 4.2.1"),
    ]
    assert told.message.attempts == 3


async def test_a_mail_that_was_given_up_in_doubt_may_have_been_received(store: Store) -> None:
    await with_event(store, ANN)
    await answered(store, await claim(store), MessageState.FAILED, in_doubt=True)
    async with store.unit() as unit:
        assert await unit.notified("event1", [ANN]) == {ANN}
