"""A series that goes on as another one keeps its people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import icalendar
import pytest

from engine.commands.campaigns.campaigns import CampaignAction
from engine.model.events import Event
from engine.model.messages import Kind
from engine.model.queries import EventQuery
from engine.refusals import Code
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import (
    control,
    deliver,
    drafted,
    engine_in,
    invite,
    invite_all_answers,
    jobs_done,
)
from tests.support.inboxes import Post, receiving
from tests.support.mails import OPERATOR_SERVER, vevent

HOUR, WEEK = timedelta(hours=1), timedelta(weeks=1)
FIRST = datetime(2027, 7, 5, 19, 0, tzinfo=ZoneInfo("Europe/Paris"))
SPLIT = FIRST + 3 * WEEK
GOOGLE = "abc123@google.com"


def _series(uid: str, start: datetime, sequence: int = 0, **values: object) -> icalendar.Event:
    rule = {"freq": "weekly", **values}
    return vevent(uid, start=start, end=start + HOUR, sequence=sequence, rrule=rule, summary="Training")


async def _event(post: Post, uid: str) -> Event:
    found = await post.engine.store.event_by_source("olga@cis.test", uid)
    assert found is not None
    return found


async def _old(post: Post, uid: str = "old-uid") -> None:
    """A series with four people, shortened to end before the split."""
    await post(mails.request(_series(uid, FIRST)))
    await invite_all_answers(post.engine, await _event(post, uid))
    await post(mails.request(_series(uid, FIRST, 1, until=SPLIT.astimezone(UTC) - HOUR)))
    await deliver(post.engine)


async def _invited(post: Post) -> set[str]:
    return {m.email.partition("@")[0] for m in await deliver(post.engine) if m.kind is Kind.INVITE}


@pytest.mark.parametrize(
    ("old", "new"), [("old-uid", "new-uid"), (GOOGLE, "abc123_R20270726T170000@google.com")]
)
async def test_what_follows_a_series_invites_its_people(post: Post, old: str, new: str) -> None:
    await _old(post, old)
    await post(mails.request(_series(new, SPLIT + HOUR)))
    assert (await _event(post, new)).recurring
    assert await _invited(post) == {"yes", "maybe", "silent"}
    assert (await post(mails.request(_series(new, SPLIT + HOUR)))).code == "no_change"
    assert await _invited(post) == set()


async def test_whom_a_cancelled_list_of_the_series_did_not_reach_is_not_invited_to_what_follows(
    post: Post,
) -> None:
    await _old(post)
    late = await drafted(post.engine, await _event(post, "old-uid"), ["late@example.com"])
    await control(post.engine, late, CampaignAction.START)
    await jobs_done(post.engine)
    await control(post.engine, late, CampaignAction.CANCEL)
    await post(mails.request(_series("new-uid", SPLIT + HOUR)))
    assert await _invited(post) == {"yes", "maybe", "silent"}


async def test_what_follows_a_series_invites_its_people_though_it_came_first(post: Post) -> None:
    await post(mails.request(_series("old-uid", FIRST)))
    await invite_all_answers(post.engine, await _event(post, "old-uid"))
    await post(mails.request(_series("new-uid", SPLIT + HOUR)))
    assert await _invited(post) == set(), "the old series goes on as yet"
    shortened = _series("old-uid", FIRST, 1, until=SPLIT.astimezone(UTC) - HOUR)
    await post(mails.request(shortened))
    new = await _event(post, "new-uid")
    invited = [m for m in await deliver(post.engine) if m.kind is Kind.INVITE]
    assert {m.event_uid for m in invited} == {new.uid}
    assert {m.email.partition("@")[0] for m in invited} == {"yes", "maybe", "silent"}
    await post(mails.request(shortened))
    assert await _invited(post) == set()


async def test_what_follows_what_follows_keeps_them_too(post: Post) -> None:
    await _old(post, GOOGLE)
    second = "abc123_R20270726T170000@google.com"
    await post(mails.request(_series(second, SPLIT)))
    await deliver(post.engine)
    await invite(post.engine, await _event(post, second), "new@example.com")
    end = (SPLIT + 3 * WEEK).astimezone(UTC) - HOUR
    await post(mails.request(_series(second, SPLIT, 1, until=end)))
    await deliver(post.engine)
    await post(mails.request(_series("abc123_R20270816T170000@google.com", SPLIT + 3 * WEEK)))
    assert await _invited(post) == {"yes", "maybe", "silent", "new"}


@pytest.mark.parametrize(
    "new",
    [
        vevent("new", start=SPLIT, end=SPLIT + HOUR, summary="Training"),
        vevent("new", start=SPLIT, end=SPLIT + HOUR, summary="Other", rrule={"freq": "weekly"}),
        _series("new", SPLIT + 10 * WEEK),
        _series("new", FIRST + WEEK),
    ],
    ids=["a single event", "another title", "long after", "beside it"],
)
async def test_what_follows_no_series_invites_nobody(post: Post, new: icalendar.Event) -> None:
    await _old(post)
    assert (await post(mails.request(new))).action == "created"
    assert await _invited(post) == set()


async def test_a_series_that_ended_by_itself_is_not_gone_on_with(post: Post) -> None:
    await post(mails.request(_series("old", FIRST, count=3)))
    await invite_all_answers(post.engine, await _event(post, "old"))
    await deliver(post.engine)
    await post(mails.request(_series("new", SPLIT)))
    assert await _invited(post) == set()


@pytest.mark.parametrize("shortened", [False, True])
async def test_another_series_of_the_same_title_is_not_gone_on_with_by_googles_uid(
    post: Post, shortened: bool
) -> None:
    """The other one ended by itself, later than the one that goes on, or goes on."""
    monday, thursday = _series(GOOGLE, FIRST), _series("zzz@google.com", FIRST + timedelta(days=3), count=3)
    for own, name in ((monday, "junior"), (thursday, "senior")):
        await post(mails.request(own))
        await invite(post.engine, await _event(post, str(own["uid"])), f"{name}@example.com")
    shorter = _series(GOOGLE, FIRST, 1, until=SPLIT.astimezone(UTC) - HOUR)
    if shortened:
        await post(mails.request(shorter))
    await deliver(post.engine)
    await post(mails.request(_series("abc123_R20270726T170000@google.com", SPLIT)))
    assert await _invited(post) == {"junior"}
    await post(mails.request(shorter))
    assert await _invited(post) == set()


async def test_two_series_of_one_title_that_google_splits_together_keep_their_own_people(post: Post) -> None:
    for uid, day in ((GOOGLE, FIRST), ("zzz@google.com", FIRST + timedelta(days=3))):
        await post(mails.request(_series(uid, day)))
        await invite(post.engine, await _event(post, uid), f"{uid.partition('@')[0]}@example.com")
    await deliver(post.engine)
    new = _series("zzz_R20270729T170000@google.com", SPLIT + timedelta(days=3))
    await post(mails.request(new))
    assert await _invited(post) == {"zzz"}
    await post(mails.request(_series(GOOGLE, FIRST, 1, until=SPLIT.astimezone(UTC) - HOUR)))
    assert await _invited(post) == set()


async def test_what_follows_what_follows_keeps_its_people_under_another_title(post: Post) -> None:
    await _old(post, GOOGLE)
    second = "abc123_R20270726T170000@google.com"
    await post(mails.request(_series(second, SPLIT)))
    await invite(post.engine, await _event(post, second), "new@example.com")
    await deliver(post.engine)
    third = _series("abc123_R20270816T170000@google.com", SPLIT + 3 * WEEK)
    third["summary"] = "Advanced training"
    await post(mails.request(third))
    assert await _invited(post) == {"yes", "maybe", "silent", "new"}


async def test_a_series_that_was_shortened_long_ago_is_not_gone_on_with(post: Post) -> None:
    await _old(post)
    post.engine.clock.move(hours=2)  # type: ignore[attr-defined]
    await post(mails.request(_series("new", SPLIT)))
    assert await _invited(post) == set()


async def test_the_people_of_somebody_elses_series_are_not_invited(post: Post) -> None:
    await _old(post, GOOGLE)
    other = _series("abc123_R20270726T170000@google.com", SPLIT)
    await post(mails.request(other, sender="otto@cis.test"))
    assert await _invited(post) == set()


async def test_a_new_proof_invites_no_more_people_than_it_may_reach(tmp_path: Path) -> None:
    async with (
        engine_in(tmp_path, Clock(), authserv_ids=OPERATOR_SERVER, first_proof_max=4) as engine,
        receiving(engine) as post,
    ):
        await _old(post)
        assert (await post(mails.request(_series("new", SPLIT)))).code != Code.FIRST_PROOF.value
        assert await _invited(post) == set()
        found = await engine.store.search(EventQuery(limit=9))
        assert len(found.events) == 2
