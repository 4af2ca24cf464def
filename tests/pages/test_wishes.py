"""What users of other tools asked for, of what no other test shows; docs/wishes.md lists all of it."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
from starlette.applications import Starlette

from cis_mcp.pages import links
from cis_mcp.pages import published as pages
from engine.commands.events.timing import Timing
from engine.commands.invites.invites import SendInvite
from engine.engine import Engine
from engine.refusals import Code
from tests.pages.visitor import Seen, Visitor, games, published, season
from tests.support.engines import created, deliver, invite, why_not
from tests.support.leaving import left

ROOT = Path(__file__).parents[2]
PUBLIC = "https://cis.example.com"


def test_each_wish_has_a_test_that_exists_or_a_decision() -> None:
    rows = re.findall(
        r"^\| (\d+) \|.*\| (.*) \|$", (ROOT / "docs/wishes.md").read_text(encoding="utf-8"), re.M
    )
    assert [int(number) for number, _ in rows] == list(range(1, 32))
    decisions = (ROOT / "docs/decisions.md").read_text(encoding="utf-8")
    for number, shown in rows:
        if found := re.fullmatch(r"`([\w/]+\.py)::(test_\w+)`", shown):
            assert f"def {found[2]}(" in (ROOT / "tests" / found[1]).read_text(encoding="utf-8"), number
        else:
            decided = re.fullmatch(r"no: decision (\d+)", shown)
            assert decided, number
            assert f"\n## {decided[1]}. " in decisions, number


async def test_a_victim_gets_one_mail_that_asks_however_often_a_program_asks(
    engine: Engine, visitor: Visitor
) -> None:
    await games(engine, 1)
    await published(engine)
    keys = (await visitor.see("/s/season")).keys
    for n in range(40):
        email = f"ann{f'+{n % 3}' if n % 3 else ''}@example.com"
        assert (await visitor.send("/s/season", keys, email, by_person=False)).status == 200
    assert len(await deliver(engine)) == 3, (
        "one for each way to write the address, within the twenty of a person"
    )


async def test_an_event_late_in_the_evening_stands_under_the_day_of_its_place(
    engine: Engine, visitor: Visitor
) -> None:
    late = Timing(start="2027-05-01T23:30", duration="PT3H", timezone="America/Los_Angeles")
    await created(engine, summary="Late", when=late)
    await published(engine)
    text = (await visitor.see("/s/season")).text
    assert "Saturday, 1 May 2027" in text
    assert "2 May" not in text


async def test_the_whole_season_stands_in_one_page(engine: Engine, visitor: Visitor) -> None:
    await season(engine, 400)
    await published(engine)
    assert len((await visitor.see("/s/season?all=1")).keys) == 400


async def test_a_page_has_headings_names_for_its_fields_and_tells_what_changes(
    engine: Engine, visitor: Visitor
) -> None:
    await games(engine, 8)
    await published(engine)
    html = (await visitor.see("/s/season")).answer.text
    assert html.count("<h1>") == 1
    assert len(re.findall(r"<fieldset[^>]*><legend><h2>", html)) == 8
    for field in re.findall(r"<(?:input|select)(?![^>]*type=\"hidden\")[^>]*>", html):
        before = html[: html.index(field)]
        assert before.rindex("<label") > before.rfind("</label>"), field
    assert html.count('role="status"') >= 2
    assert "required" in re.findall(r'<input type="email"[^>]*>', html)[0]


async def test_a_filter_that_opens_every_link_in_the_mails_of_a_staff_changes_nothing(engine: Engine) -> None:
    """Mail filters open what stands in a mail, and what the page behind it links to, with GET and with HEAD."""
    event = await created(engine)
    await published(engine)
    staff = [f"clerk{n}@customer.com" for n in range(6)]
    tokens = [(await invite(engine, event, email)).attendee.token for email in staff]
    other = await created(engine, summary="Other")
    app = Starlette(routes=[*pages.routes(engine), *links.routes(engine)])
    opened = 0
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=PUBLIC) as web:
        for mail, token in zip(await left(engine), tokens, strict=True):
            in_mail = set(re.findall(rf"{PUBLIC}(/[\w/.-]+)", mail.text + mail.html))
            for path in {*in_mail, f"/unsubscribe/{token}", f"/e/{event.id}"}:
                assert (await web.head(path)).status_code == 200
                for further in Seen(await web.get(path)).page.links:
                    opened += (await web.get(further)).status_code == 200
        assert opened > len(staff)
        invited = [await why_not(engine, SendInvite(uid=other.uid, email=email)) for email in staff[:5]]
        assert invited == [None] * 5
        assert (await web.post(f"/unsubscribe/{tokens[5]}")).status_code == 200
    assert await why_not(engine, SendInvite(uid=other.uid, email=staff[5])) is Code.ATTENDEE_BLOCKED
