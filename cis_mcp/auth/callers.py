"""Who asks over HTTP: bearer keys made with `cis-mcp key create`, and tokens of an OAuth issuer beside them."""

from __future__ import annotations

from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.settings import AuthSettings
from pydantic import AnyHttpUrl
from starlette.responses import JSONResponse

from cis_mcp.mcp.tools import EVERYTHING, Selection
from engine.commands.operators.operators import KEY_PREFIX, Key, digest
from engine.engine import Engine
from engine.model import Actor
from engine.refusals import Code, Refused
from engine.settings import Settings

_TOKEN_MAX = 8_192
"""Characters of a token; a key has some 50, a JWT seldom more than 2,000."""


class Caller(AccessToken):
    """A key or token that was let in, whom it acts for, and which tools it may use."""

    actor: Actor
    selection: Selection = EVERYTHING


class Unwelcome(AccessToken):
    """A token that is genuine, or cannot be judged just now, and lets nobody in; says why."""

    status: int = 403
    error: str = "insufficient_scope"
    description: str

    def response(self) -> JSONResponse:
        """The answer to its bearer (RFC 6750, 3.1)."""
        headers = {"Retry-After": "30"}
        if self.status == 403:
            wanted = f' scope="{" ".join(self.scopes)}",' if self.scopes else ""
            said = f'error="{self.error}",{wanted} error_description="{self.description}"'
            headers = {"WWW-Authenticate": f"Bearer {said}"}
        body = {"error": self.error, "error_description": self.description}
        return JSONResponse(body, self.status, headers=headers)


class Verifier(TokenVerifier):
    """Lets in the keys that the engine knows, and what `tokens`, if given, lets in."""

    def __init__(self, engine: Engine, tokens: TokenVerifier | None = None) -> None:
        self._engine = engine
        self._tokens = tokens

    async def verify_token(self, token: str) -> AccessToken | None:
        """Who bears `token`, or None where it is unknown, revoked, expired or not meant for this server."""
        if len(token) > _TOKEN_MAX:
            return None
        if token.startswith(KEY_PREFIX) or self._tokens is None:
            key = await self._engine.key_of(token)
            return None if key is None else _let_in(token, key)
        return await self._tokens.verify_token(token)


def _let_in(token: str, key: Key) -> Caller:
    return Caller(
        token=token,
        # Sessions belong to a key, not to an address: two keys may differ in scopes.
        client_id=digest(token),
        subject=key.address,
        scopes=sorted(key.scopes),
        actor=key.actor,
        selection=_selection(key),
    )


def _selection(key: Key) -> Selection:
    return Selection(tier=key.tier or EVERYTHING.tier, tools=key.tools, read_only=key.read_only)


def verifier(engine: Engine) -> TokenVerifier:
    """Keys, and tokens of `CIS_OAUTH_ISSUER` where it is set."""
    if not engine.settings.oauth_issuer:
        return Verifier(engine)
    # PyJWT and its cryptography are needed with an issuer alone.
    from cis_mcp.auth.oauth import JwtVerifier

    return Verifier(engine, JwtVerifier.of(engine.settings))


def resource_url(public_url: str) -> str:
    """What this server is called where tokens are issued for it (RFC 8707)."""
    return f"{public_url.rstrip('/')}/mcp"


def auth_settings(settings: Settings) -> AuthSettings:
    """The SDK's settings: with an issuer a resource server that says so, else keys alone with nobody behind them."""
    if settings.oauth_issuer:
        issuer, resource = settings.oauth_issuer, resource_url(settings.public_url)
        # The audience is checked where the token is: `CIS_OAUTH_AUDIENCE` may be another name than the URL.
        return AuthSettings.model_validate(
            {"issuer_url": issuer, "resource_server_url": resource, "validate_token_resource": False}
        )
    return AuthSettings(
        issuer_url=AnyHttpUrl(settings.public_url), resource_server_url=None, validate_token_resource=False
    )


def caller() -> Actor:
    """The actor of the key that the current request carries; raises Refused(NOT_ALLOWED) without one."""
    return _bearer().actor


def granted() -> Selection:
    """The tools that the key of the current request may use; raises Refused(NOT_ALLOWED) without one."""
    return _bearer().selection


def _bearer() -> Caller:
    token = get_access_token()
    if not isinstance(token, Caller):
        raise Refused(Code.NOT_ALLOWED, "This request carries no key.", "Send it as a bearer token.")
    return token
