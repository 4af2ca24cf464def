"""A key that may only read sends no mail, and nobody learns what events others have."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from cis_mcp.mcp.tools.catalog import EVERY
from engine.engine import Engine
from tests.attacks.door import Key, new_key, two_keys
from tests.cli.processes import serving
from tests.support.clock import Clock
from tests.support.waiting import DEADLINE_S
from tests.tools.caller import SCOPES, agent, calling

_ORGANIZERS = {"CIS_ORGANIZERS": "*@example.com"}


def test_whatever_changes_or_mails_needs_more_than_the_scope_that_reads() -> None:
    changing = [spec for spec in EVERY.values() if spec.hints.read_only_hint is not True]
    assert changing
    assert [spec.name for spec in changing if spec.scope == "read"] == []


@asynccontextmanager
async def _reader_and_writer(folder: Path) -> AsyncIterator[tuple[Key, Key]]:
    reading = await new_key(folder, "ann@example.com", ["read"], **_ORGANIZERS)
    writing = await new_key(folder, "ann@example.com", **_ORGANIZERS)
    async with (
        serving(folder, "--http", "127.0.0.1:0", "--tier", "operator", **_ORGANIZERS) as (address, _),
        httpx.AsyncClient(timeout=DEADLINE_S) as web,
    ):
        yield Key(address, reading, web), Key(address, writing, web)


async def test_a_key_with_the_scope_read_sends_and_changes_nothing_by_any_tool(tmp_path: Path) -> None:
    async with _reader_and_writer(tmp_path) as (reader, writer):
        uid = await writer.event()
        for spec in EVERY.values():
            if spec.hints.read_only_hint is not True:
                answer = await reader.call(
                    spec.name, **({"uid": uid} if "uid" in spec.arguments.model_fields else {})
                )
                assert answer["code"] == "unknown_tool", spec.name
        listed = await reader.ask("tools/list")
        assert all(tool["annotations"]["readOnlyHint"] for tool in listed["result"]["tools"])
        stats = await writer.call("get_stats", scope="organizer")
        assert set(stats["delivery"].values()) <= {0}
    assert not [*(tmp_path / "outbox" / "new").glob("*")]


async def test_a_report_is_mailed_once_a_minute_to_an_address(engine: Engine, clock: Clock) -> None:
    ann = agent("ann@example.com")
    async with calling(engine, actor=ann) as caller, calling(engine) as operator:
        uid, other = await caller.event(), await caller.event()
        assert (await caller.ok("send_report", uid=uid))["sent_to"] == "ann@example.com"
        for _ in range(30):
            assert await caller.code("send_report", uid=uid) == "too_soon"
        assert await operator.code("send_report", uid=uid, to="ANN@example.com") == "too_soon"
        assert (await operator.ok("send_report", uid=uid, to="bob@example.com"))[
            "sent_to"
        ] == "bob@example.com"
        assert (await caller.ok("send_report", uid=other))["uid"] == other
        clock.move(seconds=61)
        assert (await caller.ok("send_report", uid=uid))["uid"] == uid
        assert await caller.code("send_report", uid=uid) == "too_soon"


_MORE: dict[str, dict[str, Any]] = {
    "get_stats": {"scope": "event"},
    "send_invite": {"email": "carol@example.net"},
    "bulk_send": {"csv": "email\ncarol@example.net"},
    "update_event": {"summary": "x"},
    "answer_proposal": {"answer": "accept"},
    "explain_delivery": {"email": "carol@example.net"},
}


def _arguments(tool: str, uid: str) -> dict[str, Any] | None:
    """Arguments of a call about the event `uid`; None where the tool is about none."""
    spec = EVERY[tool]
    name = "key" if tool == "get_stats" else "uid"
    if name not in spec.arguments.model_fields:
        return None
    given = {"email": "carol@example.net", **_MORE.get(tool, {}), name: uid}
    required = {n: f for n, f in spec.arguments.model_fields.items() if f.is_required() and n not in given}
    given |= {n: (f.examples or ["x"])[0] for n, f in required.items()}
    return {n: value for n, value in given.items() if n in spec.arguments.model_fields}


def _without(uid: str, answer: object) -> str:
    return json.dumps(answer, sort_keys=True).replace(uid, "UID")


async def test_an_event_of_somebody_else_is_answered_like_one_that_does_not_exist(tmp_path: Path) -> None:
    async with two_keys(tmp_path, options=("--tier", "operator")) as (ann, bob):
        theirs = await bob.event()
        draft = await bob.call("bulk_send", uid=theirs, csv="email\ncarol@example.net")
        campaign = draft["campaign"]["id"]
        nothing, nowhere = theirs[::-1], campaign[::-1]
        asked = 0
        for tool in EVERY:
            pair = [_arguments(tool, uid) for uid in (theirs, nothing)]
            if EVERY[tool].scope == "admin" or pair[0] is None or pair[1] is None:
                continue
            found = [await ann.call(tool, **given) for given in pair if given]
            assert found[0]["code"] == "unknown_event", (tool, found[0])
            assert _without(theirs, found[0]) == _without(nothing, found[1])
            asked += 1
        assert asked >= 8
        for tool in ("get_campaign", "control_campaign"):
            more = {"action": "cancel"} if tool == "control_campaign" else {}
            ours, none = [await ann.call(tool, campaign_id=id_, **more) for id_ in (campaign, nowhere)]
            assert ours["code"] == "unknown_campaign"
            assert _without(campaign, ours) == _without(nowhere, none)


async def test_a_resource_of_somebody_else_is_answered_like_none(tmp_path: Path) -> None:
    async with two_keys(tmp_path) as (ann, bob):
        uid = await bob.event()
        campaign = (await bob.call("bulk_send", uid=uid, csv="email\ncarol@example.net"))["campaign"]["id"]
        for uri, name in {
            "event://{}": uid,
            "event://{}.ics": uid,
            "report://{}.csv": uid,
            "stats://event/{}": uid,
            "campaign://{}": campaign,
        }.items():
            theirs, none = [
                _without(one, await ann.ask("resources/read", asked, uri=asked))
                for one, asked in ((one, uri.format(one)) for one in (name, name[::-1]))
            ]
            assert theirs == none
            assert "error" in theirs, uri


async def test_completion_offers_nothing_of_somebody_else(tmp_path: Path) -> None:
    async with two_keys(tmp_path) as (ann, bob):
        uid = await bob.event()
        for beginning in (uid[:8], uid, "Board"):
            ref = {"type": "ref/resource", "uri": "event://{uid}"}
            answer = await ann.ask(
                "completion/complete", ref=ref, argument={"name": "uid", "value": beginning}
            )
            assert answer["result"]["completion"]["values"] == []


async def test_two_organizers_in_one_process_see_their_own_alone(engine: Engine) -> None:
    async with (
        calling(engine, actor=agent("ann@example.com", SCOPES)) as ann,
        calling(engine, actor=agent("bob@example.com", SCOPES)) as bob,
    ):
        uid = await bob.event()
        several = await ann.ok("send_invite", uids=[uid, uid[::-1]], email="carol@example.net")
        assert [one["code"] for one in several["invites"]] == ["unknown_event"] * 2
