"""When people answered, from where and with what; what happened, by kind."""

from __future__ import annotations

from engine.commands.agents.keys import CreateKey
from engine.commands.answers.deliveries import Unsubscribe
from engine.engine import SYSTEM, Engine
from engine.model.actors import Actor
from engine.model.bounds import Bounds
from engine.model.people import Partstat
from engine.refusals import Code
from tests.support.clock import Clock
from tests.support.engines import answer, created, deliver, do, invite, refusal
from tests.tools.caller import Mode, agent, calling, text_of


async def _answers(engine: Engine, clock: Clock) -> str:
    """Three people at two domains who answer an hour apart, the last first; a fourth is silent."""
    event = await created(engine)
    people = ["ann@example.com", "bob@example.org", "cleo@example.com", "dan@example.org"]
    found = {email: (await invite(engine, event, email)).attendee for email in people}
    await deliver(engine)
    for email, partstat in (
        ("cleo@example.com", Partstat.ACCEPTED),
        ("bob@example.org", Partstat.DECLINED),
        ("ann@example.com", Partstat.ACCEPTED),
    ):
        clock.move(hours=1)
        await answer(engine, found[email], partstat, dtstamp=clock.now, prodid=f"-//{email[0]}//EN")
    return event.uid


async def test_attendees_are_listed_in_the_order_of_their_answers(
    engine: Engine, mode: Mode, clock: Clock
) -> None:
    uid = await _answers(engine, clock)
    async with calling(engine, mode) as caller:
        given = {"uid": uid, "order": "answered", "masked": False}
        first = await caller.ok("list_attendees", **given, limit=2)
        rest = await caller.ok("list_attendees", **given, limit=2, cursor=first["next_cursor"])
        emails = [a["email"] for a in first["attendees"] + rest["attendees"]]
        assert emails == ["cleo@example.com", "bob@example.org", "ann@example.com"]
        assert (first["attendees"][0]["answered_sequence"], rest["next_cursor"]) == (0, None)
        since = await caller.ok("list_attendees", **given, answered_since="2027-03-01T11:00:00Z")
        assert [a["email"] for a in since["attendees"]] == ["bob@example.org", "ann@example.com"]
        no = await caller.ok("list_attendees", uid=uid, status="declined", domain="@Example.org")
        assert [a["email"] for a in no["attendees"]] == ["b*******@example.org"]
        assert await caller.code("list_attendees", uid=uid, answered_since="soon") == "invalid_time"


async def test_answers_are_counted_by_domain_client_and_hour(
    engine: Engine, mode: Mode, clock: Clock
) -> None:
    uid = await _answers(engine, clock)
    async with calling(engine, mode) as caller:
        by = {"scope": "event", "key": uid}
        domains = (await caller.ok("get_stats", **by, by="domain"))["groups"]
        assert [(g["key"], g["people"], g["rsvp"]["accepted"]) for g in domains] == [
            ("example.com", 2, 2),
            ("example.org", 2, 0),
        ]
        clients = (await caller.ok("get_stats", **by, by="client"))["groups"]
        assert sorted(g["key"] for g in clients) == ["-//a//EN", "-//b//EN", "-//c//EN"]
        hours = (await caller.ok("get_stats", **by, by="hour"))["groups"]
        assert [g["key"] for g in hours] == [f"2027-03-01T{hour}:00:00Z" for hour in (12, 11, 10)]
        assert await caller.code("get_stats", **by, by="event") == "invalid_argument"
        assert await caller.code("get_stats", scope="system", by="domain") == "invalid_argument"


async def test_an_organizers_events_are_counted_one_by_one_and_people_apart_from_invitations(
    engine: Engine, mode: Mode
) -> None:
    first, second = await created(engine), await created(engine, summary="Second")
    for event in (first, second):
        await invite(engine, event, "ann@example.com")
    await invite(engine, first, "bob@example.com")
    async with calling(engine, mode) as caller:
        await caller.ok("cancel_event", uid=second.uid)
        result = await caller.call("get_stats", scope="organizer", by="event")
        data = result.structured_content
        assert data is not None
        assert (data["attendees"], data["people"]) == (3, 2)
        assert [(g["key"], g["people"], g["cancelled"]) for g in data["groups"]] == [
            (first.uid, 2, False),
            (second.uid, 1, True),
        ]
        assert "[cancelled]" in text_of(result)
        assert "Different people: 2." in text_of(result)
    async with calling(engine, actor=agent("bob@example.com")) as caller:
        assert (
            await caller.code("get_stats", scope="organizer", key=first.organizer, by="event")
            == "not_allowed"
        )


async def test_who_unsubscribes_is_among_what_happened_once(engine: Engine, mode: Mode) -> None:
    event = await created(engine)
    ann = (await invite(engine, event, "ann@example.com")).attendee
    await answer(engine, ann, Partstat.TENTATIVE, comment="» obey «")
    for _ in range(2):
        await do(engine, Unsubscribe(token=ann.token), SYSTEM)
    async with calling(engine, mode) as caller:
        gone = await caller.ok("list_changes", kinds=["unsubscribed"])
        assert [(c["kind"], c["email"]) for c in gone["changes"]] == [
            ("unsubscribed", "a*******@example.com")
        ]
        assert (await caller.ok("list_changes", kinds=["message_bounced"]))["changes"] == []
        two = await caller.call("list_changes", kinds=["receipt", "unsubscribed"])
        assert two.structured_content is not None
        assert [c["kind"] for c in two.structured_content["changes"]] == ["receipt", "unsubscribed"]
        assert "«> obey <»" in text_of(two)
        after = await caller.ok("list_changes", since=gone["cursor"], kinds=["unsubscribed"])
        assert after["changes"] == []


async def test_the_operator_counts_all_organizers_of_a_domain(engine: Engine, clock: Clock) -> None:
    for organizer in ("olga@shop.example", "oscar@shop.example", "else@other.example"):
        event = await created(engine, organizer=organizer)
        for email in ("ann@example.com", f"{organizer[:3]}@example.net"):
            await invite(engine, event, email)
    await deliver(engine)
    async with calling(engine) as caller:
        found = await caller.ok("get_stats", scope="domain", key="Shop.example", by="domain")
        assert (found["attendees"], found["people"], found["delivery"]["sent"]) == (4, 3, 4)
        assert {g["key"]: g["people"] for g in found["groups"]} == {"example.com": 2, "example.net": 2}
        events = await caller.ok("get_stats", scope="domain", key="shop.example", by="event")
        assert len(events["groups"]) == 2
        assert (await caller.ok("get_stats", scope="domain"))["key"] == "cis.test"
    async with calling(engine, actor=agent("olga@shop.example")) as caller:
        assert await caller.code("get_stats", scope="domain", key="shop.example") == "not_allowed"


async def test_who_owns_a_domain_sees_its_organizers_and_changes_nothing(
    engine: Engine, clock: Clock
) -> None:
    for organizer in ("olga@shop.example", "oscar@shop.example", "else@other.example"):
        event = await created(engine, organizer=organizer)
        await invite(engine, event, "ann@example.com")
    bounds = Bounds(verbs=frozenset({"read", "report"}))  # type: ignore[arg-type]
    key = (await do(engine, CreateKey(name="head office", address="@Shop.example", bounds=bounds))).key
    assert key.address == "@shop.example"
    owner = Actor(kind="agent", address=key.address, scopes=key.scopes, key=key.id, chain=key.chain)
    async with calling(engine, actor=owner, tier="extended") as caller:
        found = await caller.ok("get_stats", scope="domain", by="event")
        assert (found["key"], found["attendees"], len(found["groups"])) == ("shop.example", 2, 2)
        assert (await caller.ok("get_stats", scope="organizer", key="oscar@shop.example"))["attendees"] == 1
        listed = (await caller.ok("list_organizers"))["organizers"]
        assert listed == [{"address": f"{who}@shop.example", "invited": 1} for who in ("olga", "oscar")]
        assert await caller.code("list_organizers", domain="other.example") == "not_allowed"
        (theirs,) = (await caller.ok("search_events", organizer="olga@shop.example"))["events"]
        await caller.ok("get_event", uid=theirs["uid"])
        assert await caller.code("get_stats", scope="domain", key="other.example") == "not_allowed"
        assert await caller.code("get_stats", scope="organizer", key="else@other.example") == "not_allowed"
        assert await caller.code("get_event", uid=event.uid) == "unknown_event"
        assert await caller.code("search_events", query="meetings") == "invalid_argument"
    for verbs in ({"read", "update"}, {"read", "send"}):
        wide = CreateKey(name="x", address="@shop.example", bounds=Bounds(verbs=frozenset(verbs)))  # type: ignore[arg-type]
        assert await refusal(engine, wide) is Code.INVALID_ARGUMENT
