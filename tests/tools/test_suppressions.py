"""The do-not-mail list as a client sees it: addresses and domains go on it, come off it, and get nothing meanwhile."""

from __future__ import annotations

from engine.commands.answers.deliveries import RecordBounce, Unsubscribe
from engine.engine import SYSTEM, Engine
from tests.support.engines import ORGANIZER, created, deliver, do, invite
from tests.support.leaving import left
from tests.tools.caller import SCOPES, Mode, agent, calling, text_of

ANN, BOB = "ann@example.com", "bob@example.org"
OLGA = "olga@example.net"
KEEPS = SCOPES | {"suppress"}


async def test_a_domain_is_never_mailed_again_and_lists_say_so(engine: Engine, mode: Mode) -> None:
    event = await created(engine)
    await invite(engine, event, ANN)
    await deliver(engine)
    async with calling(engine, mode, tier="extended") as caller:
        done = await caller.ok("suppress", addresses=["@Example.com"])
        assert (done["addresses"], done["added"], done["organizer"]) == (["example.com"], 1, "")
        assert await caller.code("send_invite", uid=event.uid, email="cem@mail.example.com") == (
            "address_suppressed"
        )
        draft = await caller.ok("bulk_send", uid=event.uid, csv=f"email\ndan@example.com\n{BOB}\n")
        (row,) = draft["campaign"]["skipped"]
        assert (row["email"], row["code"]) == ("dan@example.com", "address_suppressed")
        assert "do-not-mail list" in row["why"]
        await caller.ok("update_event", uid=event.uid, location="Hall 2", audience="all")
        await caller.ok("cancel_event", uid=event.uid, audience="all")
    assert await left(engine) == []


async def test_an_address_comes_off_the_list_and_is_invited(engine: Engine) -> None:
    event = await created(engine)
    async with calling(engine, tier="extended") as caller:
        await caller.ok("suppress", addresses=[ANN, "example.org"])
        await caller.ok("suppress", addresses=[ANN])
        done = await caller.ok("unsuppress", addresses=[ANN, "x@example.net", BOB])
        assert (done["removed"], done["not_listed"]) == ([ANN], ["x@example.net", BOB])
        await caller.ok("send_invite", uid=event.uid, email=ANN, wait_s=0)
        listed = await caller.ok("list_suppressions")
        assert [(e["target"], e["reason"]) for e in listed["entries"]] == [("example.org", "asked")]


async def test_why_an_address_gets_no_mail_is_told_with_its_domain(engine: Engine) -> None:
    event = await created(engine)
    bob = await invite(engine, event, BOB)
    await deliver(engine)
    await do(engine, RecordBounce(token=bob.attendee.token, permanent=True, detail="no such user"), SYSTEM)
    async with calling(engine, tier="extended") as caller:
        await caller.ok("suppress", addresses=["example.org"])
        answer = await caller.call("list_suppressions", address=BOB)
        entries = (answer.structured_content or {})["entries"]
        assert [(e["target"], e["reason"], e["detail"]) for e in entries] == [
            (BOB, "bounced", "no such user"),
            ("example.org", "asked", ""),
        ]
        assert "a mail server said «no such user»" in text_of(answer)
        assert (await caller.ok("list_suppressions", address=ANN))["entries"] == []


async def test_an_agent_keeps_a_list_of_its_own_and_sees_no_other(engine: Engine) -> None:
    theirs = await created(engine, agent(OLGA))
    async with calling(engine, tier="extended", actor=agent(ORGANIZER, KEEPS)) as caller:
        await caller.ok("suppress", addresses=[ANN])
        assert await caller.code("suppress", addresses=[ANN], organizer=OLGA) == "not_allowed"
        assert await caller.code("list_suppressions", organizer=OLGA) == "not_allowed"
    async with calling(engine, tier="extended", actor=agent(OLGA, KEEPS)) as caller:
        assert (await caller.ok("list_suppressions"))["entries"] == []
        assert (await caller.ok("unsuppress", addresses=[ANN]))["not_listed"] == [ANN]
        await caller.ok("send_invite", uid=theirs.uid, email=ANN, wait_s=0)


async def test_only_the_operator_takes_back_what_a_person_wished(engine: Engine) -> None:
    event = await created(engine)
    ann = await invite(engine, event, ANN)
    await do(engine, Unsubscribe(token=ann.attendee.token), SYSTEM)
    async with calling(engine, tier="extended", actor=agent(ORGANIZER, KEEPS)) as caller:
        await caller.ok("suppress", addresses=["example.org"])
        assert await caller.code("unsuppress", addresses=["example.org", ANN]) == "not_allowed"
        listed = (await caller.ok("list_suppressions"))["entries"]
        assert [(e["target"], e["reason"]) for e in listed] == [
            (ANN, "unsubscribed"),
            ("example.org", "asked"),
        ]
    async with calling(engine, tier="extended") as caller:
        done = await caller.ok("unsuppress", addresses=[ANN], organizer=ORGANIZER)
        assert done["removed"] == [ANN]


async def test_what_still_keeps_mail_from_an_address_is_named(engine: Engine) -> None:
    async with calling(engine, tier="extended") as caller:
        await caller.ok("suppress", addresses=[ANN, "example.com"])
        done = await caller.ok("unsuppress", addresses=[ANN])
        assert [e["target"] for e in done["still"]] == ["example.com"]


async def test_the_list_comes_in_pages(engine: Engine) -> None:
    async with calling(engine, tier="extended") as caller:
        await caller.ok("suppress", addresses=[f"p{n}@example.com" for n in range(5)])
        first = await caller.ok("list_suppressions", limit=3)
        second = await caller.ok("list_suppressions", limit=3, cursor=first["next_cursor"])
        assert [e["target"] for e in (*first["entries"], *second["entries"])] == [
            f"p{n}@example.com" for n in range(5)
        ]
        assert second["next_cursor"] is None
        assert await caller.code("list_suppressions", cursor="x") == "invalid_cursor"


async def test_what_is_neither_an_address_nor_a_domain_is_refused_and_nothing_is_listed(
    engine: Engine,
) -> None:
    async with calling(engine, tier="extended") as caller:
        for wrong in ("example", "*", "@", "a b.com", "ann@", "x" * 400 + ".com"):
            assert await caller.code("suppress", addresses=["fine.example.com", wrong]) == "invalid_address"
        assert await caller.code("suppress", addresses=[]) == "empty_list"
        assert (await caller.ok("list_suppressions"))["entries"] == []


async def test_a_search_says_which_addresses_of_its_words_get_no_mail(engine: Engine, mode: Mode) -> None:
    event = await created(engine, summary="Concert")
    async with calling(engine, mode, tier="extended") as caller:
        await caller.ok("suppress", addresses=[ANN, "example.org"])
        found = await caller.call(
            "search_events", query=f"concert for {ANN} and {BOB}, also x@y and zoe@example.net"
        )
        data = found.structured_content
        assert data is not None
        assert [entry["target"] for entry in data["do_not_mail"]] == [ANN, "example.org"]
        assert f"Gets no mail: {ANN}: asked" in text_of(found)
        plain = await caller.ok("search_events", query="concert")
        assert ([e["uid"] for e in plain["events"]], plain["do_not_mail"]) == ([event.uid], [])
    async with calling(engine, actor=agent(OLGA)) as other:
        assert (await other.ok("search_events", query=ANN))["do_not_mail"][0]["target"] == ANN
