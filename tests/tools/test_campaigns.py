"""The tools of bulk sends, through a real client."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.engine import Engine
from tests.support.clock import Clock
from tests.support.engines import deliver
from tests.tools.caller import Mode, agent, calling, text_of


def _skipped(data: dict[str, Any]) -> list[tuple[int, str]]:
    return [(row["row"], row["code"]) for row in data["campaign"]["skipped"]]


async def test_a_draft_names_skipped_rows_shows_a_sample_and_sends_nothing(
    engine: Engine, mode: Mode
) -> None:
    async with calling(engine, mode) as caller:
        uid = await caller.event(description="Dear {{name}}")
        await caller.ok("send_invite", uid=uid, email="old@example.com", name="Old", wait_s=0)
        await deliver(engine)
        csv = "email,name\nann@example.com,Ann\nANN@example.com,Ann\nold@example.com,Old\nnobody,\n"
        result = await caller.call("bulk_send", uid=uid, csv=csv)
    data = result.structured_content
    assert data is not None
    campaign = data["campaign"]
    assert (campaign["state"], campaign["total"], campaign["valid"]) == ("draft", 4, 1)
    assert _skipped(data) == [(2, "duplicate_row"), (3, "already_invited"), (4, "invalid_address")]
    assert campaign["sample"]["to"] == "Ann <ann@example.com>"
    assert campaign["sample"]["description"] == "Dear Ann"
    for fact in (campaign["id"], campaign["confirm_token"], "row 2", "Dear Ann", "Nothing was sent"):
        assert fact in text_of(result)
    assert await deliver(engine) == []


async def test_a_campaign_starts_with_its_token_alone(engine: Engine, mode: Mode) -> None:
    async with calling(engine, mode) as caller:
        uid = await caller.event()
        draft = (await caller.ok("bulk_send", uid=uid, recipients=[{"email": "ann@example.com"}]))["campaign"]
        start = {"campaign_id": draft["id"], "action": "start"}
        missing = await caller.refused("control_campaign", **start)
        wrong = await caller.refused("control_campaign", **start, confirm_token="0" * 32)
        assert missing["code"] == wrong["code"] == "confirm_token_invalid"
        assert ("is missing" in missing["message"], "is wrong" in wrong["message"]) == (True, True)
        started = await caller.ok("control_campaign", **start, confirm_token=draft["confirm_token"])
        assert started["campaign"]["state"] == "running"
        assert [message.email for message in await deliver(engine)] == ["ann@example.com"]
        done = await caller.ok("get_campaign", campaign_id=draft["id"])
    assert (done["campaign"]["state"], done["campaign"]["counts"]["sent"]) == ("finished", 1)


async def test_a_changed_event_voids_the_token(engine: Engine) -> None:
    async with calling(engine) as caller:
        uid = await caller.event()
        draft = (await caller.ok("bulk_send", uid=uid, recipients=[{"email": "ann@example.com"}]))["campaign"]
        await caller.ok("update_event", uid=uid, summary="Something else")
        code = await caller.code(
            "control_campaign", campaign_id=draft["id"], action="start", confirm_token=draft["confirm_token"]
        )
    assert code == "confirm_token_invalid"


async def test_start_drafts_and_sends_in_one_call(engine: Engine, mode: Mode) -> None:
    async with calling(engine, mode) as caller:
        uid = await caller.event()
        data = await caller.ok(
            "bulk_send", uid=uid, csv="email\nann@example.com\nbob@example.com", start=True
        )
    assert (data["campaign"]["state"], data["campaign"]["confirm_token"]) == ("running", None)
    assert {message.email for message in await deliver(engine)} == {"ann@example.com", "bob@example.com"}


async def test_a_start_of_which_every_row_is_skipped_says_where_to_look(engine: Engine) -> None:
    async with calling(engine) as caller:
        uid = await caller.event()
        data = await caller.refused("bulk_send", uid=uid, csv="email\nnobody", start=True)
        assert data["code"] == "empty_list"
        assert "get_campaign" in data["hint"]


async def test_a_campaign_is_paused_resumed_and_cancelled(engine: Engine) -> None:
    async with calling(engine) as caller:
        uid = await caller.event()
        data = await caller.ok("bulk_send", uid=uid, recipients=[{"email": "ann@example.com"}], start=True)
        key = data["campaign"]["id"]
        for action, state in (
            ("pause", "paused"),
            ("pause", "paused"),
            ("resume", "running"),
            ("cancel", "cancelled"),
            ("cancel", "cancelled"),
        ):
            told = await caller.ok("control_campaign", campaign_id=key, action=action)
            assert told["campaign"]["state"] == state
        assert await caller.code("control_campaign", campaign_id=key, action="resume") == "campaign_state"
    assert await deliver(engine) == []


async def test_a_scheduled_campaign_begins_in_the_zone_of_its_event(engine: Engine, clock: Clock) -> None:
    async with calling(engine) as caller:
        uid = await caller.event()
        rows = [{"email": "ann@example.com"}]
        draft = await caller.call("bulk_send", uid=uid, recipients=rows, at="2027-04-30T09:00:00")
        assert "begins Friday 2027-04-30 13:00 UTC" in text_of(draft)
        assert "It begins Friday 2027-04-30 09:00 America/New_York." in text_of(draft)
        data = await caller.ok("bulk_send", uid=uid, recipients=rows, at="2027-04-30T09:00:00", start=True)
        assert (data["campaign"]["state"], data["campaign"]["at"]) == ("scheduled", "2027-04-30T13:00:00Z")
        assert await deliver(engine) == []
        clock.move(days=61)
        assert [message.email for message in await deliver(engine)] == ["ann@example.com"]
        assert await caller.code("bulk_send", uid=uid, recipients=rows, at="soon") == "invalid_time"
        assert await caller.code("bulk_send", uid=uid, recipients=rows, at="2027-01-01") == "invalid_time"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({}, "invalid_argument"),
        ({"csv": "email\na@example.com", "recipients": []}, "invalid_argument"),
        ({"recipients": []}, "empty_list"),
        ({"csv": ""}, "invalid_argument"),
        ({"csv": "email,name\n"}, "empty_list"),
        ({"csv": "address,name\nx,y"}, "csv_no_header"),
        ({"csv": 'email,name\na@example.com,"Ann'}, "csv_unreadable"),
        ({"csv": "PK\x03\x04\x00\x00"}, "csv_unreadable"),
        ({"csv": "uid,email\nanother,a@example.com"}, "invalid_argument"),
        ({"recipients": [{"email": "a@example.com"}], "rate": 0}, "invalid_argument"),
        ({"recipients": [{"email": "a@example.com", "colour": "red"}]}, "invalid_argument"),
    ],
)
async def test_a_list_that_cannot_be_sent_is_refused_with_its_code(
    engine: Engine, arguments: dict[str, object], code: str
) -> None:
    async with calling(engine) as caller:
        uid = await caller.event()
        assert await caller.code("bulk_send", uid=uid, **arguments) == code


async def test_commas_in_names_and_a_byte_order_mark_are_understood(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes('\ufeffName;E-Mail;Company\r\n"Doe; Jane, Dr.";jane@example.com;Müller\r\n'.encode())
    async with calling(engine) as caller:
        uid = await caller.event(description="{{name}} of {{company}}")
        data = await caller.ok("bulk_send", uid=uid, csv_path=str(path))
    assert data["campaign"]["sample"]["description"] == "Doe; Jane, Dr. of Müller"


async def test_only_a_local_caller_may_name_files(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("email\nann@example.com\n")
    async with calling(engine, actor=agent("ann@example.com")) as caller:
        uid = await caller.event()
        assert await caller.code("bulk_send", uid=uid, csv_path=str(path)) == "not_allowed"


@pytest.mark.parametrize("path", ["missing.csv", ".", "/dev/zero", "bad\0name", "~nobody-there/x"])
async def test_what_is_no_readable_file_is_refused(engine: Engine, tmp_path: Path, path: str) -> None:
    async with calling(engine) as caller:
        uid = await caller.event()
        given = str(tmp_path / path) if path in {"missing.csv", "."} else path
        assert await caller.code("bulk_send", uid=uid, csv_path=given) == "path_not_readable"


async def test_a_list_that_came_as_json_text_is_understood(engine: Engine) -> None:
    async with calling(engine) as caller:
        uid = await caller.event()
        data = await caller.ok("bulk_send", uid=uid, recipients='[{"email": "ann@example.com"}]')
    assert data["campaign"]["valid"] == 1


async def test_a_hundred_thousand_rows_are_judged(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    rows = (f'u{n}@example.com,"Doe, {n}"' for n in range(100_000))
    path.write_text("email,name\n" + "\n".join(rows) + "\nu7@example.com,Again\n")
    async with calling(engine) as caller:
        uid = await caller.event()
        result = await caller.call("bulk_send", uid=uid, csv_path=str(path), origin="api")
    data = result.structured_content
    assert data is not None, text_of(result)
    assert not result.is_error, text_of(result)
    assert (data["campaign"]["total"], data["campaign"]["valid"]) == (100_001, 100_000)
    assert _skipped(data) == [(100_001, "duplicate_row")]


async def test_campaigns_are_listed_newest_first_and_never_another_organizers(
    engine: Engine, mode: Mode, clock: Clock
) -> None:
    async with calling(engine, mode, agent("ann@example.com")) as ann:
        uid = await ann.event()
        ids = []
        for name in ("a", "b"):
            draft = await ann.ok("bulk_send", uid=uid, recipients=[{"email": f"{name}@example.com"}])
            ids.append(draft["campaign"]["id"])
            clock.move(minutes=1)
        listed = await ann.ok("get_campaign")
        assert [campaign["id"] for campaign in listed["campaigns"]] == ids[::-1]
    async with calling(engine, mode, agent("bob@example.com")) as bob:
        assert (await bob.ok("get_campaign"))["campaigns"] == []
        assert await bob.code("get_campaign", campaign_id=ids[0]) == "unknown_campaign"
        assert await bob.code("control_campaign", campaign_id=ids[0], action="cancel") == "unknown_campaign"


async def test_every_row_that_is_skipped_says_which_column_is_at_fault_and_how(engine: Engine) -> None:
    async with calling(engine) as caller:
        uid = await caller.event(summary="Hello {{company}}")
        csv = (
            "email,company\nann@example.com,Acme\nbob@@example.com,Acme\nann@example.com,Acme\ncy@example.com,\n"
            'dee@example.com,"Acme\neve@example.com,Acme\n'
        )
        result = await caller.call("bulk_send", uid=uid, csv=csv)
    assert result.structured_content is not None
    campaign = result.structured_content["campaign"]
    assert (campaign["total"], campaign["valid"]) == (6, 2)
    found = {row["row"]: (row["code"], row["why"]) for row in campaign["skipped"]}
    assert found[2][0] == "invalid_address"
    assert found[2][1].startswith("email: “bob@@example.com” is not an email address")
    assert found[3] == ("duplicate_row", "email: as in row 1")
    assert found[4] == ("missing_field", "company: empty, or no such column")
    assert found[5] == ("csv_unreadable", "a quote is inside a cell or not closed")
    assert "row 4 «cy@example.com»: missing_field «company: empty, or no such column»" in text_of(result)
