"""send_invite, and the tools that count, list and report, through a real client."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from engine.engine import Engine, system_clock
from engine.outbox.maildir import MaildirTransport
from engine.outbox.transports import open_transport
from tests.support.engines import created, deliver, engine_in, invite_all_answers, working
from tests.support.ports import free_port
from tests.support.waiting import eventually
from tests.tools.caller import Mode, agent, calling, text_of


async def test_an_invite_is_accepted_once_a_mail_server_took_it(
    engine: Engine, mode: Mode, tmp_path: Path
) -> None:
    async with working(engine, MaildirTransport(tmp_path / "outbox")), calling(engine, mode) as caller:
        uid = await caller.event()
        data = await caller.ok("send_invite", uid=uid, email="Ann@Example.com", name="Ann", wait_s=60)
        assert (data["status"], data["email"], data["code"]) == ("sent", "ann@example.com", "")
        again = await caller.ok("send_invite", uid=uid, email="ann@example.com")
    assert (again["status"], again["delivery"]) == ("already_invited", "sent")
    assert again["message_id"] == data["message_id"]
    assert len(list((tmp_path / "outbox" / "new").iterdir())) == 1


async def test_an_invite_that_nobody_has_sent_yet_is_queued(engine: Engine, mode: Mode) -> None:
    async with calling(engine, mode) as caller:
        uid = await caller.event()
        data = await caller.ok("send_invite", uid=uid, email="ann@example.com", wait_s=0)
    assert data["status"] == "queued"
    assert [message.email for message in await deliver(engine)] == ["ann@example.com"]


@pytest.mark.parametrize(
    "email", ["nobody", "a@b", "<x>a@example.com", "a@example.com\r\nBcc: b@example.com", ""]
)
async def test_what_is_no_address_is_refused(engine: Engine, email: str) -> None:
    async with calling(engine) as caller:
        uid = await caller.event()
        assert await caller.code("send_invite", uid=uid, email=email) == "invalid_address"


async def test_addresses_under_any_top_level_domain_are_invited(engine: Engine) -> None:
    async with calling(engine) as caller:
        uid = await caller.event()
        data = await caller.ok("send_invite", uid=uid, email="ann@example.xn--p1ai", wait_s=0)
    assert data["email"] == "ann@example.xn--p1ai"


async def test_an_origin_is_known_in_any_case(engine: Engine) -> None:
    async with calling(engine) as caller:
        uid = await caller.event()
        await caller.ok("send_invite", uid=uid, email="ann@example.com", origin="WebForm", wait_s=0)
        counters = await caller.ok("get_stats", scope="event", key=uid)
    assert counters["origin"] == {"webform": 1}


async def test_personal_words_need_their_fields(engine: Engine) -> None:
    async with calling(engine) as caller:
        uid = await caller.event(description="Dear {{name}} of {{company}}")
        assert await caller.code("send_invite", uid=uid, email="ann@example.com") == "missing_field"
        await caller.ok(
            "send_invite",
            uid=uid,
            email="ann@example.com",
            name="Ann",
            fields={"company": "Example"},
            wait_s=0,
        )


async def test_counters_tell_who_answered_how(engine: Engine, mode: Mode) -> None:
    event = await created(engine)
    await invite_all_answers(engine, event)
    async with calling(engine, mode) as caller:
        data = await caller.ok("get_stats", scope="event", key=event.uid)
        assert await caller.code("get_stats", scope="event") == "invalid_argument"
        mine = await caller.ok("get_stats", scope="organizer")
        everything = await caller.ok("get_stats", scope="system")
    assert data["attendees"] == 4
    assert data["rsvp"] == {"accepted": 1, "declined": 1, "tentative": 1, "noaction": 1, "delegated": 0}
    assert data["delivery"]["sent"] == 4
    assert (mine["key"], mine["attendees"], everything["attendees"]) == ("agent@cis.test", 4, 4)


async def test_attendees_are_masked_unless_asked_for(engine: Engine, mode: Mode) -> None:
    async with calling(engine, mode) as caller:
        uid = await caller.event()
        await caller.ok("send_invite", uid=uid, email="jane@example.com", name="Jane", wait_s=0)
        masked = await caller.call("list_attendees", uid=uid)
        full = await caller.ok("list_attendees", uid=uid, masked=False)
    assert masked.structured_content is not None
    (person,) = masked.structured_content["attendees"]
    assert (person["email"], person["name"]) == ("j*******@example.com", "J*******")
    assert "jane" not in text_of(masked).lower()
    assert (full["attendees"][0]["email"], full["attendees"][0]["name"]) == ("jane@example.com", "Jane")


async def test_attendees_come_by_status_and_in_pages(engine: Engine) -> None:
    event = await created(engine)
    await invite_all_answers(engine, event)
    async with calling(engine) as caller:
        silent = await caller.ok("list_attendees", uid=event.uid, status="noaction", masked=False)
        assert [person["email"] for person in silent["attendees"]] == ["silent@example.com"]
        page = await caller.ok("list_attendees", uid=event.uid, limit=3)
        rest = await caller.ok("list_attendees", uid=event.uid, limit=3, cursor=page["next_cursor"])
        assert (len(page["attendees"]), len(rest["attendees"]), rest["next_cursor"]) == (3, 1, None)
        assert await caller.code("list_attendees", uid=event.uid, cursor="e30") == "invalid_cursor"
        assert await caller.code("list_attendees", uid=event.uid, limit=101) == "invalid_argument"


async def test_a_report_goes_to_the_organizer_and_is_linked(engine: Engine, mode: Mode) -> None:
    event = await created(engine)
    await invite_all_answers(engine, event)
    async with calling(engine, mode) as caller:
        result = await caller.call("send_report", uid=event.uid)
        data = result.structured_content
        assert data is not None
        assert (data["rows"], data["sent_to"]) == (4, "agent@cis.test")
        content = (await caller.client.read_resource(data["resource"])).contents[0]
    assert content.mime_type == "text/csv"
    assert "yes@example.com,,accepted,api," in content.model_dump()["text"]
    assert [block.type for block in result.content] == ["text", "resource_link"]
    assert [message.kind for message in await deliver(engine)] == ["report"]


async def test_an_agent_cannot_have_a_report_mailed_elsewhere(engine: Engine) -> None:
    async with calling(engine, actor=agent("ann@example.com")) as caller:
        uid = await caller.event()
        assert await caller.code("send_report", uid=uid, to="bob@example.com") == "not_allowed"
        assert (await caller.ok("send_report", uid=uid))["sent_to"] == "ann@example.com"


async def test_a_key_may_do_what_its_scopes_say_and_no_more(engine: Engine) -> None:
    async with calling(engine, actor=agent("ann@example.com")) as caller:
        uid = await caller.event()
    reader = agent("ann@example.com", frozenset({"read"}))
    async with calling(engine, actor=reader) as caller:
        await caller.ok("get_event", uid=uid)
        assert await caller.code("update_event", uid=uid, summary="x") == "unknown_tool"
        assert await caller.code("send_invite", uid=uid, email="bob@example.com") == "unknown_tool"
        rows = [{"email": "bob@example.com"}]
        assert await caller.code("bulk_send", uid=uid, recipients=rows) == "unknown_tool"
    sender = agent("ann@example.com", frozenset({"campaigns"}))
    async with calling(engine, actor=sender) as caller:
        assert await caller.code("get_event", uid=uid) == "unknown_tool"
        started = await caller.ok("bulk_send", uid=uid, recipients=rows, start=True)
        assert started["campaign"]["state"] == "running"


async def test_a_mail_server_that_cannot_be_reached_is_told_to_the_agent_and_to_the_operator(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = SecretStr(f"smtp://127.0.0.1:{free_port()}?starttls=no")
    async with (
        engine_in(tmp_path, system_clock, outbox=nowhere) as engine,
        working(engine, open_transport(engine.settings)),
        calling(engine) as caller,
    ):
        uid = await caller.event()
        result = await caller.call("send_invite", uid=uid, email="ann@example.com", wait_s=60)
        await eventually(lambda: "the mail server takes nothing" in caplog.text)
    assert "queued: " in text_of(result)
    assert "cannot connect" in text_of(result)


async def test_mails_that_become_files_are_not_said_to_have_left(engine: Engine, tmp_path: Path) -> None:
    async with working(engine, MaildirTransport(tmp_path / "outbox")), calling(engine) as caller:
        uid = await caller.event()
        result = await caller.call("send_invite", uid=uid, email="ann@example.com", wait_s=60)
    assert "nothing left this machine" in text_of(result)
    assert "mail server took" not in text_of(result)
