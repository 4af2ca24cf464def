"""A list at the console: given in any way, judged row by row, looked at, sent by Yes, paused and cancelled."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.commands.campaigns.campaigns import CampaignAction, ControlCampaign
from engine.commands.events.events import UpdateEvent
from engine.engine import Engine
from engine.model.campaigns import CampaignState
from engine.model.events import Event
from engine.model.messages import MessageState
from engine.model.people import Origin
from tests.console.person import PUBLIC, SAME, Person, browser, operator, with_key
from tests.support.audiences import aws
from tests.support.clock import Clock
from tests.support.engines import claim, created, deliver, do, engine_in, jobs_done, settle
from tests.support.ses import ENVIRONMENT

CSV = b"email,name,seat\nann@example.com,Ann,1\nbob@example.com,Bob,2\nann@example.com,Again,3\nnobody,Wrong,4\n"


def spreadsheet(*rows: tuple[str, ...], doctype: str = "") -> bytes:
    """A file as spreadsheet programs write it: texts in a part of their own, cells named by column and row."""
    strings = sorted({cell for row in rows for cell in row})
    shared = "".join(f"<si><t>{cell}</t></si>" for cell in strings)
    cells = "".join(
        f'<row r="{n}">'
        + "".join(f'<c r="{chr(65 + i)}{n}" t="s"><v>{strings.index(c)}</v></c>' for i, c in enumerate(row))
        + "</row>"
        for n, row in enumerate(rows, 1)
    )
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("xl/sharedStrings.xml", f"{doctype}<sst {space}>{shared}</sst>")
        package.writestr(
            "xl/worksheets/sheet1.xml", f"<worksheet {space}><sheetData>{cells}</sheetData></worksheet>"
        )
    return buffer.getvalue()


async def _event(engine: Engine) -> Event:
    return await created(engine, summary="Gala", description="Dear {{name}}")


async def _judged(person: Person, event: Event, **fields: str) -> str:
    """The id of a draft of a pasted list."""
    await person.go(f"/console/events/{event.id}/list")
    seen = await person.press("Look at the list", **{"list": CSV.decode(), **fields})
    assert seen.status == 200
    return str(seen.answer.url.path.rpartition("/")[2])


async def test_every_row_is_judged_with_its_reason_and_nothing_leaves(engine: Engine, person: Person) -> None:
    event = await _event(engine)
    await person.go(f"/console/events/{event.id}/list")
    seen = await person.press("Look at the list", file=("guests.csv", CSV))
    assert "2 will be invited" in seen.text
    assert "3 a*******@example.com duplicate row" in seen.text
    assert "4 nobody invalid address" in seen.text
    assert await deliver(engine) == []


@pytest.mark.parametrize(
    "file",
    [
        ("guests.xlsx", spreadsheet(("email", "name"), ("ann@example.com", "Ann"), ("bob@example.com", "B"))),
        ("guests.txt", b"Ann <ann@example.com>\nBob <bob@example.com>\n"),
        ("guests.csv", "E-Mail;Näme\nann@example.com;Änn\nbob@example.com;B\n".encode("utf-16")),
    ],
)
async def test_a_list_is_read_from_a_spreadsheet_from_text_and_from_csv(
    engine: Engine, person: Person, file: tuple[str, bytes]
) -> None:
    event = await _event(engine)
    await person.go(f"/console/events/{event.id}/list")
    assert "2 will be invited" in (await person.press("Look at the list", file=file)).text


@pytest.mark.parametrize(
    "file",
    [
        ("empty.csv", b""),
        ("broken.xlsx", b"PK\x03\x04 and nothing"),
        ("none.xlsx", spreadsheet()[:-30]),
        ("entities.xlsx", spreadsheet(("email",), doctype='<!DOCTYPE s [<!ENTITY a "b">]>')),
        ("zeros.csv", b"email\n\0\0\0\0"),
    ],
)
async def test_what_is_no_list_is_refused_and_makes_no_draft(
    engine: Engine, person: Person, file: tuple[str, bytes]
) -> None:
    event = await _event(engine)
    await person.go(f"/console/events/{event.id}/list")
    seen = await person.press("Look at the list", file=file)
    assert seen.status == 400
    assert "Nothing was done" in seen.text
    assert await engine.newest_campaigns(engine.local, 10) == []


async def test_of_a_file_without_end_no_more_is_read_than_a_list_may_have(
    engine: Engine, person: Person
) -> None:
    event = await _event(engine)
    seen = await person.go(f"/console/events/{event.id}/list")
    token = seen.form("Look at the list").fields["token"]
    asked = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal asked
        yield f'--x\r\nContent-Disposition: form-data; name="token"\r\n\r\n{token}\r\n'.encode()
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
        for _ in range(64):
            asked += 1
            yield b"a" * 1_048_576

    answer = await person.web.post(
        seen.form("Look at the list").action,
        content=endless(),
        headers={**SAME, "Content-Type": "multipart/form-data; boundary=x"},
    )
    assert answer.status_code == 413
    assert "A file may have 16 MB." in answer.text
    assert asked <= 17
    assert await engine.newest_campaigns(engine.local, 10) == []


async def test_of_several_lists_in_one_form_none_is_passed_over(engine: Engine, person: Person) -> None:
    event = await _event(engine)
    pasted, source = {"list": CSV.decode()}, {"source": "s3://my-lists/spring.csv"}
    for file, fields in ((("a.csv", CSV), pasted), (("a.csv", CSV), source), (None, pasted | source)):
        await person.go(f"/console/events/{event.id}/list")
        seen = await person.press("Look at the list", file=file, **fields)
        assert "More than one list is given." in seen.text
    assert await engine.newest_campaigns(engine.local, 10) == []


async def test_columns_that_do_not_tell_are_chosen(engine: Engine, person: Person) -> None:
    event = await _event(engine)
    await person.go(f"/console/events/{event.id}/list")
    text = "who,where to,email\nAnn,ann@example.com,yes\nBob,bob@example.com,no\n"
    seen = await person.press("Look at the list", columns="yes", **{"list": text})
    assert "Which column is which?" in seen.text
    seen = await person.press("Look at the list", email="1", name="0")
    assert "2 will be invited" in seen.text
    seen = await person.press("Show its mail", row="2")
    assert "Dear Bob" in seen.text


async def test_a_column_that_is_not_there_is_refused(engine: Engine, person: Person) -> None:
    event = await _event(engine)
    await person.go(f"/console/events/{event.id}/list")
    await person.press("Look at the list", columns="yes", **{"list": CSV.decode()})
    assert (await person.press("Look at the list", email="7")).status == 400
    assert await engine.newest_campaigns(engine.local, 10) == []


async def test_the_mail_to_any_row_is_shown_and_why_a_row_gets_none(engine: Engine, person: Person) -> None:
    event = await _event(engine)
    campaign_id = await _judged(person, event)
    seen = await person.go(f"/console/lists/{campaign_id}/sample?row=2")
    assert "Dear Bob" in seen.text
    assert "bob@example.com" not in seen.text
    assert "duplicate row" in (await person.go(f"/console/lists/{campaign_id}/sample?row=3")).text
    for row in ("0", "5", "x", "9" * 30):
        assert (await person.go(f"/console/lists/{campaign_id}/sample?row={row}")).status == 400


async def test_a_list_leaves_by_the_word_yes_alone(engine: Engine, person: Person) -> None:
    event = await _event(engine)
    await _judged(person, event)
    assert (await person.press("Send to 2 people", yes="no")).status == 400
    assert await deliver(engine) == []
    (campaign,) = await engine.newest_campaigns(engine.local, 10)
    await person.go(f"/console/lists/{campaign.id}")
    assert "Started" in (await person.press("Send to 2 people", yes="Yes")).text
    assert {m.email for m in await deliver(engine)} == {"ann@example.com", "bob@example.com"}
    assert "2 sent" in (await person.go(f"/console/lists/{campaign.id}")).text
    _, counted = await engine.event_with_statistics(event.uid, engine.local)
    assert counted.origin == {Origin.VIP.value: 2}


async def test_a_list_is_taken_back_by_a_button_before_anybody_hears_of_it(
    tmp_path: Path, clock: Clock
) -> None:
    async with (
        engine_in(tmp_path, clock, public_url=PUBLIC, undo_campaign_s=60) as engine,
        browser(engine) as web,
    ):
        person = await operator(engine, web)
        await _judged(person, await _event(engine))
        assert "Started" in (await person.press("Send to 2 people", yes="Yes")).text
        assert "Undone" in (await person.press("Undo")).text
        clock.move(minutes=2)
        assert await deliver(engine) == []


async def test_the_numbers_of_a_list_move_while_it_goes_out(engine: Engine, person: Person) -> None:
    campaign_id = await _judged(person, await _event(engine))
    assert 'data-live="still"' in (await person.go(f"/console/lists/{campaign_id}")).answer.text
    seen = await person.press("Send to 2 people", yes="Yes")
    assert '<div data-live="moving" id="numbers">' in seen.answer.text
    assert "2 of 4 done" in seen.text, "those that are skipped are done"
    await deliver(engine)
    seen = await person.go(f"/console/lists/{campaign_id}")
    assert "4 of 4 done" in seen.text
    assert 'data-live="still"' in seen.answer.text


async def test_a_list_that_was_looked_at_before_the_event_changed_does_not_leave(
    engine: Engine, person: Person
) -> None:
    event = await _event(engine)
    campaign_id = await _judged(person, event)
    await do(engine, UpdateEvent(uid=event.uid, location="Hall 2"))
    seen = await person.press("Send to 2 people", yes="Yes")
    assert seen.status == 409
    assert "Upload the list again" in seen.text
    assert (await engine.campaign_alone(campaign_id, engine.local)).state is CampaignState.DRAFT
    assert await deliver(engine) == []


async def test_the_expected_time_is_told_before_and_while_it_runs(engine: Engine, person: Person) -> None:
    event = await _event(engine)
    await _judged(person, event, rate="0.1")
    assert person.seen
    assert "about 0:20" in person.seen.text
    seen = await person.press("Send to 2 people", yes="Yes")
    assert "2 of 4 done, about 0:20 left" in seen.text


async def test_the_time_that_is_left_follows_what_leaves_and_begins_anew_when_a_list_goes_on(
    engine: Engine, person: Person, clock: Clock
) -> None:
    event = await _event(engine)
    rows = "email,name\n" + "".join(f"p{n}@example.com,P\n" for n in range(10)) + "nobody,N\n"
    await person.go(f"/console/events/{event.id}/list")
    seen = await person.press("Look at the list", list=rows)
    path = str(seen.answer.url.path)
    seen = await person.press("Send to 10 people", yes="Yes")
    assert "1 of 11 done" in seen.text and "about" not in seen.text, "no rate is set, and nothing has left"
    await jobs_done(engine)
    await settle(engine, (await claim(engine))[:4], MessageState.SENT, text="250 OK")
    clock.move(seconds=20)
    assert "5 of 11 done, about 0:30 left" in (await person.go(path)).text, "4 went in 20 seconds"
    await person.press("Pause")
    clock.move(hours=1)
    seen = await person.press("Go on")
    assert "5 of 11 done" in seen.text and "about" not in seen.text, (
        "the hour before it went on does not count"
    )
    clock.move(seconds=30)
    await settle(engine, (await claim(engine))[:2], MessageState.SENT, text="250 OK")
    assert "7 of 11 done, about 1:00 left" in (await person.go(path)).text, "2 went in 30 seconds"


async def test_a_list_is_scheduled_on_the_clock_of_the_event(engine: Engine, person: Person) -> None:
    event = await _event(engine)
    campaign_id = await _judged(person, event, at="2027-03-02T09:00")
    await person.press("Send to 2 people", yes="yes")
    campaign = await engine.campaign_alone(campaign_id, engine.local)
    assert campaign.state is CampaignState.SCHEDULED
    assert campaign.at == datetime.fromisoformat("2027-03-02T09:00-05:00")
    await person.press("Cancel what has not left")
    assert (await engine.campaign_alone(campaign_id, engine.local)).state is CampaignState.CANCELLED


async def test_a_list_is_paused_and_goes_on_and_is_cancelled(engine: Engine, person: Person) -> None:
    event = await _event(engine)
    campaign_id = await _judged(person, event)
    await person.press("Send to 2 people", yes="Yes")
    assert "Paused" in (await person.press("Pause")).text
    assert await deliver(engine) == []
    assert "goes on" in (await person.press("Go on")).text
    assert "cannot be recalled" in (await person.press("Cancel what has not left")).text
    assert await deliver(engine) == []
    command = ControlCampaign(campaign_id=campaign_id, action=CampaignAction.CANCEL)
    await do(engine, command)


async def test_a_list_that_lies_on_aws_is_named_and_judged_like_any(
    engine: Engine, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = await created(engine, summary="Gala")
    async with aws() as services:
        for name, value in {**ENVIRONMENT, **services.environment}.items():
            monkeypatch.setenv(name, value)
        services.bucket.put("spring.csv", CSV, datetime(2027, 3, 1, tzinfo=UTC))
        await person.go(f"/console/events/{event.id}/list")
        seen = await person.press("Look at the list", source="s3://my-lists/spring.csv")
        assert "2 will be invited" in seen.text
        await person.go(f"/console/events/{event.id}/list")
        seen = await person.press("Look at the list", source="s3://my-lists/nothing.csv")
        assert "s3:GetObject" in seen.text
        services.bucket.put("empty.csv", b"email,name\n", datetime(2027, 3, 1, tzinfo=UTC))
        for name in ("empty", "none"):
            await person.go(f"/console/events/{event.id}/list")
            seen = await person.press("Look at the list", source=f"s3://my-lists/{name}.csv")
            assert "Nothing was done" in seen.text
    async with browser(engine) as web:
        ann = await with_key(engine, web, event.organizer)
        await ann.go(f"/console/events/{event.id}/list")
        seen = await ann.press("Look at the list", source="s3://my-lists/spring.csv")
        assert "may not be read" in seen.text
