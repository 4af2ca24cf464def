"""No answer is longer than a client takes in, however much there is to tell, and nothing is lost by that."""

from __future__ import annotations

import json
from datetime import timedelta
from email.header import Header
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from mcp.types import CallToolResult

from cis_mcp.mcp.tools import EVERYTHING
from cis_mcp.mcp.tools.base import Reply, Result
from cis_mcp.mcp.tools.catalog import EVERY
from cis_mcp.mcp.tools.fitting import BYTES_MAX, fitted, size_of
from engine.commands.agents.keys import CreateKey
from engine.commands.answers.proposals import RecordProposal
from engine.commands.answers.receipts import RecordReceipt
from engine.commands.pages.links import CreateLink
from engine.commands.pages.pages import CreatePage
from engine.commands.triggers.triggers import CreateTrigger
from engine.commands.webhooks.webhooks import CreateWebhook
from engine.engine import SYSTEM, Engine
from engine.inbox.quarantine import Quarantine
from engine.inbox.spool.spool import OwnMailbox
from engine.model.campaigns import CampaignState
from engine.model.claims import SendResult
from engine.model.events import Event, Override
from engine.model.inbox_messages import InboxMessage
from engine.model.list_rows import Recipient
from engine.model.messages import MessageState
from engine.model.people import Partstat
from engine.model.times import Span
from engine.model.triggers import Proof, Sender
from engine.model.webhooks import Outgoing, Posting, WebhookKind
from engine.refusals import Code
from engine.rules.reading import rules_of
from tests.store.stores import attendee, campaign, message
from tests.support import mails
from tests.support.approvals import waiting
from tests.support.clock import START
from tests.support.engines import created, do
from tests.support.inboxes import inbox_of
from tests.tools.caller import calling
from tests.triggers.crm import RULES, deal

LISTED = 2_000
"""Letters of the descriptions of all events but one: too many for a list that would show them, too."""
WIDE = "\U00012000"
"""A letter of four bytes."""
ORGANIZER = "agent@cis.test"
LONG_ADDRESS = f"{'a' * 60}@{'b' * 60}.{'c' * 60}.{'d' * 50}.example.com"
LISTS = {
    "search_events": ("events", "next_cursor", {}),
    "list_attendees": ("attendees", "next_cursor", {"masked": False}),
    "list_changes": ("changes", "cursor", {"masked": False}),
    "get_campaign": ("campaigns", "next_cursor", {}),
}


def bytes_of(result: CallToolResult) -> int:
    """What a client gets: the words, the data and the links."""
    content = [part.model_dump(mode="json", exclude_none=True) for part in result.content]
    told = [part.get("text") or json.dumps(part) for part in content]
    data = json.dumps(result.structured_content, ensure_ascii=False, separators=(",", ":"))
    return len("".join([*told, data]).encode())


def large_event(uid: str) -> Event:
    """An event of which every word and list is as long as it may be."""
    span = Span(
        start=START + timedelta(days=9), end=START + timedelta(days=9, hours=1), timezone="Europe/Paris"
    )
    days = [span.start_utc + timedelta(days=n) for n in range(3_000)]
    moved = [
        Override(
            recurrence_id=day, span=Span(start=day, end=day + timedelta(hours=2), timezone="UTC"), summary="x"
        )
        for day in days[1:1_500]
    ]
    return Event(
        uid=uid,
        organizer=ORGANIZER,
        organizer_name=WIDE * 200,
        summary=WIDE * 500,
        location=WIDE * 1_000,
        description=WIDE * 20_000,
        url=f"https://example.com/{'x' * 1_900}",
        cancel_reason=WIDE * 1_000,
        source_uid=f"source-{uid}",
        span=span,
        recurrence="FREQ=DAILY",
        exdates=tuple(days[1_500:]),
        overrides=tuple(moved),
        created=START,
        ends_at=None,
        dtstamp=START,
    )


async def fill(engine: Engine) -> str:
    """As much as there may be of everything; returns the uid of the event that has most of it."""
    event = large_event("e" * 40)
    # While answers come it is small: each would read it anew.
    small = event.model_copy(update={"exdates": (), "overrides": ()})
    plain = Span(start=event.span.start, end=event.span.end, timezone="UTC")
    async with engine.store.unit() as unit:
        await unit.ensure_organizer(ORGANIZER, "", START)
        await unit.add_event(small)
        for n in range(99):
            values = {"uid": f"{n:040}", "source_uid": None, "exdates": (), "overrides": (), "span": plain}
            ends = {"recurrence": "", "ends_at": plain.end_utc, "description": WIDE * LISTED}
            await unit.add_event(event.model_copy(update={**values, **ends}))
        people = [f"{n:03}{LONG_ADDRESS}" for n in range(100)]
        await unit.add_attendees(
            [attendee(email, event.uid, token=f"t{n}", name=WIDE * 200) for n, email in enumerate(people)]
        )
        rows = [Recipient(row=n, email=WIDE * 1_000, code=Code.INVALID_ADDRESS) for n in range(1, 300)]
        running = campaign("big", event.uid, organizer=ORGANIZER, note=WIDE * 500, total=299)
        await unit.add_campaign(running, rows)
        for n in range(99):
            small = running.model_copy(update={"id": f"c{n:02}", "state": CampaignState.FINISHED})
            await unit.add_campaign(small, [])
        sent = [
            message(people[0], event.uid, organizer=ORGANIZER, campaign_id="big", repeat=f"r{n}")
            for n in range(60)
        ]
        await unit.add_messages(sent, priority=0)
    await fail_all(engine)
    for n in range(100):
        words = {"comment": WIDE * 2_000, "prodid": f"{n}{WIDE * 199}"}
        command = RecordReceipt(token=f"t{n}", partstat=Partstat.ACCEPTED, **words)
        await do(engine, command, SYSTEM)
        proposal = RecordProposal(
            token=f"t{n}", span=plain, location=WIDE * 1_000, name=WIDE * 200, comment=WIDE * 2_000
        )
        await do(engine, proposal, SYSTEM)
    async with engine.store.unit() as unit:
        await unit.save_event(event)
    return event.uid


async def fail_all(engine: Engine) -> None:
    """Each message of the ledger is refused at great length, after it was put off before."""
    for state in (MessageState.DEFERRED, MessageState.DEFERRED, MessageState.FAILED):
        while claims := await engine.store.claim_messages("test", 1_000, engine.clock, 20):
            answers = [
                SendResult(
                    message_id=c.message.id,
                    state=state,
                    code="rejected_by_server",
                    text=WIDE * 2_000,
                    due=engine.clock(),
                )
                for c in claims
            ]
            await engine.store.write_answers("test", answers, engine.clock())
            if state is MessageState.DEFERRED:
                break


async def quarantined(engine: Engine, n: int) -> str:
    """So many long mails wait; returns the id of one."""
    # Written here: a mail that folds it itself takes long.
    subject = f"Subject: {Header(WIDE * 900, 'utf-8').encode()}\n".encode()
    async with inbox_of(engine) as inbox:
        for i in range(n):
            sender = f"{i}{LONG_ADDRESS}"
            event = mails.vevent("u1", organizer=sender, description=WIDE * 5_000)
            raw = mails.request(event, sender=sender, proven=False, subject="x").as_bytes()
            await inbox.take(raw.replace(b"Subject: x\n", subject), (OwnMailbox(name="create"),))
    return (await Quarantine(engine).page()).mails[0].id


def season(folder: Path) -> str:
    """A calendar file of which no event can be taken over."""
    broken = "\r\n".join(
        f"BEGIN:VEVENT\r\nUID:{WIDE * 240}{n}\r\nDTSTAMP:20270201T120000Z\r\nSUMMARY:{WIDE * 400}\r\n"
        f"DTSTART:20270502T1900\r\nRRULE:FREQ={WIDE * 100}\r\nEND:VEVENT"
        for n in range(30)
    )
    path = folder / "season.ics"
    text = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{broken}\r\nEND:VCALENDAR\r\n"
    path.write_text(text, encoding="utf-8")
    return str(path)


async def messages(engine: Engine, n: int) -> None:
    """So many people wrote at length to the agent."""
    async with engine.store.unit() as unit:
        for i in range(n):
            message = InboxMessage(
                id=f"message{i:03}",
                organizer=engine.local.address,
                at=engine.clock(),
                kind="mail",
                sender=f"{i:03}{LONG_ADDRESS}",
                name=WIDE * 200,
                subject=WIDE * 500,
                text=WIDE * 15_000,
                proof="example.com",
            )
            await unit.save_inbox_message(message)


async def calls(engine: Engine, folder: Path) -> list[tuple[str, dict[str, Any]]]:
    """A call of every tool that has the most to tell, those that change something last."""
    for n in range(99):
        await do(engine, CreatePage(**_page(n)))
    uid = await fill(engine)
    mail = await quarantined(engine, 15)
    await messages(engine, 101)
    for n in range(100):
        await do(engine, CreateKey(name=WIDE * 200, address=f"{n}{LONG_ADDRESS}"))
    keys = await engine.keys()
    held = await waiting(engine, uid, description=WIDE * 19_998, summary=WIDE * 400)
    webhook = await _webhooks(engine)
    await _links_and_triggers(engine, uid, keys[0].id)
    person = f"000{LONG_ADDRESS}"
    many = [f"{n:040}" for n in range(50)]
    return [
        ("get_event", {"uid": uid}),
        ("search_events", {"limit": 100}),
        ("get_campaign", {"limit": 100}),
        ("get_campaign", {"campaign_id": "big", "limit": 100}),
        ("get_stats", {"scope": "event", "key": uid}),
        ("list_attendees", {"uid": uid, "masked": False, "limit": 100}),
        ("get_attendee", {"uid": uid, "email": person, "limit": 100}),
        ("list_changes", {"limit": 100, "masked": False}),
        ("list_quarantine", {"limit": 50}),
        ("show_quarantined", {"id": mail}),
        ("list_keys", {"limit": 100}),
        ("list_record", {"limit": 100}),
        ("list_messages", {"limit": 100}),
        ("explain_refusal", {}),
        ("read_message", {"id": "message050"}),
        ("reply_message", {"id": "message050", "text": WIDE * 5_000}),
        ("suppress", {"addresses": [f"{n:03}{LONG_ADDRESS}" for n in range(100)]}),
        ("list_suppressions", {"limit": 200}),
        ("list_organizers", {"limit": 200}),
        ("unsuppress", {"addresses": [f"{n:03}{LONG_ADDRESS}" for n in range(100)]}),
        ("get_held_action", {"id": held}),
        ("check_server", {}),
        ("get_settings", {}),
        ("send_report", {"uid": uid}),
        ("preview_invite", {"uid": uid, "email": person}),
        ("send_invite", {"uids": many, "email": f"new{LONG_ADDRESS}", "wait_s": 0}),
        ("bulk_send", {"uid": uid, "recipients": [{"email": WIDE * 1_000, "name": WIDE * 1_000}] * 200}),
        ("control_campaign", {"campaign_id": "big", "action": "cancel"}),
        ("create_event", {"summary": WIDE * 500, "description": WIDE * 20_000, "location": WIDE * 1_000}),
        ("update_event", {"uid": uid, "description": WIDE * 19_999, "audience": "none"}),
        ("answer_proposal", {"uid": uid, "email": person, "answer": "decline"}),
        ("remind", {"uid": uid, "who": ["noaction", "accepted", "tentative"]}),
        ("withdraw_invite", {"uid": uid, "email": f"002{LONG_ADDRESS}"}),
        (
            "answer_proposal",
            {"uid": uid, "email": f"001{LONG_ADDRESS}", "answer": "accept", "audience": "none"},
        ),
        ("import_calendar", {"path": season(folder), "dry_run": True}),
        ("create_page", _page(99)),
        ("publish_events", {"on": True}),
        ("update_page", {"slug": "page-99", "title": WIDE * 119}),
        ("list_pages", {"limit": 100}),
        ("create_link", _link(0, uid)),
        ("set_landing_hosts", {"hosts": [f"{n}.{'x' * 60}.example" for n in range(50)]}),
        ("update_link", {"link": "nothing", "name": WIDE * 100}),
        ("list_links", {"limit": 100}),
        ("create_trigger", {"name": f"{0:040}", "sender": "bearer", "rules": RULES, "key": keys[0].id}),
        ("create_webhook", {"url": f"https://127.0.0.1/{0:01900}"}),
        ("list_postings", {"webhook_id": webhook, "limit": 100}),
        ("replay_posting", {"webhook_id": webhook, "posting_id": "x" * 100}),
        ("list_webhooks", {"limit": 100}),
        ("list_triggers", {"limit": 100}),
        ("test_trigger", {"name": f"{0:040}", "body": _deal()}),
        ("list_deliveries", {"name": f"{0:040}", "limit": 100}),
        ("make_trigger_live", {"name": f"{0:040}"}),
        ("fire_trigger", {"name": f"{0:040}", "payload": _deal()}),
        ("replay_delivery", {"name": f"{0:040}", "delivery_id": "x" * 100}),
        ("control_webhook", {"webhook_id": webhook, "action": "rotate"}),
        ("release_quarantined", {"id": mail}),
        ("drop_quarantined", {"id": mail}),
        ("register_organizer", {"address": LONG_ADDRESS}),
        ("export_person", {"address": person}),
        ("suspend_organizer", {"address": LONG_ADDRESS}),
        ("resume_organizer", {"address": LONG_ADDRESS}),
        ("undo", {"id": WIDE * 40}),
        ("decide_held_action", {"id": held, "decision": "refuse", "why": WIDE * 500}),
        ("create_key", {"name": WIDE * 200}),
        ("stop_sending", {"organizer": LONG_ADDRESS}),
        (
            "set_organizer",
            {"address": LONG_ADDRESS, "name": WIDE * 200, "add_addresses": [f"c{LONG_ADDRESS}"]},
        ),
        ("set_organizer_approval", {"address": LONG_ADDRESS, "on": True, "approver": f"b{LONG_ADDRESS}"}),
        ("revoke_key", {"key_id": keys[0].id}),
        ("forget_person", {"address": person}),
        ("cancel_event", {"uid": uid, "note": WIDE * 1_000, "audience": "none"}),
    ]


async def _webhooks(engine: Engine) -> str:
    """As many as there may be, one of them with postings of the longest words."""
    made = [
        await do(engine, CreateWebhook(url=f"https://a.b/{n:01900}", kinds=frozenset())) for n in range(20)
    ]
    name = made[0].webhook.id
    async with engine.store.unit() as unit:
        known = {
            "webhook_id": name,
            "kind": WebhookKind.RECEIPT,
            "created": engine.clock(),
            "detail": WIDE * 200,
        }
        postings = [Posting(id=f"{n:040}", lane=str(n), **known) for n in range(100)]
        await unit.add_postings([Outgoing(posting=one, body="") for one in postings])
    return name


async def _links_and_triggers(engine: Engine, uid: str, key: str) -> None:
    """More than a list of them shows; all triggers have the rules that are read once."""
    rules, proof = rules_of(RULES), Proof(sender=Sender.BEARER)
    for n in range(1, 60):
        await do(engine, CreateLink(**_link(n, uid)))
        await do(engine, CreateTrigger(name=f"{n:040}", proof=proof, rules=rules, key=key))


def _deal() -> dict[str, object]:
    people = [{"email": f"{n:03}{LONG_ADDRESS}"} for n in range(200)]
    return deal(people=people, title=WIDE * 2_000, note=WIDE * 2_000)


def _page(n: int) -> dict[str, Any]:
    texts = {"intro": WIDE * 2_000, "closing": WIDE * 2_000, "consent": WIDE * 500, "query": WIDE * 300}
    return {"title": WIDE * 120, "slug": f"page-{n}", **texts}


def _link(n: int, uid: str) -> dict[str, Any]:
    return {"name": f"{n}{WIDE * 98}", "events": [uid], "vendor": "braze", "button": WIDE * 40}


async def test_no_tool_ever_answers_with_more_than_a_client_takes(engine: Engine, tmp_path: Path) -> None:
    asked = await calls(engine, tmp_path)
    assert {tool for tool, _ in asked} == set(EVERY), "every tool must be tried here"
    async with calling(engine, selection=EVERYTHING) as caller:
        for tool, arguments in asked:
            if tool == "create_event":
                arguments |= {"start": "2027-05-02T19:00:00", "duration": "PT2H", "timezone": "Europe/Paris"}
            result = await caller.call(tool, **arguments)
            assert bytes_of(result) <= BYTES_MAX, (tool, bytes_of(result))


async def test_a_list_that_was_made_shorter_says_so_and_its_pages_hold_everything(engine: Engine) -> None:
    uid = await fill(engine)
    async with calling(engine, selection=EVERYTHING) as caller:
        for tool, (items, cursor, more) in LISTS.items():
            arguments = {**more, "limit": 100}
            if "uid" in EVERY[tool].arguments.model_fields:
                arguments["uid"] = uid
            if tool == "list_changes":
                arguments["since"] = "WzBd"
            seen: list[str] = []
            pages = 0
            while True:
                data = await caller.ok(tool, **arguments)
                seen += [json.dumps(one, sort_keys=True) for one in data[items]]
                pages += 1
                arguments["since" if tool == "list_changes" else "cursor"] = data[cursor]
                if not (data["more"] if tool == "list_changes" else data[cursor]):
                    break
            assert len(seen) == len(set(seen)) or tool == "list_changes", tool
            assert len(seen) >= 100, tool
            assert pages > 1, tool


class _Items(Result):
    items: list[str]
    next_cursor: int | None


@given(st.lists(st.integers(0, BYTES_MAX // 3), max_size=60), st.integers(1, 100))
async def test_whatever_the_items_the_pages_join_and_each_fits(sizes: list[int], limit: int) -> None:
    every = [f"{n}:{'x' * size}" for n, size in enumerate(sizes)]
    seen: list[str] = []
    place: int | None = 0
    while place is not None:
        start = place

        async def page(shown: int, start: int = start) -> Reply:
            found = every[start : start + shown]
            following = start + shown if start + shown < len(every) else None
            return Reply("\n".join(found), _Items(items=found, next_cursor=following))

        reply = await fitted(limit, page)
        assert isinstance(reply.data, _Items)
        assert size_of(reply) <= BYTES_MAX
        seen += reply.data.items
        place = reply.data.next_cursor
    assert seen == every


async def test_what_is_cut_of_an_event_is_said(engine: Engine) -> None:
    uid = "e" * 40
    async with engine.store.unit() as unit:
        await unit.ensure_organizer(ORGANIZER, "", START)
        await unit.add_event(large_event(uid))
    async with calling(engine) as caller:
        event = (await caller.ok("get_event", uid=uid))["event"]
        small = (await caller.ok("get_event", uid=(await created(engine)).uid))["event"]
    assert event["cut"] == ["description", "cancelled_dates", "changed_dates", "changed_to"]
    assert len(event["cancelled_dates"]) == 100
    assert small["cut"] == []
