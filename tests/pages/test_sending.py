"""Sending from a page is never a mail bomb."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from cis_mcp.pages import hourly
from cis_mcp.pages.hourly import OF_ONE_CLIENT, Hourly, HourlyCount
from engine.commands.answers.deliveries import Unsubscribe
from engine.commands.pages.sending import ConfirmPageRequest
from engine.engine import SYSTEM, Engine
from engine.model.actors import Actor
from engine.refusals import Code, Refused
from tests.pages.conftest import visiting
from tests.pages.visitor import Visitor, changed, games, invites, link_in_mail, published, season
from tests.support.clock import Clock
from tests.support.engines import attendee, attendee_count, deliver, do, engine_in


async def test_what_is_ticked_is_sent_once_and_a_reload_sends_nothing(
    engine: Engine, visitor: Visitor
) -> None:
    made = await games(engine, 4)
    await published(engine)
    keys = (await visitor.see("/s/season")).keys
    answer = await visitor.post("/s/season", keys[:3], "Ann@Example.com")
    assert answer.status_code == 303
    for _ in range(2):
        told = await visitor.see(answer.headers["location"])
        assert "Your 3 invites are on the way" in told.text
    assert {m.event_uid for m in await invites(engine)} == {event.uid for event in made[:3]}
    assert (await attendee(engine, made[0], "ann@example.com")).origin == "multievent"
    again = await visitor.send("/s/season", keys[:3])
    assert "not sent again" in again.text
    assert await invites(engine) == []


@pytest.mark.parametrize(
    ("email", "ticks", "words"),
    [
        ("nobody", 1, "not an email address"),
        ("ann@example.com", 0, "Nothing is chosen"),
        ("", 1, "No address is given"),
    ],
)
async def test_a_form_with_a_mistake_comes_back_as_it_was_and_says_what_is_wrong(
    engine: Engine, visitor: Visitor, email: str, ticks: int, words: str
) -> None:
    await games(engine, 2)
    await published(engine)
    keys = (await visitor.see("/s/season")).keys[:ticks]
    page = await visitor.send("/s/season", keys, email)
    assert page.status == 422
    assert words in page.text
    assert page.ticked == keys
    assert f'value="{email}"' in page.answer.text
    assert await deliver(engine) == []


async def test_more_than_five_at_first_contact_are_asked_for_by_one_mail(
    engine: Engine, visitor: Visitor
) -> None:
    made = await games(engine, 6)
    await published(engine)
    keys = (await visitor.see("/s/season")).keys
    page = await visitor.send("/s/season", keys)
    assert "One mail is on its way to you" in page.text
    link = await link_in_mail(engine)
    for _ in range(2):
        shown = await visitor.see(link)
        assert "Send 6 invites?" in shown.text
        assert "To ann@example.com" in shown.text
        assert "Owls at Foxes 5, Thursday, 6 May 2027, 19:05" in shown.text
    assert await deliver(engine) == []
    sent = await visitor.send(link, ())
    assert "Your 6 invites are on the way" in sent.text
    assert len(await invites(engine)) == 6
    again = await visitor.send(link, ())
    assert "on the way" in again.text
    assert await deliver(engine) == []
    assert [await attendee_count(engine, event) for event in made] == [1] * 6


async def test_five_and_then_one_more_are_asked_for_as_well(engine: Engine, visitor: Visitor) -> None:
    await games(engine, 6)
    await published(engine)
    keys = (await visitor.see("/s/season")).keys
    assert "on the way" in (await visitor.send("/s/season", keys[:5])).text
    assert "One mail" in (await visitor.send("/s/season", keys[5:], "ann+more@example.com")).text


@pytest.mark.parametrize(("most", "at_once"), [(0, 0), (2, 2), (6, 6)])
async def test_how_many_come_at_first_contact_before_a_mail_asks_is_a_setting(
    tmp_path: Path, clock: Clock, most: int, at_once: int
) -> None:
    async with (
        engine_in(tmp_path, clock, public_url="https://cis.example.com", first_contact_max=most) as engine,
        visiting(engine) as visitor,
    ):
        await games(engine, at_once + 1)
        await published(engine)
        keys = (await visitor.see("/s/season")).keys
        if at_once:
            assert "on the way" in (await visitor.send("/s/season", keys[:at_once])).text
        assert "One mail" in (await visitor.send("/s/season", keys[at_once:])).text


async def test_a_form_that_no_person_used_gets_one_mail_that_asks(engine: Engine, visitor: Visitor) -> None:
    """JavaScript is off, the form stands on another site, or a scanner submits it."""
    await games(engine, 1)
    await published(engine)
    keys = (await visitor.see("/s/season")).keys
    for _ in range(3):
        page = await visitor.send("/s/season", keys, by_person=False)
        assert "Check your mail" in page.text
    link = await link_in_mail(engine)
    await visitor.send(link, ())
    assert len(await invites(engine)) == 1


async def test_a_season_goes_in_one_send(engine: Engine, visitor: Visitor) -> None:
    """162 games, by one mail that asks, and then all of them."""
    await games(engine, 162)
    await published(engine)
    keys = (await visitor.see("/s/season?all=1")).keys
    assert len(keys) == 162
    assert "162 invites" in (await visitor.send("/s/season", keys)).text
    link = await link_in_mail(engine)
    assert "and 122 more" in (await visitor.see(link)).text
    assert "Your 162 invites are on the way" in (await visitor.send(link, ())).text
    assert len(await invites(engine)) == 162


async def test_a_person_gets_at_most_twenty_a_day_whatever_pages_ask(
    engine: Engine, visitor: Visitor, clock: Clock
) -> None:
    """Counted by address without +tag, in the transaction of the send (promise 7)."""
    await games(engine, 30)
    await published(engine)
    keys = (await visitor.see("/s/season?all=1")).keys
    await visitor.send("/s/season", keys[:6])
    await visitor.send(await link_in_mail(engine), ())
    await deliver(engine)
    statuses = []
    for n, key in enumerate(keys[6:28]):
        statuses.append((await visitor.send("/s/season", [key], f"ann+{n}@example.com")).status)
    refused = await visitor.send("/s/season", keys[28:])
    assert (statuses.count(200), statuses.count(429)) == (19, 3)
    assert refused.status == 429
    assert refused.answer.headers["retry-after"] == str(24 * 3600), "as its words say"
    assert "Try again tomorrow" in refused.text
    assert refused.ticked == keys[28:]
    assert len(await deliver(engine)) == 19
    clock.now += timedelta(days=1)
    assert (await visitor.send("/s/season", keys[28:])).status == 200


async def test_who_wants_no_mail_gets_none_and_who_asks_does_not_learn_it(
    engine: Engine, visitor: Visitor
) -> None:
    one, _ = await games(engine, 2)
    await published(engine)
    keys = (await visitor.see("/s/season")).keys
    await visitor.send("/s/season", keys[:1])
    await deliver(engine)
    token = (await attendee(engine, one, "ann@example.com")).token
    await do(engine, Unsubscribe(token=token), Actor(kind="attendee", address="ann@example.com"))
    blocked = await visitor.send("/s/season", keys[1:])
    other = await visitor.send("/s/season", keys[1:], "ben@example.com")
    assert blocked.text == other.text
    assert await invites(engine) == []


async def test_consent_is_asked_for_and_kept_with_its_time_and_words(
    engine: Engine, visitor: Visitor
) -> None:
    (event,) = await games(engine, 1)
    await published(engine, consent="Mail me.")
    keys = (await visitor.see("/s/season")).keys
    page = await visitor.send("/s/season", keys)
    assert (page.status, await deliver(engine)) == (422, [])
    assert "not ticked" in page.text
    await visitor.send("/s/season", keys, consent="yes")
    fields = (await attendee(engine, event, "ann@example.com")).fields
    assert fields == {"consent": "season revision 0: Mail me.", "consent_at": "2027-03-01T09:00:00Z"}


async def test_ticks_of_events_that_left_the_page_are_told_and_nothing_is_sent(
    engine: Engine, visitor: Visitor
) -> None:
    made = await games(engine, 2)
    await published(engine)
    keys = (await visitor.see("/s/season")).keys
    await changed(engine, "season", events=(made[0].uid,))
    page = await visitor.send("/s/season", keys)
    assert page.status == 422
    assert "One event that you ticked is no longer on this page." in page.text
    assert "No address is given." in (await visitor.send("/s/season", keys[:1], "")).text
    assert await deliver(engine) == []


async def test_a_link_that_is_old_or_made_up_sends_nothing(
    engine: Engine, visitor: Visitor, clock: Clock
) -> None:
    await games(engine, 6)
    await published(engine)
    await visitor.send("/s/season", (await visitor.see("/s/season")).keys)
    link = await link_in_mail(engine)
    clock.now += timedelta(days=8)
    assert (await visitor.send(link, ())).status == 409
    assert "expired" in (await visitor.see(link)).text
    assert (await visitor.see("/confirm/send/nothing")).status == 404
    assert await deliver(engine) == []


async def test_what_was_sent_links_to_our_own_pages_alone(engine: Engine, visitor: Visitor) -> None:
    """There is no open redirect."""
    await published(engine)
    for path in ("https://evil.example/", "//evil.example", "/s/nothing", "s/season/../../evil"):
        page = await visitor.web.get("/sent/sent", params={"n": "1", "to": path})
        assert "evil" not in page.text
    assert "/s/season" in (await visitor.see("/sent/sent?n=2&to=/s/season")).page.links


async def test_a_suspended_organizer_sends_nothing_from_pages(engine: Engine, visitor: Visitor) -> None:
    from engine.commands.operators.operators import SuspendOrganizer

    await games(engine, 1)
    await published(engine)
    keys = (await visitor.see("/s/season")).keys
    await do(engine, SuspendOrganizer(address=engine.local.address, suspended=True), SYSTEM)
    page = await visitor.send("/s/season", keys)
    assert page.status == 422
    assert await deliver(engine) == []


async def test_a_send_that_was_cut_short_goes_on_where_it_stopped(engine: Engine, visitor: Visitor) -> None:
    await games(engine, 60)
    await published(engine)
    await visitor.send("/s/season", (await visitor.see("/s/season")).keys)
    link = await link_in_mail(engine)
    nobody = Actor(kind="attendee", address="")
    await do(engine, ConfirmPageRequest(code=link.rpartition("/")[2]), nobody)
    first = await invites(engine)
    page = await visitor.see(link)
    left = 60 - len(first)
    assert f"Send {left} invites?" in page.text
    assert f"{len(first)} of 60 are sent." in page.text
    await visitor.send(link, ())
    assert len(first) == min(50, engine.store.items_per_unit // 2)
    assert len(await invites(engine)) == left


async def test_more_than_a_person_gets_in_a_day_waits_for_the_next(
    engine: Engine, visitor: Visitor, clock: Clock
) -> None:
    await season(engine, 205)
    await published(engine)
    await visitor.send("/s/season", (await visitor.see("/s/season?all=1")).keys)
    link = await link_in_mail(engine)
    page = await visitor.send(link, ())
    assert "199 of 205 are sent." in page.text
    assert len(await invites(engine)) == 199
    clock.now += timedelta(days=1)
    assert "on the way" in (await visitor.send(link, ())).text
    assert len(await invites(engine)) == 6


def test_sends_are_counted_by_page_and_hour() -> None:
    counts = HourlyCount()
    assert [counts.over("season", 2) for _ in range(3)] == [False, False, True]
    assert not counts.over("other", 2)


def _counted(sends: Hourly, slug: str, client: str, email: str = "") -> bool:
    with sends.counting(slug, client, email) as busy:
        return busy


def test_one_client_closes_a_page_for_itself_alone() -> None:
    sends = Hourly()
    for n in range(OF_ONE_CLIENT):
        assert not _counted(sends, "season", f"2001:db8::{n:x}")
    with pytest.raises(Refused) as refused:
        _counted(sends, "season", "2001:db8::ffff")
    assert refused.value.code is Code.TOO_MANY
    assert not _counted(sends, "season", "192.0.2.1")
    assert not _counted(sends, "other", "2001:db8::1")


async def test_a_busy_page_asks_by_mail_before_it_is_closed(
    engine: Engine, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hourly, "OF_A_PAGE", 1)
    monkeypatch.setattr(hourly, "ASKED_OF_A_PAGE", 2)
    await games(engine, 1)
    await published(engine)
    keys = (await visitor.see("/s/season")).keys
    told = [await visitor.send("/s/season", keys, f"{name}@example.com") for name in ("ann", "bob", "cy")]
    assert "on the way" in told[0].text
    assert "Check your mail" in told[1].text
    assert (told[2].status, told[2].answer.headers["retry-after"]) == (429, "3600")
    assert await link_in_mail(engine, "bob@example.com")


async def test_what_is_refused_closes_no_page_and_no_mailbox(
    engine: Engine, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hourly, "OF_A_PAGE", 1)
    monkeypatch.setattr(hourly, "OF_ONE_MAILBOX", 1)
    await games(engine, 1)
    await published(engine)
    keys = (await visitor.see("/s/season")).keys
    for email, ticked in (("", keys), ("nobody", keys), ("ann@example.com", [])):
        for _ in range(3):
            assert (await visitor.send("/s/season", ticked, email)).status == 422
    assert "on the way" in (await visitor.send("/s/season", keys)).text


async def test_who_sends_too_often_is_told_when_to_come_again(
    engine: Engine, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hourly, "OF_ONE_CLIENT", 2)
    made = await games(engine, 2)
    await published(engine)
    for path in ("/s/season", f"/e/{made[0].id}"):
        late = await visitor.send(path, (await visitor.see(path)).keys)
    assert late.status == 200
    for path in ("/s/season", f"/e/{made[0].id}"):
        late = await visitor.send(path, (await visitor.see(path)).keys)
        assert (late.status, late.answer.headers["retry-after"]) == (429, "3600")
        assert "Try again in an hour" in late.text
        assert 'value="ann@example.com"' in late.answer.text


async def test_one_mailbox_is_given_no_oftener_however_its_address_is_spelled(
    engine: Engine, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hourly, "OF_ONE_MAILBOX", 2)
    made = await games(engine, 1)
    await published(engine)
    spellings = (
        "anna.bell@example.com",
        "annabell@example.com",
        "A.n.n.a.Bell+x@Example.com",
        "other@example.com",
    )
    statuses = [
        (await visitor.send(path, (await visitor.see(path)).keys, email)).status
        for email in spellings
        for path in ("/s/season", f"/e/{made[0].id}")
    ]
    assert statuses == [200, 200, 429, 429, 429, 429, 200, 200]


async def test_a_form_is_read_no_further_than_a_form_may_be(engine: Engine, visitor: Visitor) -> None:
    made = await games(engine, 1)
    await published(engine)
    for path in ("/s/season", f"/e/{made[0].id}"):
        answer = await visitor.post(path, (), "a" * 200_000)
        assert answer.status_code == 413
        assert "The form is too large." in answer.text
