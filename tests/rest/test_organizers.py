"""Organizers over REST: who is listed to whom, and what an operator's key settles."""

from __future__ import annotations

from typing import Any

import httpx

from engine.commands.agents.keys import CreateKey
from engine.engine import Engine
from engine.model.bounds import Bounds
from engine.model.verbs import Verb
from tests.support.engines import created, do
from tests.support.waiting import DEADLINE_S

OLGA, OSCAR, ZOE = "olga@example.com", "oscar@example.com", "zoe@example.org"


async def _key(engine: Engine, address: str, *verbs: Verb) -> dict[str, str]:
    done = await do(engine, CreateKey(name="k", address=address, bounds=Bounds(verbs=frozenset(verbs))))
    return {"x-api-key": done.secret}


async def _asked(
    address: str, headers: dict[str, str], method: str, path: str, **body: Any
) -> tuple[int, dict[str, Any]]:
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=DEADLINE_S) as client:
        content = {} if method == "GET" else {"json": body}
        answer = await client.request(method, path, **content)
        return answer.status_code, answer.json()


async def test_an_operators_key_settles_an_organizer_and_stops_and_resumes_it(
    engine: Engine, address: str
) -> None:
    operator = await _key(engine, "ops@example.net", Verb.READ, Verb.ADMIN)
    one = f"/v1/organizers/{OLGA}"
    changes = {"name": "Olga", "timezone": "Europe/Paris", "add_addresses": ["olga@home.example"]}
    status, profile = await _asked(address, operator, "PATCH", one, **changes)
    assert (status, profile["name"], profile["addresses"]) == (200, "Olga", ["olga@home.example"])
    status, profile = await _asked(address, operator, "PATCH", one, drafts=True)
    assert profile["drafts"] is True
    status, shown = await _asked(address, operator, "PATCH", one)
    assert (status, shown) == (200, profile)
    assert await _asked(address, operator, "POST", f"{one}/suspend") == (
        200,
        {"address": OLGA, "suspended": True},
    )
    assert (await _asked(address, operator, "PATCH", one))[1]["suspended"] is True
    assert (await _asked(address, operator, "POST", f"{one}/resume"))[1]["suspended"] is False
    assert await _asked(address, operator, "POST", f"{one}/register") == (200, {"address": OLGA, "mails": 0})
    assert (await _asked(address, operator, "PATCH", one))[1]["registered"] is True
    slashed = await _asked(address, operator, "POST", "/v1/organizers/floor2%2Fhall@example.com/register")
    assert slashed == (200, {"address": "floor2/hall@example.com", "mails": 0})
    broken, said = await _asked(address, operator, "POST", "/v1/organizers/%0A%0A/register")
    assert (broken, said["code"]) == (400, "invalid_address")
    status, problem = await _asked(address, operator, "PATCH", one, timezone="Nowhere/City")
    assert (status, problem["code"]) == (400, "unknown_timezone")


async def test_no_other_key_settles_anything(engine: Engine, address: str) -> None:
    olga = await _key(engine, OLGA, Verb.READ, Verb.CREATE, Verb.UPDATE)
    for method, path in (("PATCH", ""), ("POST", "/suspend"), ("POST", "/resume"), ("POST", "/register")):
        status, problem = await _asked(address, olga, method, f"/v1/organizers/{OLGA}{path}")
        assert (status, problem["code"]) == (403, "not_allowed")


async def test_each_sees_the_organizers_that_are_theirs_to_see(engine: Engine, address: str) -> None:
    for organizer in (OLGA, OSCAR, ZOE):
        await created(engine, organizer=organizer)

    async def listed(headers: dict[str, str], query: str = "") -> list[str]:
        status, found = await _asked(address, headers, "GET", f"/v1/organizers{query}")
        assert status == 200, found
        return [one["address"] for one in found["organizers"]]

    operator = await _key(engine, "ops@example.net", Verb.READ, Verb.ADMIN)
    owner = await _key(engine, "@example.com", Verb.READ)
    assert await listed(operator) == [OLGA, OSCAR, ZOE]
    assert await listed(operator, "?domain=example.org") == [ZOE]
    assert await listed(owner) == await listed(owner, "?domain=example.com") == [OLGA, OSCAR]
    assert await listed(await _key(engine, OSCAR, Verb.READ)) == [OSCAR]
    status, problem = await _asked(address, owner, "GET", "/v1/organizers?domain=example.org")
    assert (status, problem["code"]) == (403, "not_allowed")
    _, page = await _asked(address, owner, "GET", "/v1/organizers?limit=1")
    assert [one["address"] for one in page["organizers"]] == [OLGA]
    assert await listed(owner, f"?limit=1&cursor={page['next_cursor']}") == [OSCAR]


async def test_a_search_says_which_addresses_of_its_words_get_no_mail(engine: Engine, address: str) -> None:
    headers = await _key(engine, OLGA, Verb.READ, Verb.SUPPRESS)
    await _asked(address, headers, "POST", "/v1/suppressions", addresses=["ann@example.com"])
    _, found = await _asked(address, headers, "GET", "/v1/events?query=what+did+ann@example.com+get")
    assert [entry["target"] for entry in found["do_not_mail"]] == ["ann@example.com"]
