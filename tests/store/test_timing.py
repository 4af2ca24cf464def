"""The contract of a store: how soon people answer, by the first sending and the first answer that counts."""

from __future__ import annotations

from datetime import timedelta

from engine.model.answers import Receipt
from engine.model.messages import MessageState
from engine.model.people import Partstat
from engine.model.timing import AnswerTimes, SendHour
from engine.store.protocol import Store
from tests.store import stores
from tests.store.stores import ORGANIZER, START

_HOUR = timedelta(hours=1)


async def _sent_and_answered(store: Store) -> None:
    """Five people: one answers after half an hour and once more, one after 3 hours, one 9 days later; two never."""
    await stores.with_event(store, *(f"{name}@example.com" for name in "abcde"))
    await stores.answered(store, await stores.claim(store))
    for name, taken in (
        ("a", timedelta(minutes=30)),
        ("a", 5 * _HOUR),
        ("b", 3 * _HOUR),
        ("c", timedelta(days=9)),
    ):
        receipt = Receipt(
            event_uid="event1",
            email=f"{name}@example.com",
            partstat=Partstat.ACCEPTED,
            sequence=0,
            dtstamp=START + taken,
            arrived=START + taken,
        )
        async with store.unit() as unit:
            await unit.record_receipt(receipt)


async def test_the_first_answer_counts_and_its_hour_since_the_invite_was_sent(store: Store) -> None:
    await _sent_and_answered(store)
    assert await store.answer_times("event1") == AnswerTimes(
        sent=5, answered=3, median_s=3 * 3600.0, by_hour=((0, 1), (3, 1), (72, 1))
    )


async def test_of_an_even_number_the_median_lies_between_the_two_in_the_middle(store: Store) -> None:
    await _sent_and_answered(store)
    async with store.unit() as unit:
        for_d = {
            "event_uid": "event1",
            "email": "d@example.com",
            "partstat": Partstat.DECLINED,
            "sequence": 0,
        }
        await unit.record_receipt(Receipt(**for_d, dtstamp=START, arrived=START + _HOUR))  # type: ignore[arg-type]
    assert (await store.answer_times("event1")).median_s == 2 * 3600.0


async def test_an_event_to_which_nobody_was_invited_has_no_median(store: Store) -> None:
    await stores.with_event(store)
    assert await store.answer_times("event1") == AnswerTimes()


async def test_whoever_was_taken_out_is_not_counted_and_what_failed_was_not_sent(store: Store) -> None:
    await stores.with_event(store, "a@example.com", "b@example.com", "c@example.com")
    first, second, third = await stores.claim(store)
    await stores.answered(store, [first, second])
    await stores.answered(store, [third], MessageState.FAILED)
    async with store.unit() as unit:
        gone = await unit.attendee("event1", first.message.email)
        assert gone is not None
        await unit.change_attendee(gone, gone.model_copy(update={"withdrawn": START}))
    assert (await store.answer_times("event1")).sent == 1


async def test_invites_are_counted_by_the_hour_in_which_they_were_sent(store: Store) -> None:
    await _sent_and_answered(store)
    await stores.with_event(store, "x@example.com", uid="event2")
    await stores.answered(store, await stores.claim(store), now=START + 2 * _HOUR)
    hour = START.replace(minute=0, second=0, microsecond=0)
    one = SendHour(at=hour, sent=5, answered=3)
    assert await store.send_hours("event", "event1") == [one]
    other = SendHour(at=hour + 2 * _HOUR, sent=1, answered=0)
    assert await store.send_hours("organizer", ORGANIZER) == [one, other]
