"""Whom a change reaches, who is invited again as a test, and what one person's story and the log of changes tell."""

from __future__ import annotations

from typing import Any

import pytest

from engine.commands.answers.automatic import RecordAutomaticReply
from engine.commands.answers.deliveries import RecordBounce, Unsubscribe
from engine.commands.answers.proposals import RecordProposal
from engine.engine import SYSTEM, Engine
from engine.model.messages import MessageState
from engine.model.people import Partstat
from engine.model.times import Span
from engine.refusals import Code
from tests.support.engines import (
    ORGANIZER,
    answer,
    attendee,
    claim,
    created,
    deliver,
    do,
    invite,
    invite_all_answers,
    settle,
)
from tests.support.leaving import left
from tests.tools.caller import Mode, agent, calling, text_of

ANN, BOB = "ann@example.com", "bob@example.com"
YES, NO, MAYBE, SILENT = (f"{name}@example.com" for name in ("yes", "no", "maybe", "silent"))


@pytest.mark.parametrize(
    ("audience", "people"),
    [
        (["accepted"], [YES]),
        (["tentative"], [MAYBE]),
        (["declined"], [NO]),
        (["noaction"], [SILENT]),
        (["declined", "noaction"], [NO, SILENT]),
        ([NO, "Yes@Example.com"], [NO, YES]),
        ("accepted-or-tentative", [MAYBE, YES]),
        ("not-declined", [MAYBE, SILENT, YES]),
        ("all", [MAYBE, NO, SILENT, YES]),
        ("none", []),
    ],
)
@pytest.mark.parametrize(("tool", "method"), [("update_event", "REQUEST"), ("cancel_event", "CANCEL")])
async def test_a_change_is_mailed_to_the_audience_that_is_named_and_to_no_one_else(
    engine: Engine, audience: object, people: list[str], tool: str, method: str
) -> None:
    event = await created(engine)
    await invite_all_answers(engine, event)
    await deliver(engine)
    change = {"location": "Hall 2"} if tool == "update_event" else {}
    async with calling(engine) as caller:
        dry = await caller.ok(tool, uid=event.uid, audience=audience, dry_run=True, **change)
        done = await caller.ok(tool, uid=event.uid, audience=audience, **change)
    assert dry["notified"] == done["notified"] == len(people)
    assert [mail.brief for mail in await left(engine)] == [(email, method, 1) for email in people]


async def test_a_test_goes_again_to_the_callers_own_address_and_to_no_other(engine: Engine) -> None:
    event = await created(engine)
    async with calling(engine, actor=agent(ORGANIZER)) as caller:
        for _ in range(3):
            own = await caller.ok("send_invite", uid=event.uid, email=ORGANIZER, origin="test", wait_s=0)
            assert own["status"] == "queued"
            assert [mail.to for mail in await left(engine)] == [ORGANIZER]
        await caller.ok("send_invite", uid=event.uid, email=ANN, wait_s=0)
        assert [mail.to for mail in await left(engine)] == [ANN]
        await caller.call("send_invite", uid=event.uid, email=ANN, origin="test", wait_s=0)
        await caller.call("send_invite", uid=event.uid, email=BOB, origin="test", wait_s=0)
        await caller.call("send_invite", uid=event.uid, email=BOB, origin="test", wait_s=0)
        assert [mail.to for mail in await left(engine)] == [BOB]


async def test_a_story_tells_comments_automatic_replies_and_proposals(engine: Engine, mode: Mode) -> None:
    event = await created(engine)
    ann = (await invite(engine, event, ANN)).attendee
    await deliver(engine)
    await answer(engine, ann, Partstat.TENTATIVE, comment="If it does not rain")
    await do(
        engine, RecordAutomaticReply(token=ann.token, title="Out of office", words="Back in May"), SYSTEM
    )
    span = Span(start=event.span.start, end=event.span.end, timezone=event.span.timezone)
    proposal = RecordProposal(token=ann.token, span=span, location="Hall 2", comment="Could we?")
    await do(engine, proposal, SYSTEM)
    async with calling(engine, mode) as caller:
        result = await caller.call("get_attendee", uid=event.uid, email=ANN)
    data, text = result.structured_content or {}, text_of(result)
    assert [receipt["comment"] for receipt in data["receipts"]] == ["If it does not rain"]
    assert [reply["words"] for reply in data["automatic_replies"]] == ["Out of office. Back in May"]
    assert [(one["state"], one["location"], one["comment"]) for one in data["proposals"]] == [
        ("open", "Hall 2", "Could we?")
    ]
    assert "comment «If it does not rain»" in text
    assert "automatic reply, no answer: «Out of office. Back in May»" in text
    assert "proposes Sunday 2027-05-02T19:00:00-04:00" in text
    assert "at «Hall 2»; open, comment «Could we?»" in text
    assert data["untrusted"] is True


async def _bounce(engine: Engine, uid: str) -> None:
    event = await engine.event(uid, engine.local)
    await deliver(engine)
    ann = await attendee(engine, event, ANN)
    await do(
        engine,
        RecordBounce(
            token=ann.token, recipients=(ANN,), status="5.1.1", detail="no such user", permanent=True
        ),
        SYSTEM,
    )


async def _failure(engine: Engine, _uid: str) -> None:
    said = {"code": Code.REJECTED_BY_SERVER, "text": "550 unknown"}
    await settle(engine, await claim(engine), MessageState.FAILED, **said)


async def _comment(engine: Engine, uid: str) -> None:
    event = await engine.event(uid, engine.local)
    await deliver(engine)
    await answer(engine, await attendee(engine, event, ANN), Partstat.ACCEPTED, comment="With my dog")


async def _proposal(engine: Engine, uid: str) -> None:
    event = await engine.event(uid, engine.local)
    await deliver(engine)
    span = Span(start=event.span.start, end=event.span.end, timezone=event.span.timezone)
    ann = await attendee(engine, event, ANN)
    await do(engine, RecordProposal(token=ann.token, span=span, comment="Later?"), SYSTEM)


async def _unsubscribe(engine: Engine, uid: str) -> None:
    event = await engine.event(uid, engine.local)
    await deliver(engine)
    await do(engine, Unsubscribe(token=(await attendee(engine, event, ANN)).token), SYSTEM)


async def _away(engine: Engine, uid: str) -> None:
    event = await engine.event(uid, engine.local)
    await deliver(engine)
    ann = await attendee(engine, event, ANN)
    await do(engine, RecordAutomaticReply(token=ann.token, title="Away", words=""), SYSTEM)


@pytest.mark.parametrize(
    ("happens", "kind", "words"),
    [
        (_bounce, "message_bounced", "5.1.1 no such user"),
        (_failure, "message_failed", "550 unknown"),
        (_comment, "receipt", "With my dog"),
        (_proposal, "proposal", "Later?"),
        (_unsubscribe, "unsubscribed", ""),
        (_away, "automatic_reply", "Away"),
    ],
)
async def test_what_happens_to_an_invite_is_among_the_changes(
    engine: Engine, happens: Any, kind: str, words: str
) -> None:
    async with calling(engine) as caller:
        uid = await caller.event()
        await caller.ok("send_invite", uid=uid, email=ANN, wait_s=0)
        since = (await caller.ok("list_changes"))["cursor"]
        await happens(engine, uid)
        result = await caller.call("list_changes", since=since, masked=False)
        chosen = await caller.ok("list_changes", since=since, kinds=[kind])
    (one,) = (result.structured_content or {})["changes"]
    assert (one["kind"], one["email"], one["words"]) == (kind, ANN, words)
    assert f"{kind}: {ANN}" in text_of(result)
    assert f"«{words}»" in text_of(result) or not words
    assert [change["kind"] for change in chosen["changes"]] == [kind]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("ann@example", "no dot in the domain"),
        ("ann@localhost", "no dot in the domain"),
        ("nobody", "there is no @ in it"),
        ("ann@", "nothing stands after the @"),
        ("@example.com", "nothing stands before the @"),
        ("ann@@example.com", "more than one @"),
        ("ann@example.com, bob@example.com", "more than one address"),
        ("ann@example.com;bob@example.com", "more than one address"),
        ("ann..b@example.com", "a period is first or last in a part, or beside another"),
        (".ann@example.com", "a period is first or last in a part, or beside another"),
        ("ann b@example.com", "SPACE"),
        ("ann@exam ple.com", "SPACE"),
        ("ann@-example.com", "hyphen"),
        ("ann@192.0.2.1", "top-level domain"),
        ("ann@printer.local", "reserved name"),
        (f"{'a' * 65}@example.com", "too long before the @-sign"),
        ("änn@example.com", "ä"),
    ],
)
async def test_an_address_that_cannot_be_mailed_says_why_alone_and_in_a_list(
    engine: Engine, given: str, why: str
) -> None:
    async with calling(engine) as caller:
        uid = await caller.event()
        refused = await caller.refused("send_invite", uid=uid, email=given)
        assert (refused["code"], why in refused["message"]) == ("invalid_address", True), refused["message"]
        rows = [{"email": given}, {"email": ANN}]
        result = await caller.call("bulk_send", uid=uid, recipients=rows)
    (row,) = (result.structured_content or {})["campaign"]["skipped"]
    assert (row["row"], row["code"]) == (1, "invalid_address")
    assert why in row["why"]
    assert why in text_of(result)


async def test_a_pause_says_how_many_of_the_valid_had_gone(engine: Engine) -> None:
    async with calling(engine) as caller:
        uid = await caller.event()
        rows = [{"email": f"p{n}@example.com"} for n in range(9)] + [{"email": "nobody"}]
        started = (await caller.ok("bulk_send", uid=uid, recipients=rows, start=True))["campaign"]
        result = await caller.call("control_campaign", campaign_id=started["id"], action="pause")
    assert "0 of 9 valid had gone out by then." in text_of(result)


@pytest.mark.parametrize("tool", ["update_event", "cancel_event"])
async def test_a_dry_run_says_who_takes_no_mail_and_gets_none(engine: Engine, tool: str) -> None:
    event = await created(engine)
    for email in (ANN, BOB, "cem@former.example.com", "dan@example.com"):
        await invite(engine, event, email)
    await deliver(engine)
    await do(engine, Unsubscribe(token=(await attendee(engine, event, ANN)).token), SYSTEM)
    change = {"location": "Hall 2"} if tool == "update_event" else {}
    async with calling(engine, tier="extended") as caller:
        await caller.ok("suppress", addresses=["former.example.com"])
        dry = await caller.call(tool, uid=event.uid, audience="all", dry_run=True, **change)
        assert (
            "Of these, no mail leaves to those who take none: a*******@example.com, c*******@former.example.com."
            in (text_of(dry))
        )
        await caller.ok(tool, uid=event.uid, audience="all", **change)
    assert [mail.to for mail in await left(engine)] == [BOB, "dan@example.com"]


@pytest.mark.parametrize(
    "written", ["Jane <INFO@Bücher.example>", "mailto:info@bücher.example", " info@bücher.example"]
)
async def test_a_person_is_found_by_their_address_as_they_were_invited_by_it(
    engine: Engine, written: str
) -> None:
    async with calling(engine, tier="extended") as caller:
        uid = await caller.event()
        await caller.ok("send_invite", uid=uid, email=written, wait_s=0)
        await deliver(engine)
        await caller.ok("get_attendee", uid=uid, email=written)
        change = await caller.ok("update_event", uid=uid, location="Hall 2", audience=[written], dry_run=True)
        assert change["notified"] == 1
        assert (await caller.ok("remind", uid=uid, who=[written], dry_run=True))["reminded"] == 1
        answer = {"uid": uid, "email": written, "answer": "decline"}
        event = await engine.event(uid, engine.local)
        person = await attendee(engine, event, "info@xn--bcher-kva.example")
        await do(engine, RecordProposal(token=person.token, span=event.span), SYSTEM)
        await caller.ok("answer_proposal", **answer)
        await caller.ok("withdraw_invite", uid=uid, email=written)
        assert await caller.code("withdraw_invite", uid=uid, email="no address") == "unknown_attendee"
