"""What the operator settles for an organizer: further addresses, name, zone, the right to send to lists."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from cis_mcp.cli.main import cli
from engine.commands.agents.keys import CreateKey
from engine.commands.operators.organizers import SettleOrganizer
from engine.model.queries import EventQuery
from engine.refusals import Code
from tests.support import mails
from tests.support.engines import created, deliver, do, invite, refusal
from tests.support.inboxes import Post
from tests.tools.caller import agent, calling

OLGA, HOME = "olga@cis.test", "olga@home.example"
ADMIN = agent("ops@example.com", frozenset({"read", "admin"}))


async def titles(post: Post, organizer: str = OLGA) -> list[str]:
    page = await post.engine.store.search(EventQuery(organizer=organizer, limit=100))
    return [event.summary for event in page.events]


async def test_mail_from_a_further_address_is_the_organizers(post: Post) -> None:
    await do(post.engine, SettleOrganizer(address=OLGA, add=(HOME,)))
    await post(mails.request(mails.vevent("one", summary="From the office")))
    made = await post(mails.request(mails.vevent("two", summary="From home", organizer=HOME), sender=HOME))
    assert made.action == "created"
    moved = mails.vevent("one", summary="Moved from home", organizer=HOME, sequence=1)
    assert (await post(mails.request(moved, sender=HOME))).action == "updated"
    assert sorted(await titles(post)) == ["From home", "Moved from home"]
    assert {message.email for message in await deliver(post.engine)} == {OLGA}


async def test_an_unproven_mail_from_a_further_address_changes_nothing(post: Post) -> None:
    await do(post.engine, SettleOrganizer(address=OLGA, add=(HOME,)))
    forged = mails.request(mails.vevent("two", organizer=HOME), sender=HOME, proven=False)
    assert (await post(forged)).action == "quarantined"
    assert await titles(post) == []


async def test_an_address_that_is_taken_off_is_a_strangers_again(post: Post) -> None:
    await do(post.engine, SettleOrganizer(address=OLGA, add=(HOME,)))
    await do(post.engine, SettleOrganizer(address=OLGA, remove=(HOME,)))
    intake = await post(mails.request(mails.vevent("two", organizer=HOME), sender=HOME))
    assert (intake.action, intake.code) == ("quarantined", "organizer_not_allowed")


async def test_an_address_of_another_organizer_or_of_a_key_cannot_be_added(post: Post) -> None:
    engine = post.engine
    await created(engine, organizer="oscar@cis.test")
    await do(engine, CreateKey(name="k", address="bot@home.example"))
    await do(engine, SettleOrganizer(address="oscar@cis.test", add=(HOME,)))
    for taken in ("oscar@cis.test", "bot@home.example", HOME, OLGA, "create@cis.test"):
        assert await refusal(engine, SettleOrganizer(address=OLGA, add=(taken,))) is Code.INVALID_ARGUMENT
    assert await refusal(engine, SettleOrganizer(address=HOME, name="Olga")) is Code.INVALID_ARGUMENT
    assert (
        await refusal(engine, SettleOrganizer(address=OLGA, timezone="Nowhere/City")) is Code.UNKNOWN_TIMEZONE
    )
    assert await refusal(engine, SettleOrganizer(address=OLGA), agent(OLGA)) is Code.NOT_ALLOWED


async def test_an_organizer_without_the_right_to_lists_sends_none_by_tool_or_mail(post: Post) -> None:
    engine = post.engine
    event = await created(engine, organizer=OLGA)
    async with calling(engine, actor=ADMIN, tier="operator") as operator:
        data = await operator.ok("set_organizer", address=OLGA, lists=False)
        assert data["lists"] is False
        assert (await operator.ok("set_organizer", address=OLGA, drafts=True))["drafts"] is True
        assert (await operator.ok("set_organizer", address=OLGA))["drafts"] is True
    async with calling(engine) as caller:
        assert await caller.code("bulk_send", uid=event.uid, csv="email\nann@example.com\n") == "not_allowed"
        sent = await caller.ok("send_invite", uid=event.uid, email="ann@example.com", wait_s=0)
        assert sent["status"] == "queued"
    mail = mails.mail(OLGA, "bulk@cis.test", subject="List")
    mail.add_attachment(f"uid,email\n{event.uid},bob@example.com\n", subtype="csv", filename="list.csv")
    await post(mail)
    left = await deliver(engine)
    assert {message.email for message in left if message.method} == {"ann@example.com"}
    (told,) = [message.notice for message in left if message.notice]
    assert "This organizer may not send to lists." in told.text


async def test_the_name_that_the_operator_gave_is_the_senders_and_no_event_changes_it(post: Post) -> None:
    engine = post.engine
    await do(engine, SettleOrganizer(address=OLGA, name="Olga of the Owls"))
    await created(engine, organizer=OLGA, organizer_name="Somebody")
    event = await created(engine, organizer=OLGA)
    await invite(engine, event, "ann@example.com")
    profile = await engine.store.organizer_profile(OLGA)
    assert profile is not None
    assert profile.name == "Olga of the Owls"


@pytest.mark.parametrize(("cell", "utc"), [("19:00", 17), ("19:00+09:00", 10)])
async def test_a_row_without_a_zone_is_on_the_organizers_clock(post: Post, cell: str, utc: int) -> None:
    await do(post.engine, SettleOrganizer(address=OLGA, timezone="Europe/Paris"))
    table = f"action,key,summary,date,start,duration\nCREATE,g,Game,2027-05-02,{cell},2h\n"
    if "+" in cell:
        table = f"action,key,summary,start,duration\nCREATE,g,Game,2027-05-02T{cell},2h\n"
    mail = mails.mail(OLGA, "create@cis.test", subject="Season")
    mail.add_attachment(table, subtype="csv", filename="season.csv")
    await post(mail)
    (event,) = (await post.engine.store.search(EventQuery(organizer=OLGA))).events
    assert event.span.start_utc.hour == utc


def test_the_command_line_sets_and_shows_an_organizer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIS_DATA_DIR", str(tmp_path))
    options = ["--timezone", "Europe/Paris", "--no-lists", "--add", HOME]
    done = CliRunner().invoke(cli, ["organizer", "set", OLGA, *options])
    assert done.exit_code == 0, done.output
    shown = CliRunner().invoke(cli, ["organizer", "set", OLGA]).output
    assert shown == f"{OLGA}: zone Europe/Paris; may not send to lists; also writes from {HOME}.\n"
