"""Lists on AWS as recipients of a draft: by the tool, REST and the command line, each row judged as any list's."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from engine.commands.campaigns.campaigns import DraftCampaign
from engine.engine import Engine, system_clock
from engine.imports import audience
from engine.model.actors import Actor
from engine.model.list_rows import ListRow
from engine.refusals import Code, Refused
from tests.cli.processes import run
from tests.support.audiences import SNAPSHOT, Aws, aws
from tests.support.clock import Clock
from tests.support.engines import created, engine_in
from tests.support.ses import ENVIRONMENT
from tests.support.waiting import DEADLINE_S
from tests.support.webs import key_for, served
from tests.tools.caller import agent, calling

AT = datetime(2027, 3, 1, tzinfo=UTC)
LIST = b"email,name,city\nann@example.com,Ann,Paris\nnobody,,\nANN@example.com,Ann,Paris\n"


@pytest.fixture
async def there(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Aws]:
    async with aws() as services:
        for name, value in {**ENVIRONMENT, **services.environment}.items():
            monkeypatch.setenv(name, value)
        yield services


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock) -> AsyncIterator[Engine]:
    async with engine_in(tmp_path, clock, audiences="s3://my-lists/*, ses-list:main*") as opened:
        yield opened


async def read(engine: Engine, source: str, actor: Actor | None = None, **values: object) -> list[ListRow]:
    return await audience.read(engine, actor or engine.local, source, page_s=0, **values)  # type: ignore[arg-type]


async def refused(engine: Engine, source: str, actor: Actor | None = None, **values: object) -> Refused:
    with pytest.raises(Refused) as found:
        await read(engine, source, actor, **values)
    return found.value


def emails(rows: list[ListRow]) -> list[tuple[str, str]]:
    return [(row.email, row.code) for row in rows]


# S3


@pytest.mark.parametrize(
    "content",
    [LIST, gzip.compress(LIST), gzip.compress(LIST[:30]) + gzip.compress(LIST[30:])],
    ids=["plain", "gzip", "gzip in two members"],
)
async def test_an_object_is_read_as_any_list_is(engine: Engine, there: Aws, content: bytes) -> None:
    there.bucket.put("spring.csv", content, AT)
    rows = await read(engine, "s3://my-lists/spring.csv")
    assert emails(rows) == [("ann@example.com", ""), ("nobody", ""), ("ANN@example.com", "")]
    assert rows[0].fields == {"city": "Paris"}


async def test_a_folder_is_read_object_by_object_and_rows_are_numbered_on(engine: Engine, there: Aws) -> None:
    there.bucket.put("all/1.csv", b"email\nann@example.com\nbob@example.com\n", AT)
    there.bucket.put("all/2.jsonl", b'{"EmailAddress": "eve@example.com", "FirstName": "Eve"}\n', AT)
    there.bucket.put("all/empty", b"", AT)
    rows = await read(engine, "s3://my-lists/all/")
    assert [(row.number, row.email) for row in rows] == [
        (1, "ann@example.com"),
        (2, "bob@example.com"),
        (3, "eve@example.com"),
    ]
    assert rows[2].name == "Eve"


async def test_an_export_of_pinpoint_is_read_and_who_opted_out_is_skipped(engine: Engine, there: Aws) -> None:
    endpoints = [
        _endpoint("ann@example.com", User={"UserAttributes": {"FirstName": ["Ann"], "LastName": ["Lee"]}}),
        _endpoint("+15550100", ChannelType="SMS"),
        _endpoint("bob@example.com", OptOut="ALL"),
        _endpoint("eve@example.com", EndpointStatus="INACTIVE", Attributes={"tier": ["gold", "vip"]}),
    ]
    lines = "\n".join(json.dumps(one) for one in endpoints)
    there.bucket.put("export.gz", gzip.compress(lines.encode()), AT)
    rows = await read(engine, "s3://my-lists/export.gz")
    opted_out = Code.ADDRESS_SUPPRESSED.value
    assert emails(rows) == [
        ("ann@example.com", ""),
        ("bob@example.com", opted_out),
        ("eve@example.com", opted_out),
    ]
    assert (rows[0].name, rows[2].fields) == ("Ann Lee", {"tier": "gold, vip"})


def _endpoint(address: str, **values: object) -> dict[str, object]:
    plain = {"ChannelType": "EMAIL", "Address": address, "OptOut": "NONE", "EndpointStatus": "ACTIVE"}
    return {"Id": "x", **plain, **values}


async def test_json_of_any_other_program_is_read(engine: Engine, there: Aws) -> None:
    people = [
        {"name": "Ann", "email": "ann@example.com", "home": {"city": "Paris", "name": "Lutetia"}},
        {"x": 1},
    ]
    there.bucket.put("a.json", json.dumps(people).encode(), AT)
    first, second = await read(engine, "s3://my-lists/a.json")
    assert (first.email, first.name, first.fields) == (
        "ann@example.com",
        "Ann",
        {"city": "Paris", "home.name": "Lutetia"},
    )
    assert second.email == ""


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"{no json}\n", Code.CSV_UNREADABLE),
        (b"[1, 2]", Code.CSV_UNREADABLE),
        (gzip.compress(LIST)[:-12], Code.CSV_UNREADABLE),
        (b"", Code.EMPTY_LIST),
        (gzip.compress(b"a@example.com\n" * 5_000_000, 1), Code.TOO_LARGE),
    ],
    ids=["no json", "no objects", "cut gzip", "empty", "a bomb"],
)
async def test_what_is_no_list_is_refused(engine: Engine, there: Aws, content: bytes, code: Code) -> None:
    there.bucket.put("x", content, AT)
    assert (await refused(engine, "s3://my-lists/x")).code is code


async def test_an_object_that_is_not_there_is_said_with_what_the_role_needs(
    engine: Engine, there: Aws
) -> None:
    found = await refused(engine, "s3://my-lists/nothing")
    assert (found.code, "NoSuchKey" in found.message) == (Code.URL_NOT_READABLE, True)
    assert "s3:GetObject" in found.hint


# SES


def _contact(address: str, topic: str = "", default: str = "", out: bool = False) -> dict[str, object]:
    def of(status: str) -> list[dict[str, str]]:
        return [{"TopicName": "news", "SubscriptionStatus": status}] if status else []

    return {
        "EmailAddress": address,
        "TopicPreferences": of(topic),
        "TopicDefaultPreferences": of(default),
        "UnsubscribeAll": out,
    }


async def test_a_contact_list_is_read_and_opting_out_of_it_or_of_its_topic_counts(
    engine: Engine, there: Aws
) -> None:
    there.page = 2
    there.contacts = [
        _contact("in@example.com", "OPT_IN"),
        _contact("default@example.com", default="OPT_IN"),
        _contact("out@example.com", "OPT_OUT", "OPT_IN"),
        _contact("never@example.com", default="OPT_OUT"),
        _contact("gone@example.com", "OPT_IN", out=True),
    ]
    out = Code.ADDRESS_SUPPRESSED.value
    assert emails(await read(engine, "ses-list:main/news")) == [
        ("in@example.com", ""),
        ("default@example.com", ""),
        ("out@example.com", out),
        ("never@example.com", out),
        ("gone@example.com", out),
    ]
    whole = await read(engine, "ses-list:main")
    assert [row.email for row in whole if row.code] == ["gone@example.com"]


async def test_a_contact_list_that_takes_minutes_is_for_the_command_line(engine: Engine, there: Aws) -> None:
    there.page, there.contacts = 1, [_contact(f"p{n}@example.com") for n in range(62)]
    assert (await refused(engine, "ses-list:main")).code is Code.TOO_LARGE
    assert len(await read(engine, "ses-list:main", patient=True)) == 62


async def test_pages_of_a_contact_list_are_asked_for_at_most_once_a_second(
    engine: Engine, there: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    own = asyncio.sleep

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        await own(0)

    there.page, there.contacts = 1, [_contact(f"p{n}@example.com") for n in range(4)]
    monkeypatch.setattr(asyncio, "sleep", sleep)
    await audience.read(engine, engine.local, "ses-list:main")
    assert [one for one in waited if one] == [1.0] * 3


# Customer Profiles


async def test_a_segment_is_read_from_its_snapshot(engine: Engine, there: Aws) -> None:
    there.looks = 2
    person = {"EmailAddress": "ann@example.com", "FirstName": "Ann", "Attributes": {"tier": "gold"}}
    there.bucket.put("segments/part-0.jsonl", json.dumps(person).encode(), AT)
    rows = await read(engine, "customer-profiles:shop/vips?to=s3://my-lists/segments/")
    assert [(row.email, row.name, row.fields["tier"]) for row in rows] == [("ann@example.com", "Ann", "gold")]
    assert [one["DataFormat"] for one in there.snapshots] == ["JSONL"]


async def test_a_snapshot_that_takes_longer_is_asked_for_again_by_its_id(engine: Engine, there: Aws) -> None:
    there.looks = 10
    found = await refused(engine, "customer-profiles:shop/vips?to=s3://my-lists/segments/")
    assert (found.code, SNAPSHOT in found.hint) == (Code.BUSY, True)
    there.bucket.put("segments/part-0.jsonl", b'{"EmailAddress": "ann@example.com"}', AT)
    again = found.hint.removeprefix("Ask again with ")
    assert emails(await read(engine, again)) == [("ann@example.com", "")]
    assert len(there.snapshots) == 1


async def test_a_snapshot_that_failed_is_said(engine: Engine, there: Aws) -> None:
    there.looks, there.state = 0, "FAILED"
    found = await refused(engine, "customer-profiles:shop/vips?to=s3://my-lists/segments/")
    assert (found.code, "has failed: no" in found.message) == (Code.URL_NOT_READABLE, True)


# whose lists


@pytest.mark.parametrize(
    "source", ["s3://other/x", "ses-list:other", "customer-profiles:a/b?to=s3://my-lists/x/", "s3://my-lists"]
)
async def test_an_agent_reads_what_the_operator_has_opened_and_no_more(
    engine: Engine, there: Aws, source: str
) -> None:
    found = await refused(engine, source, Actor(kind="agent", address="ann@example.com"))
    assert found.code in {Code.NOT_ALLOWED, Code.INVALID_ARGUMENT}
    assert there.bucket.read == []


@pytest.mark.parametrize(
    "source",
    [
        "",
        "s3://",
        "s3://UPPER/x",
        "s3://my-lists/",
        "ses-list:",
        "ses-list:a/",
        "ses-list:a?x=y",
        "customer-profiles:a",
        "customer-profiles:a/b",
        "customer-profiles:a/b?to=/tmp",
        "customer-profiles:a/b?snapshot=../x",
        "http://example.com/list.csv",
        "s3://my-lists/x?region=nowhere",
    ],
)
async def test_what_names_no_list_is_refused(engine: Engine, source: str) -> None:
    assert (await refused(engine, source)).code is Code.INVALID_ARGUMENT


# through the doors


async def test_a_tool_drafts_a_list_on_aws(engine: Engine, there: Aws) -> None:
    there.bucket.put("spring.csv", LIST, AT)
    async with calling(engine, "auto", agent("ann@example.com")) as caller:
        uid = await caller.event()
        drafted = (await caller.ok("bulk_send", uid=uid, source="s3://my-lists/spring.csv"))["campaign"]
        assert (drafted["total"], drafted["valid"]) == (3, 1)
        assert [row["code"] for row in drafted["skipped"]] == ["invalid_address", "duplicate_row"]
        assert await caller.code("bulk_send", uid=uid, source="s3://secret/x") == "not_allowed"
        assert (
            await caller.code("bulk_send", uid=uid, source="s3://my-lists/x", csv="a@b.c")
            == "invalid_argument"
        )


async def test_rest_drafts_a_list_on_aws(engine: Engine, there: Aws) -> None:
    there.bucket.put("spring.csv", LIST, AT)
    key = await key_for(engine, "ann@example.com")
    event = await created(engine, agent("ann@example.com"))
    async with served(engine) as address, httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as client:
        answer = await client.post(
            f"/v1/events/{event.uid}/campaigns",
            json={"source": "s3://my-lists/spring.csv"},
            headers={"x-api-key": key},
        )
    assert answer.status_code == 201, answer.text
    assert answer.json()["campaign"]["valid"] == 1


async def test_the_command_line_drafts_and_starts_a_list_on_aws(tmp_path: Path, there: Aws) -> None:
    there.bucket.put("spring.csv", LIST, AT)
    async with engine_in(tmp_path, system_clock) as engine:
        event = await created(engine)
    code, out, err = await run(tmp_path, "bulk", "draft", event.uid, "s3://my-lists/spring.csv", "--json")
    assert code == 0, err
    draft = json.loads(out)
    assert (draft["state"], draft["total"], draft["valid"]) == ("draft", 3, 1)
    code, out, err = await run(tmp_path, "bulk", "start", draft["id"], draft["confirm_token"])
    assert (code, "running" in out) == (0, True), err


async def test_who_opted_out_is_named_in_the_draft(engine: Engine, there: Aws) -> None:
    there.contacts = [_contact("gone@example.com", out=True), _contact("ann@example.com")]
    rows = await read(engine, "ses-list:main")
    made = await engine.apply(DraftCampaign(uid=(await created(engine)).uid, recipients=rows), engine.local)
    view = await engine.campaign(made.campaign.id, engine.local, skipped=5)
    assert [(row.email, row.code) for row in view.skipped] == [("gone@example.com", "address_suppressed")]
    assert "opted out" in view.skipped[0].detail
