"""What strangers write leads nobody anywhere, and the event is not sent again and again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.commands.answers.answering import plain_name
from engine.commands.answers.proposals import DeclineProposal
from engine.model.events import Event
from engine.outbox.render import Renderer
from engine.refusals import Code
from tests.attacks.receipts.answers import (
    LURE,
    ME,
    written,
)
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import (
    claim,
    deliver,
    do,
    jobs_done,
)
from tests.support.inboxes import Post


async def test_what_a_proposal_says_of_the_place_goes_to_the_organizer_alone(
    post: Post, event: Event, mine: str, clock: Clock
) -> None:
    counter = mails.reply(
        event.uid, ME, "TENTATIVE", to=mine, method="COUNTER", location=LURE, comment=LURE, summary=LURE
    )
    await post(counter)
    await deliver(post.engine)
    await do(post.engine, DeclineProposal(uid=event.uid, email=ME))
    renderer = Renderer(post.engine.settings, post.engine.store)
    await jobs_done(post.engine)
    (declined,) = await claim(post.engine)
    assert b"evil" not in (await renderer.render(declined, clock())).content


@given(st.text(max_size=300))
def test_no_name_of_a_stranger_leads_anywhere(name: str) -> None:
    kept = plain_name(name)
    assert len(kept) <= 200
    assert "://" not in kept
    assert "\n" not in kept
    assert "www." not in kept.lower()
    assert kept in {"", " ".join(name.split())}


@pytest.mark.parametrize("name", [LURE, "see evil.example/x", "evil.co", "www.evil.example", "a@b.example"])
def test_a_name_with_an_address_of_anything_is_left_out(name: str) -> None:
    assert plain_name(name) == ""


@pytest.mark.parametrize(
    "name", ["Ann", "Dr. Ann O'Neill-Smith", "J. R. R. Tolkien", "Łukasz Żółć", "李 小龍"]
)
def test_a_persons_name_is_kept(name: str) -> None:
    assert plain_name(name) == name


async def test_the_event_is_sent_again_once_an_hour_however_often_somebody_asks(
    post: Post, event: Event, mine: str, clock: Clock
) -> None:
    codes = set()
    for _ in range(12):
        clock.move(minutes=10)
        codes.add((await post(written(event, mine, f"ATTENDEE:mailto:{ME}", method="REFRESH"), mine)).code)
        await deliver(post.engine)
    assert codes == {"", Code.TOO_SOON.value}
    assert len(await post.engine.store.history(event.uid, ME)) <= 1 + 2
