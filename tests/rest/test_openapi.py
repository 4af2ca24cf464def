"""The OpenAPI document: made of the registry, the same as written down, and true of what answers."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from functools import cache
from typing import Any

import httpx
import pytest
import pytest_asyncio
from jsonschema import Draft202012Validator
from starlette.requests import Request

from cis_mcp.manual.rest import golden, rest_md
from cis_mcp.mcp.tools.catalog import EVERY
from cis_mcp.rest.catalog import EVERY as ENDPOINTS
from cis_mcp.rest.catalog import V1
from cis_mcp.rest.openapi import document
from cis_mcp.rest.served import ServedDocument
from engine.commands.pages.pages import CreatePage
from engine.engine import Engine
from engine.model.pages import PageKind
from engine.model.verbs import Verb
from tests.cli.processes import ROOT
from tests.rest.test_events import made
from tests.support.calls import counting_calls
from tests.support.engines import deliver, do, engine_in
from tests.support.waiting import DEADLINE_S
from tests.support.webs import key_for, served
from tests.triggers.crm import trigger

EVERY_VERB = frozenset(Verb) - {Verb.ADMIN}
spoken = cache(document)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kept(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """Where one application is, for all who ask for nothing but its document: that takes long to make."""
    async with engine_in(tmp_path_factory.mktemp("document")) as engine, served(engine) as found:
        yield found


def test_the_document_and_the_page_are_as_written_down() -> None:
    """After a change: `make docs`."""
    assert (ROOT / "docs/openapi.json").read_text() == golden()
    assert (ROOT / "docs/rest.md").read_text() == rest_md()


@pytest.mark.asyncio(loop_scope="module")
async def test_the_document_is_served_to_everybody(kept: str) -> None:
    async with httpx.AsyncClient(timeout=DEADLINE_S) as web:
        answer = await web.get(f"{kept}/openapi.json")
    assert answer.json()["openapi"].startswith("3.1")
    assert answer.json()["paths"].keys() == {endpoint.path for endpoint in ENDPOINTS}


async def test_strangers_who_ask_for_the_document_stop_nobody(address: str) -> None:
    async with httpx.AsyncClient(timeout=DEADLINE_S) as web:
        with counting_calls() as calls:
            answers = await asyncio.gather(*(web.get(f"{address}/openapi.json") for _ in range(10)))
    assert {(answer.status_code, answer.headers["content-encoding"]) for answer in answers} == {(200, "gzip")}
    assert calls["cis_mcp/rest/served.py"] >= 10
    assert calls["cis_mcp/rest/openapi.py"] == 0


async def test_the_document_is_made_once() -> None:
    served = ServedDocument("https://cis.example.com")
    request = Request({"type": "http", "method": "GET", "path": "/openapi.json", "headers": []})
    first, second = await asyncio.gather(served.get(request), served.get(request))
    assert first.body is second.body is (await served.get(request)).body
    assert json.loads(first.body) == spoken("https://cis.example.com")


@pytest.mark.asyncio(loop_scope="module")
async def test_whoever_has_the_document_gets_it_not_again(kept: str) -> None:
    async with httpx.AsyncClient(timeout=DEADLINE_S) as web:
        tag = (await web.get(f"{kept}/openapi.json")).headers["etag"]
        strong = tag.removeprefix("W/")
        for given, code in (
            (tag, 304),
            (f'"x", {strong}', 304),
            ("*", 304),
            ('W/"0123456789abcdef"', 200),
            ("", 200),
        ):
            answer = await web.get(f"{kept}/openapi.json", headers={"if-none-match": given})
            assert (answer.status_code, answer.headers["etag"]) == (code, tag)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip; q=0.00, br", False),
        ("br", False),
        ("", False),
    ],
)
async def test_the_document_is_packed_for_whoever_unpacks(kept: str, accepted: str, packed: bool) -> None:
    async with httpx.AsyncClient(timeout=DEADLINE_S) as web:
        answer = await web.get(f"{kept}/openapi.json", headers={"accept-encoding": accepted})
    assert ("content-encoding" in answer.headers, answer.status_code) == (packed, 200)
    assert answer.json()["openapi"] == "3.1.1"


def test_each_operation_has_a_name_of_its_own_and_a_tool_that_exists() -> None:
    names = [endpoint.name for endpoint in ENDPOINTS]
    assert len(names) == len(set(names))
    assert {endpoint.tool for endpoint in ENDPOINTS} <= set(EVERY)


def test_no_description_speaks_of_tools() -> None:
    told = " ".join(_descriptions(spoken("https://cis.example.com")))
    named = set(re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", told))
    assert named & set(EVERY) == set()


def _descriptions(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (value for name, value in node.items() if name == "description" and isinstance(value, str))
        yield from (words for value in node.values() for words in _descriptions(value))
    if isinstance(node, list):
        yield from (words for value in node for words in _descriptions(value))


async def test_answers_are_as_the_document_says(engine: Engine, web: httpx.AsyncClient) -> None:
    whole = spoken("https://cis.example.com")
    uid = (await made(web)).json()["uid"]
    await web.post(f"/v1/events/{uid}/invites", json={"email": "bob@example.com"})
    await deliver(engine)
    hook = await trigger(engine, verbs="create,trigger")
    made_page = await do(engine, CreatePage(title="Season", kind=PageKind.SCHEDULE, organizer=hook.organizer))
    headers = {"x-api-key": await key_for(engine, hook.organizer, scopes=EVERY_VERB)}
    names = {
        "uid": uid,
        "email": "bob@example.com",
        "key_id": "",
        "slug": made_page.page.slug,
        "name": hook.name,
    }
    names["key_id"] = next(key.id for key in await engine.keys() if key.address == "ann@example.com")
    for endpoint in V1:
        if endpoint.method != "GET" or endpoint.answer is None or not set(endpoint.parameters) <= set(names):
            continue
        path = endpoint.path.format(**names)
        answer = await web.get(path)
        if answer.status_code != 200:
            answer = await web.get(path, headers=headers)
        assert answer.status_code == 200, (path, answer.text)
        fits(answer.json(), endpoint.answer.__name__, whole)
    fits((await web.get("/v1/events/nowhere")).json(), "Problem", whole)


def fits(data: Any, model: str, spoken: dict[str, Any]) -> None:
    schema = {"$ref": f"#/components/schemas/{model}", "components": spoken["components"]}
    Draft202012Validator(schema).validate(data)
