"""Signing in at the console by the OAuth issuer, where one is set."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from engine.commands.agents.keys import CreateKey, RevokeKey
from engine.engine import Engine
from engine.model.sessions import TOKEN_MAX
from tests.console.person import PUBLIC, Person, browser
from tests.support.clock import Clock
from tests.support.engines import created, do, engine_in
from tests.support.issuer import Issuer, issuing

AUDIENCE = f"{PUBLIC}/mcp"
MANY = "read events invites campaigns"


@dataclass
class Organization:
    """An issuer at which people sign in, a server that knows it, and a browser."""

    issuer: Issuer
    engine: Engine
    person: Person
    verifier: str = ""
    asked: dict[str, str] = field(default_factory=dict)

    async def leave(self) -> None:
        """Press the button that leads to the issuer."""
        seen = await self.person.go("/console/signin")
        assert "/console/signin/oauth" in seen.links
        answer = await self.person.web.get("/console/signin/oauth")
        url = urlsplit(answer.headers["location"])
        self.asked = {name: values[0] for name, values in parse_qs(url.query).items()}

    def grants(self, **claims: Any) -> None:
        """Have the issuer give a token for whatever code comes."""
        token = self.issuer.token(**{"aud": AUDIENCE, "scope": MANY, **claims})
        self.issuer.documents["/token"] = json.dumps({"access_token": token, "token_type": "Bearer"}).encode()

    async def comes_back(self, **changes: str) -> httpx.Response:
        """The issuer sends the browser back with a code."""
        given = {"code": "c0de", "state": self.asked["state"], "iss": self.issuer.url, **changes}
        return await self.person.web.get("/console/signin/oauth/back", params=given)


@pytest.fixture
async def organization(tmp_path: Path, clock: Clock) -> AsyncIterator[Organization]:
    async with issuing() as issuer:
        named = {"authorization_endpoint": f"{issuer.url}/authorize", "token_endpoint": f"{issuer.url}/token"}
        place = "/.well-known/oauth-authorization-server"
        issuer.documents[place] = json.dumps({**json.loads(issuer.documents[place]), **named}).encode()
        set_to = {"oauth_issuer": issuer.url, "oauth_client": "console", "organizers": "*@cis.test"}
        async with engine_in(tmp_path, clock, public_url=PUBLIC, **set_to) as engine, browser(engine) as web:
            yield Organization(issuer, engine, Person(web))


async def test_whoever_the_issuer_knows_gets_in_and_sees_their_own(organization: Organization) -> None:
    await created(organization.engine, organizer="ann@cis.test", summary="Gala of Ann")
    await created(organization.engine, organizer="bob@cis.test", summary="Gala of Bob")
    await organization.leave()
    organization.grants()
    answer = await organization.comes_back()
    assert answer.headers["location"] == "/console"
    seen = await organization.person.go("/console/events")
    assert "ann@cis.test" in seen.text
    assert "Gala of Ann" in seen.text
    assert "Gala of Bob" not in seen.text


async def test_the_issuer_is_asked_by_the_book(organization: Organization) -> None:
    await organization.leave()
    asked = organization.asked
    assert asked["redirect_uri"] == f"{PUBLIC}/console/signin/oauth/back"
    assert (asked["client_id"], asked["response_type"]) == ("console", "code")
    assert (asked["code_challenge_method"], asked["resource"]) == ("S256", AUDIENCE)
    cookies = dict(organization.person.web.cookies)
    state, _, verifier = cookies["__Host-cis-oauth"].partition(".")
    assert asked["state"] == state
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    assert asked["code_challenge"] == challenge


@pytest.mark.parametrize(
    "wrong",
    [{"state": "another"}, {"iss": "https://evil.example"}, {"code": ""}, {"error": "access_denied"}],
)
async def test_an_answer_that_is_not_to_this_browser_lets_nobody_in(
    organization: Organization, wrong: dict[str, str]
) -> None:
    await organization.leave()
    organization.grants()
    answer = await organization.comes_back(**wrong)
    assert answer.status_code == 403
    assert "cis-session" not in str(answer.headers)
    assert "/token" not in organization.issuer.asked


async def test_without_the_cookie_of_this_browser_nobody_gets_in(organization: Organization) -> None:
    await organization.leave()
    organization.grants()
    organization.person.web.cookies.clear()
    assert (await organization.comes_back()).status_code == 403


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://other.example/mcp"},
        {"email_verified": False},
        {"email": "eve@elsewhere.example"},
        {"scope": "openid"},
        {"exp": 1},
    ],
)
async def test_a_token_that_is_not_for_this_server_lets_nobody_in(
    organization: Organization, claims: dict[str, Any]
) -> None:
    await organization.leave()
    organization.grants(**claims)
    answer = await organization.comes_back()
    assert answer.status_code == 403
    assert "cis-session" not in str(answer.headers)


async def test_the_bounds_of_a_subject_hold_and_its_session_ends_with_them(
    organization: Organization,
) -> None:
    made = await do(
        organization.engine,
        CreateKey(
            name="Ann",
            address="ann@cis.test",
            oauth_issuer=organization.issuer.url,
            oauth_subject="user-1",
            scopes=frozenset({"read"}),
        ),
    )
    await organization.leave()
    organization.grants()
    await organization.comes_back()
    assert (await organization.person.go("/console/events/new")).status == 403
    await do(organization.engine, RevokeKey(key_id=made.key.id))
    assert (await organization.person.go("/console")).answer.url.path == "/console/signin"


async def test_such_a_session_ends_after_half_a_day(organization: Organization, clock: Clock) -> None:
    await organization.leave()
    organization.grants()
    await organization.comes_back()
    for _ in range(3):
        assert "ann@cis.test" in (await organization.person.go("/console")).text
        clock.now += TOKEN_MAX / 3
    clock.now += timedelta(seconds=1)
    assert (await organization.person.go("/console")).answer.url.path == "/console/signin"


async def test_where_no_client_is_set_there_is_no_such_button(engine: Engine, web: httpx.AsyncClient) -> None:
    person = Person(web)
    assert "/console/signin/oauth" not in (await person.go("/console/signin")).links
    assert (await person.go("/console/signin/oauth")).status == 403
