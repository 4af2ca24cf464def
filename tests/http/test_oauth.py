"""Tokens of an OAuth issuer: taken where they prove who asks, for whom and for this server; else told why not."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from cis_mcp.auth.callers import Caller, TokenRefused
from cis_mcp.auth.jwks import KEEP_S, PAUSE_S, STALE_S, KeySet, UnreachableError
from cis_mcp.auth.keys import authenticator
from cis_mcp.auth.oauth import TokenAuthenticator, scopes_of
from engine.commands.agents.keys import ChangeKey, CreateKey, RevokeKey
from engine.commands.invites.invites import SendInvite
from engine.engine import Engine
from engine.model.bounds import Bounds
from engine.model.verbs import NAMES, Verb
from engine.refusals import Code
from engine.settings import Settings
from tests.cli.processes import run
from tests.support.engines import do, engine_in, meeting, refusal, settings_in
from tests.support.issuer import EC_KEY, ED_KEY, OTHER_KEY, RSA_KEY, Issuer, issuing, public
from tests.support.waiting import DEADLINE_S
from tests.support.webs import INITIALIZE, Mode, bearing, client, key_for, served

AUDIENCE = "http://127.0.0.1:8000/mcp"
METADATA = "/.well-known/oauth-protected-resource/mcp"


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with issuing() as issuer:
        yield issuer


@pytest.fixture
async def engine(tmp_path: Path, issuer: Issuer) -> AsyncIterator[Engine]:
    async with engine_in(tmp_path, oauth_issuer=issuer.url) as engine:
        yield engine


@pytest.fixture
def verifier(tmp_path: Path, issuer: Issuer) -> TokenAuthenticator:
    return TokenAuthenticator.of(settings_in(tmp_path, oauth_issuer=issuer.url))


@pytest.fixture
async def address(engine: Engine) -> AsyncIterator[str]:
    async with served(engine) as address:
        yield address


async def _asked(address: str, token: str) -> httpx.Response:
    async with httpx.AsyncClient(timeout=DEADLINE_S) as web:
        return await web.post(f"{address}/mcp", json=INITIALIZE, headers=bearing(token))


def _tampered(issuer: Issuer, header: dict[str, Any]) -> str:
    """A token with another header and the signature of the first."""
    _, claims, signature = issuer.token().split(".")
    head = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    return f"{head}.{claims}.{signature}"


def _signed_with_the_public_key(issuer: Issuer) -> str:
    """The classic: HS256 with the public key as the shared secret (RFC 8725, 2.1)."""
    pem = RSA_KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    # By hand: PyJWT refuses to make one.
    parts = [{"alg": "HS256", "kid": "rsa"}, issuer.claims()]
    signed = b".".join(base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=") for p in parts)
    signature = base64.urlsafe_b64encode(hmac.digest(pem, signed, "sha256")).rstrip(b"=")
    return f"{signed.decode()}.{signature.decode()}"


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_token_acts_for_the_address_that_it_proves(address: str, issuer: Issuer, mode: Mode) -> None:
    async with client(address, issuer.token(), mode) as agent:
        assert "ann@cis.test" in (agent.instructions or "")
        given = {"summary": "x", "start": "2037-05-02T19:00:00Z", "duration": "PT1H", "timezone": "UTC"}
        made = await agent.call_tool("create_event", given)
        assert made.structured_content is not None
        assert made.structured_content["event"]["organizer"] == "ann@cis.test"


@pytest.mark.parametrize(
    ("key", "kid", "algorithm"),
    [
        (RSA_KEY, "rsa", "RS256"),
        (RSA_KEY, "rsa", "PS512"),
        (EC_KEY, "ec", "ES256"),
        (ED_KEY, "ed", "EdDSA"),
        (ED_KEY, None, "EdDSA"),
    ],
)
async def test_every_signature_with_a_public_key_is_taken(
    verifier: TokenAuthenticator, issuer: Issuer, key: Any, kid: str | None, algorithm: str
) -> None:
    assert isinstance(await verifier.caller(issuer.token(key, kid, algorithm)), Caller)


BAD: dict[str, Any] = {
    "another audience": lambda i: i.token(aud="https://other.example/mcp"),
    "no audience": lambda i: i.token(aud=None),
    "another issuer": lambda i: i.token(iss="https://evil.example"),
    "no issuer": lambda i: i.token(iss=None),
    "expired": lambda i: i.token(exp=int(time.time()) - 60),
    "never expires": lambda i: i.token(exp=None),
    "not yet valid": lambda i: i.token(nbf=int(time.time()) + 600),
    "no subject": lambda i: i.token(sub=None),
    "a time that is none": lambda i: i.token(exp="soon"),
    "a time without end": lambda i: i.token(exp=float("inf")),
    "another key": lambda i: i.token(OTHER_KEY),
    "an unknown key": lambda i: i.token(OTHER_KEY, "other"),
    "another algorithm than its key's": lambda i: i.token(RSA_KEY, "ec", "RS256"),
    "no signature": lambda i: jwt.encode(i.claims(), "", "none", headers={"kid": "ec"}),
    "a shared secret": _signed_with_the_public_key,
    "a changed header": lambda i: _tampered(i, {"alg": "ES256", "kid": "ec"}),
    "a header without algorithm": lambda i: _tampered(i, {"kid": "ec"}),
    "a strange algorithm": lambda i: _tampered(i, {"alg": ["ES256"], "kid": "ec"}),
    "a strange key id": lambda i: _tampered(i, {"alg": "ES256", "kid": {"a": 1}}),
    "an ID of a logout": lambda i: i.token(header={"typ": "logout+jwt"}),
    "an unknown critical header": lambda i: i.token(header={"crit": ["x"], "x": 1}),
    "bound to its client's key": lambda i: i.token(cnf={"jkt": "x"}),
    "three dots": lambda _: "a.b.c",
}


@pytest.mark.parametrize("name", BAD)
async def test_a_token_that_proves_nothing_is_turned_away(
    verifier: TokenAuthenticator, issuer: Issuer, name: str
) -> None:
    assert isinstance(await verifier.caller(issuer.token()), Caller)
    assert await verifier.caller(BAD[name](issuer)) is None


@pytest.mark.parametrize("changes", [{"aud": "https://other.example/mcp"}, {"filler": "x" * 9_000}])
async def test_who_is_turned_away_is_told_where_tokens_come_from(
    address: str, issuer: Issuer, changes: dict[str, Any]
) -> None:
    answer = await _asked(address, issuer.token(**changes))
    assert answer.status_code == 401
    challenge = answer.headers["www-authenticate"]
    assert 'error="invalid_token"' in challenge
    assert f'resource_metadata="http://127.0.0.1:8000{METADATA}"' in challenge


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"scope": "openid profile"}, "none of this server's scopes"),
        ({"scope": None}, "none of this server's scopes"),
        ({"email": None}, "no claim email"),
        ({"email": ["ann@cis.test"]}, "no claim email"),
        ({"email": "ann"}, "holds no email address"),
        ({"email_verified": None}, "is verified"),
        ({"email_verified": "true"}, "is verified"),
        ({"email": "ann@elsewhere.example.com"}, "CIS_ORGANIZERS"),
    ],
)
async def test_a_genuine_token_that_lets_nobody_in_is_told_why(
    verifier: TokenAuthenticator, issuer: Issuer, changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(TokenRefused, match=says):
        await verifier.caller(issuer.token(**changes))


async def test_who_is_let_in_nowhere_gets_a_403_that_names_the_scopes(address: str, issuer: Issuer) -> None:
    answer = await _asked(address, issuer.token(scope="openid"))
    assert answer.status_code == 403
    challenge = answer.headers["www-authenticate"]
    assert 'error="insufficient_scope"' in challenge
    assert 'scope="read events invites campaigns"' in challenge


async def test_a_token_may_do_what_its_scopes_say(address: str, issuer: Issuer) -> None:
    async with client(address, issuer.token(scope=None, scp=["cis:read"])) as agent:
        tools = {tool.name for tool in (await agent.list_tools()).tools}
        assert "get_event" in tools
        assert "create_event" not in tools


async def _called(address: str, token: str, tool: str) -> httpx.Response:
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": {}}}
    async with httpx.AsyncClient(timeout=DEADLINE_S) as web:
        return await web.post(f"{address}/mcp", json=body, headers=bearing(token))


@pytest.mark.parametrize(
    ("tool", "scopes"),
    [
        ("send_invite", "send"),
        ("bulk_send", "bulk"),
        ("list_messages", "reply"),
        ("send_report", "read report"),
        ("import_calendar", "create update"),
    ],
)
async def test_a_call_beyond_a_tokens_scopes_gets_a_403_with_all_scopes_of_the_call(
    address: str, issuer: Issuer, tool: str, scopes: str
) -> None:
    answer = await _called(address, issuer.token(scope="read"), tool)
    assert answer.status_code == 403
    challenge = answer.headers["www-authenticate"]
    assert 'error="insufficient_scope"' in challenge
    assert f'scope="{scopes}"' in challenge
    assert METADATA in challenge
    assert answer.json()["scope"] == scopes


async def test_a_call_within_them_or_of_no_tool_or_by_a_key_gets_none(
    engine: Engine, address: str, issuer: Issuer
) -> None:
    for token, tool in (
        (issuer.token(scope="read"), "get_event"),
        (issuer.token(scope="read"), "no_such_tool"),
        (await key_for(engine, scopes=frozenset({"read"})), "send_invite"),
    ):
        assert (await _called(address, token, tool)).status_code != 403


async def test_a_scope_that_its_bounds_do_not_hold_is_not_asked_for(
    engine: Engine, address: str, issuer: Issuer
) -> None:
    claims = issuer.claims()
    made = CreateKey(
        name="",
        address="ann@cis.test",
        oauth_issuer=claims["iss"],
        oauth_subject=claims["sub"],
        bounds=Bounds(verbs=frozenset({Verb.READ, Verb.SEND})),
    )
    await do(engine, made)
    token = issuer.token(scope="read")
    statuses = [(await _called(address, token, tool)).status_code for tool in ("send_invite", "bulk_send")]
    assert statuses[0] == 403
    assert statuses[1] != 403


async def test_where_subjects_are_listed_another_gets_in_nowhere(tmp_path: Path, issuer: Issuer) -> None:
    async with (
        engine_in(tmp_path, oauth_issuer=issuer.url, oauth_subjects="listed") as engine,
        served(engine) as address,
    ):
        refused = await _asked(address, issuer.token())
        assert (refused.status_code, "access_denied" in refused.text) == (403, True)
        claims = issuer.claims()
        made = CreateKey(
            name="", address="ann@cis.test", oauth_issuer=claims["iss"], oauth_subject=claims["sub"]
        )
        await do(engine, made)
        assert (await _asked(address, issuer.token())).status_code == 200


async def test_keys_are_taken_beside_tokens(engine: Engine, address: str) -> None:
    assert (await _asked(address, await key_for(engine))).status_code == 200
    assert (await _asked(address, "cis_guessed")).status_code == 401


async def test_the_metadata_say_where_tokens_come_from(address: str, issuer: Issuer) -> None:
    async with httpx.AsyncClient(timeout=DEADLINE_S) as web:
        found = (await web.get(f"{address}{METADATA}")).json()
    assert found["resource"] == AUDIENCE
    assert [url.rstrip("/") for url in found["authorization_servers"]] == [issuer.url]
    assert found["scopes_supported"] == sorted(NAMES)


async def test_without_an_issuer_there_are_no_metadata(tmp_path: Path) -> None:
    async with (
        engine_in(tmp_path) as engine,
        served(engine) as address,
        httpx.AsyncClient(timeout=DEADLINE_S) as web,
    ):
        assert (await web.get(f"{address}{METADATA}")).status_code == 404


async def test_openid_metadata_lead_to_the_keys_as_well(address: str, issuer: Issuer) -> None:
    issuer.publish(public(EC_KEY, "ec"), metadata="/.well-known/openid-configuration")
    assert (await _asked(address, issuer.token())).status_code == 200


async def test_metadata_of_another_issuer_are_not_believed(address: str, issuer: Issuer) -> None:
    issuer.documents["/.well-known/oauth-authorization-server"] = json.dumps(
        {"issuer": "https://evil.example", "jwks_uri": f"{issuer.url}/jwks"}
    ).encode()
    assert (await _asked(address, issuer.token())).status_code == 503


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b'{"keys": 1}', b'{"keys": []' + b" " * 300_000 + b"}", b"[" * 100_000],
    ids=["empty", "no object", "no set", "too large", "too deep"],
)
async def test_where_the_issuers_keys_cannot_be_had_the_caller_is_asked_to_wait(
    address: str, issuer: Issuer, body: bytes
) -> None:
    issuer.documents["/jwks"] = body
    answer = await _asked(address, issuer.token())
    assert answer.status_code == 503
    assert answer.headers["retry-after"]


async def test_keys_are_fetched_once_and_unknown_ones_cause_no_flood(address: str, issuer: Issuer) -> None:
    for _ in range(3):
        assert (await _asked(address, issuer.token())).status_code == 200
    for number in range(3):
        assert (await _asked(address, issuer.token(OTHER_KEY, f"guess-{number}"))).status_code == 401
    assert issuer.asked.count("/jwks") == 1


class Ticks:
    """A clock that is moved, and a fetch that counts."""

    def __init__(self) -> None:
        self.now, self.fetched, self.down = 1_000.0, 0, False
        self.keys = [public(EC_KEY, "ec")]

    async def fetch(self) -> list[dict[str, Any]]:
        self.fetched += 1
        if self.down:
            raise OSError("down")
        return self.keys


async def test_a_new_key_of_the_issuer_is_found_within_a_minute() -> None:
    ticks = Ticks()
    keys = KeySet(ticks.fetch, lambda: ticks.now)
    assert await keys.key("ec", "ES256")
    ticks.keys = [public(OTHER_KEY, "new")]
    assert await keys.key("new", "ES256") is None
    ticks.now += PAUSE_S
    assert await keys.key("new", "ES256")
    assert await keys.key("ec", "ES256") is None
    assert ticks.fetched == 2


async def test_known_keys_outlast_an_issuer_that_is_down_for_a_day() -> None:
    ticks = Ticks()
    keys = KeySet(ticks.fetch, lambda: ticks.now)
    assert await keys.key("ec", "ES256")
    ticks.down = True
    ticks.now += KEEP_S + 1
    assert await keys.key("ec", "ES256")
    ticks.now += STALE_S
    with pytest.raises(UnreachableError):
        await keys.key("ec", "ES256")


async def test_a_key_for_encryption_or_too_short_verifies_nothing(address: str, issuer: Issuer) -> None:
    issuer.publish(public(EC_KEY, "ec", use="enc"))
    assert (await _asked(address, issuer.token())).status_code == 401


@given(
    st.dictionaries(
        st.sampled_from(["scope", "scp"]),
        st.recursive(st.none() | st.text() | st.integers(), st.lists, max_leaves=10),
    )
)
def test_whatever_a_token_has_for_scopes_gives_only_ours(claims: dict[str, Any]) -> None:
    assert scopes_of(claims) <= NAMES


@pytest.mark.parametrize(
    "url", ["http://issuer.example.com", "ftp://127.0.0.1", "https://u:p@example.com", "issuer"]
)
def test_an_issuer_that_others_could_pose_as_is_no_setting(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        Settings(oauth_issuer=url)


async def test_with_an_issuer_a_server_for_others_needs_no_key(tmp_path: Path) -> None:
    code, _, err = await run(
        tmp_path, "serve", "--http", "192.0.2.1:0", CIS_OAUTH_ISSUER="https://issuer.example.com"
    )
    # The door is fine; the address is not this machine's.
    assert code == 1
    assert "192.0.2.1" in err


async def test_bounds_hold_for_the_subject_for_which_they_were_made(engine: Engine, issuer: Issuer) -> None:
    bounds = Bounds(
        verbs=frozenset({Verb.CREATE, Verb.SEND, Verb.BULK}), to=("*@customer.com",), horizon_days=0
    )
    command = CreateKey(name="", address="ann@cis.test", bounds=bounds, oauth_issuer=issuer.url)
    done = await do(engine, command.model_copy(update={"oauth_subject": issuer.claims()["sub"]}))
    assert done.secret == ""
    verifier = authenticator(engine)
    caller = await verifier.caller(issuer.token(scope="read events invites"))
    assert caller is not None
    assert caller.actor.verbs == {Verb.READ, Verb.CREATE, Verb.SEND}
    assert caller.actor.key == done.key.id
    event = (await do(engine, meeting(), caller.actor)).event
    assert (
        await refusal(engine, SendInvite(uid=event.uid, email="eve@evil.com"), caller.actor)
        is Code.OUT_OF_BOUNDS
    )
    other = await verifier.caller(issuer.token(sub="somebody else"))
    assert other is not None
    assert other.actor.key == ""
    await do(engine, RevokeKey(key_id=done.key.id))
    with pytest.raises(TokenRefused):
        await verifier.caller(issuer.token())


async def test_a_subject_whose_bounds_were_revoked_gets_new_ones(engine: Engine, issuer: Issuer) -> None:
    command = CreateKey(
        name="", address="ann@cis.test", oauth_issuer=issuer.url, oauth_subject=issuer.claims()["sub"]
    )
    old = (await do(engine, command)).key
    assert await refusal(engine, command) is Code.INVALID_ARGUMENT
    await do(engine, RevokeKey(key_id=old.id))
    assert await refusal(engine, ChangeKey(key_id=old.id, bounds=Bounds(day=5))) is Code.NOT_ALLOWED
    new = (await do(engine, command)).key
    caller = await authenticator(engine).caller(issuer.token())
    assert caller is not None
    assert caller.actor.key == new.id
    assert await refusal(engine, command) is Code.INVALID_ARGUMENT
    assert {key.id: key.revoked is not None for key in await engine.keys()} == {old.id: True, new.id: False}
