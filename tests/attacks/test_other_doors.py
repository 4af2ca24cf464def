"""A key tries doors beside invites: mail that it may read, pages, answers, other keys, lists that bounds name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cis_mcp.views.keys import read_bounds
from engine.commands.agents.keys import ChangeKey, RotateKey
from engine.commands.agents.lists import SetAddressList
from engine.commands.approvals.deciding import Decide
from engine.commands.approvals.policies import refuse_unasked
from engine.commands.base import Command
from engine.commands.campaigns.campaigns import CampaignAction, ControlCampaign, DraftCampaign
from engine.commands.campaigns.validation import ListRow
from engine.commands.invites.invites import SendInvite
from engine.commands.pages.branding import SetBranding
from engine.commands.pages.landing_hosts import SettleLandingHosts
from engine.commands.pages.links import CreateLink, UpdateLink
from engine.commands.pages.pages import CreatePage, UpdatePage
from engine.commands.tables import batchrows
from engine.commands.tables.batch import Batch, RequestOutcome
from engine.commands.tables.batchrows import RowStep
from engine.engine import Engine
from engine.imports.feeds import ImportOptions, import_file
from engine.imports.imported import Imported
from engine.model.actors import Actor
from engine.model.branding import MailText
from engine.model.held import Channel, HoldReason
from engine.model.keys import Key
from engine.model.queries import EventQuery
from engine.refusals import Code, Refused
from tests.bounds.making import made, narrowed
from tests.support import mails
from tests.support.approvals import held_in
from tests.support.calendars import FIRST, calendar, game
from tests.support.clock import Clock
from tests.support.engines import created, deliver, do, engine_in, jobs_done, refusal
from tests.support.inboxes import receiving
from tests.support.mails import OPERATOR_SERVER
from tests.tools.caller import calling, text_of

AGENT, BOSS = "agent@cis.test", "boss@example.org"
CODE = "abcdefghij0123456789abcdef"
_FORWARDED = [
    f"https://cis.test/signin/{CODE}",
    f"https://cis.test/approve/{CODE}",
    f"https://cis.test/confirm/send/{CODE}",
    f"cis.test/approve/{CODE}",
    f"https://cis.test/approve/\n> {CODE}",
    f"https://filter.example/?url=https%3A%2F%2Fcis.test%2Fsignin%2F{CODE}&data=1",
    f"confirm+{CODE}@cis.test",
]


@pytest.mark.parametrize("link", _FORWARDED)
@pytest.mark.parametrize("proven", [True, False])
async def test_a_forwarded_link_that_decides_is_read_by_no_key(
    tmp_path: Path, link: str, proven: bool
) -> None:
    async with (
        engine_in(tmp_path, Clock(), authserv_ids=OPERATOR_SERVER, message_answer="We read it.") as engine,
        receiving(engine) as post,
    ):
        await post(
            mails.mail(
                BOSS,
                AGENT,
                subject=f"Fwd: {link.split(maxsplit=1)[0]}",
                text=f"See below.\n{link}",
                proven=proven,
            ),
            AGENT,
        )
        async with calling(engine, tier="extended") as caller:
            listed = await caller.call("list_messages")
            (one,) = (await caller.ok("list_messages"))["messages"]
            read = await caller.call("read_message", id=one["id"])
        for answer in (listed, read):
            assert CODE not in text_of(answer) + str(answer.structured_content)


async def test_a_mail_set_aside_shows_no_code(tmp_path: Path) -> None:
    async with (
        engine_in(tmp_path, Clock(), authserv_ids=OPERATOR_SERVER) as engine,
        receiving(engine) as post,
    ):
        link = f"https://cis.test/approve/{CODE}"
        await post(mails.mail(BOSS, "create@cis.test", subject=f"Fwd: {link}", text=link, proven=False))
        async with calling(engine, tier="operator") as caller:
            (held,) = (await caller.ok("list_quarantine"))["mails"]
            shown = await caller.call("show_quarantined", id=held["id"])
        assert CODE not in str(held) + text_of(shown) + str(shown.structured_content)


@pytest.mark.parametrize("field", ["title", "intro", "closing", "consent"])
async def test_no_text_of_a_page_links_outside(engine: Engine, field: str) -> None:
    key = await made(engine, verbs="publish", links=["customer.com"])
    async with calling(engine, actor=key.actor, tier="extended") as caller:
        await caller.ok("create_page", title="Season", slug="season", intro="See https://customer.com/a")
        outside = {"title": "Other", field: "https://evil.com/?d=1"}
        assert await caller.code("create_page", **outside) == "out_of_bounds"
        assert await caller.code("update_page", slug="season", **{field: "evil.com"}) == "out_of_bounds"
        assert len((await caller.ok("list_pages"))["pages"]) == 1


async def test_no_button_of_a_newsletter_leads_outside(tmp_path: Path) -> None:
    async with engine_in(tmp_path, Clock(), landing_hosts="*.com") as engine:
        key = await made(engine, verbs=["create", "publish"], links=["customer.com"])
        event = await created(engine, actor=key.actor)
        async with calling(engine, actor=key.actor, tier="extended") as caller:
            given = {"name": "May", "events": [event.id], "vendor": "own"}
            link = await caller.ok("create_link", **given, landing="https://customer.com/a")
            for outside in ({"landing": "https://evil.com/"}, {"button": "evil.com"}):
                assert await caller.code("create_link", **{**given, **outside}) == "out_of_bounds"
                code = await caller.code("update_link", link=link["link"]["id"], **outside)
                assert code == "out_of_bounds"


async def test_an_answer_with_a_link_does_not_leave_where_links_wait_for_a_yes(tmp_path: Path) -> None:
    async with (
        engine_in(tmp_path, Clock(), authserv_ids=OPERATOR_SERVER) as engine,
        receiving(engine) as post,
    ):
        key = await made(engine, address=AGENT, verbs="reply", approval=["links"])
        await post(mails.mail("ann@example.com", AGENT, subject="A question", text="When?"), AGENT)
        async with calling(engine, actor=key.actor, tier="extended") as caller:
            (one,) = (await caller.ok("list_messages"))["messages"]
            said = {"id": one["id"], "text": "See https://example.net/now"}
            assert (await caller.ok("reply_message", **said))["held"]["sent"] is False
            await caller.ok("reply_message", id=one["id"], text="At nine.")


async def _bound_of(engine: Engine, command: Command[Any], actor: Actor) -> str:
    with pytest.raises(Refused) as refused:
        await engine.apply(command, actor)
    return refused.value.bound


async def test_no_text_of_branding_and_no_page_brings_in_a_link_that_needs_a_yes(tmp_path: Path) -> None:
    async with engine_in(tmp_path, Clock(), landing_hosts="evil.com") as engine:
        key = await made(engine, address=AGENT, verbs="create,send,publish", approval=["links"])
        event = await created(engine, organizer=AGENT)
        link = {"name": "May", "events": (event.uid,), "vendor": "own"}
        page = (await do(engine, CreatePage(title="Season"), key.actor)).page
        button = (await do(engine, CreateLink(**link), key.actor)).link
        evil = "See https://evil.com/pay"
        for command in (
            SetBranding(scope=AGENT, footer=evil),
            SetBranding(scope=AGENT, title="evil.com"),
            SetBranding(scope=AGENT, texts={MailText.INVITE: evil}),
            SetBranding(scope=AGENT, texts={MailText.INVITE: evil}, language="de"),
            CreatePage(title="Other", intro=evil),
            UpdatePage(slug=page.slug, closing=evil),
            CreateLink(**link, button="evil.com"),
            UpdateLink(link=button.id, landing="https://evil.com/"),
            SettleLandingHosts(hosts=("evil.com",)),
        ):
            assert await _bound_of(engine, command, key.actor) == "approval", command
        # What its owner has set stays, whatever else the key changes.
        await do(engine, SetBranding(scope=AGENT, footer="Ours: customer.com"))
        await do(engine, SetBranding(scope=AGENT, title="Season"), key.actor)
        await do(engine, SendInvite(uid=event.uid, email="ann@example.com"), key.actor)
        (left,) = await deliver(engine)
        assert left.email == "ann@example.com"


async def test_a_link_to_a_host_that_the_key_names_needs_no_yes_in_branding(engine: Engine) -> None:
    key = await made(engine, address=AGENT, verbs="publish", approval=["links"], links=["customer.com"])
    done = await do(engine, SetBranding(scope=AGENT, footer="See customer.com"), key.actor)
    assert done.branding.footer == "See customer.com"


async def test_a_key_that_only_observes_is_told_which_link_would_have_needed_a_yes(engine: Engine) -> None:
    key = await made(engine, address=AGENT, verbs="publish", approval=["links"], mode="observe")
    await do(engine, SetBranding(scope=AGENT, footer="See evil.com"), key.actor)
    row = json.loads((await engine.record(engine.local, 1))[0].body)
    assert row["observed"] == ["approval:links"]


async def test_a_link_of_an_imported_calendar_is_left_out_where_links_wait_for_a_yes(engine: Engine) -> None:
    key = await made(engine, address=AGENT, approval=["links"])
    await import_file(engine, key.actor, calendar([game("one")]), "season.ics", ImportOptions())
    (event,) = (await engine.store.search(EventQuery(organizer=AGENT, limit=10))).events
    await do(engine, SendInvite(uid=event.uid, email="ann@example.com"), key.actor)
    await deliver(engine)
    moved = game("one", "DESCRIPTION:See evil.com", start=FIRST.replace(day=5), stamp="20270202T120000Z")
    await import_file(engine, key.actor, calendar([moved]), "season.ics", ImportOptions())
    changed = await engine.event(event.uid, engine.local)
    assert (changed.span.start.day, changed.description) == (5, event.description)
    (held,) = await held_in(engine)
    assert held.reasons == (HoldReason.LINKS,)
    await do(engine, Decide(held_id=held.id, approve=True, channel=Channel.COMMAND_LINE))
    assert (await engine.event(event.uid, engine.local)).description == "See evil.com"


async def _imported(engine: Engine, key: Key, *entries: str) -> Imported:
    return await import_file(engine, key.actor, calendar(entries), "season.ics", ImportOptions())


@pytest.mark.parametrize(
    "changed",
    [
        game("one", start=FIRST.replace(day=5), stamp="20270202T120000Z"),
        game("one", "STATUS:CANCELLED", stamp="20270202T120000Z"),
    ],
)
async def test_what_a_calendar_changes_needs_the_yes_that_it_would_need_if_asked_by_itself(
    engine: Engine, changed: str
) -> None:
    key = await made(engine, address=AGENT)
    assert (await _imported(engine, key, game("one"))).new == 1
    (event,) = (await engine.store.search(EventQuery(organizer=AGENT, limit=10))).events
    await do(engine, SendInvite(uid=event.uid, email="ann@example.com"), key.actor)
    await deliver(engine)
    await narrowed(engine, key, approval=["changes"])
    assert (await _imported(engine, key, game("one"))).failed == 0
    done = await _imported(engine, key, changed, game("two"))
    assert (done.new, done.changed, done.cancelled, done.failed) == (1, 0, 0, 1)
    (problem,) = done.problems
    assert (problem.code, "changes" in problem.detail) == (Code.OUT_OF_BOUNDS, True)
    await jobs_done(engine)
    assert await deliver(engine) == []
    assert await engine.event(event.uid, engine.local) == event
    await narrowed(engine, key, approval=[])
    assert (await _imported(engine, key, changed, game("two"))).failed == 0


async def test_a_row_of_a_table_makes_its_event_and_invites_nobody_without_the_yes_that_needs(
    engine: Engine,
) -> None:
    await made(engine, address=AGENT, approval=["new-domain", "links"])
    rows = batchrows.read(
        "action,key,summary,description,date,start,end,timezone,email\n"
        "CREATE,1,Gala,Plain,2027-05-02,19:00,20:00,UTC,ann@new.example\n"
        "CREATE,2,Ball,See evil.com,2027-05-03,19:00,20:00,UTC,\n"
    ).rows
    steps = tuple(RowStep(row=row, name=str(row.row)) for row in rows)
    organizer = Actor(kind="organizer", address=AGENT)
    first, second = (await do(engine, Batch(steps=steps, judge=refuse_unasked), organizer)).outcomes
    assert (first.became, first.code, first.notified) == (RequestOutcome.CREATED, Code.OUT_OF_BOUNDS, 0)
    assert (second.became, second.code) == (RequestOutcome.FAILED, Code.OUT_OF_BOUNDS)
    assert await deliver(engine) == []


async def test_a_key_that_may_administer_widens_no_key_takes_over_none_and_fills_no_list(
    engine: Engine,
) -> None:
    own = await made(engine, verbs="send,admin", to=["@clients"], day=5)
    other = await made(engine, verbs="approve")
    await do(engine, SetAddressList(name="clients", patterns=("*@customer.com",)))
    for key in (own, other):
        wider = ChangeKey(key_id=key.id, bounds=read_bounds({"verbs": "send,approve,admin", "day": 0}))
        assert await refusal(engine, wider, own.actor) is Code.NOT_ALLOWED
        assert await refusal(engine, RotateKey(key_id=key.id), own.actor) is Code.NOT_ALLOWED
    more = SetAddressList(name="clients", patterns=("*@evil.com",))
    assert await refusal(engine, more, own.actor) is Code.NOT_ALLOWED


async def test_a_list_that_another_key_drafted_leaves_within_the_bounds_of_both(engine: Engine) -> None:
    one = await made(engine, to=["*@customer.com", "*@partner.com"])
    other = await made(engine, to=["*@customer.com", "*@evil.com"])
    event = await created(engine, actor=one.actor)
    rows = [ListRow(email="ann@customer.com"), ListRow(email="bob@partner.com")]
    draft = await do(engine, DraftCampaign(uid=event.uid, recipients=rows), one.actor)
    start = ControlCampaign(
        campaign_id=draft.campaign.id, action=CampaignAction.START, confirm_token=draft.confirm_token
    )
    await do(engine, start, other.actor)
    assert [m.email for m in await deliver(engine) if m.kind.calendar] == ["ann@customer.com"]
