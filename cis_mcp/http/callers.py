"""Identifies the caller of an HTTP request once, before any face; a refusal says why (RFC 6750, RFC 9728)."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import AnyHttpUrl
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, request_response
from starlette.types import ASGIApp, Receive, Scope, Send

from cis_mcp.auth.callers import Caller, CallerAuthenticator, TokenRefused, resource_url
from cis_mcp.auth.origin import SAFE_METHODS, same_origin
from cis_mcp.auth.sessions import SessionAuthenticator
from cis_mcp.http.limits import at_hook
from cis_mcp.http.refusals import turned_away
from cis_mcp.rest.catalog import REFERENCE
from engine.model.verbs import NAMES
from engine.settings import Settings

_BEARER = "bearer "
_CREDENTIALS = frozenset({b"authorization", b"x-api-key"})


class Authentication:
    """Looks up the bearer of a request, or whose session its cookie names, and puts it in its scope as `caller`.

    Whoever bears nothing passes as well. A cookie changes nothing for a page of another site.
    """

    def __init__(
        self, app: ASGIApp, authenticator: CallerAuthenticator, sessions: SessionAuthenticator
    ) -> None:
        self._app, self._authenticator, self._sessions = app, authenticator, sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and at_hook(scope):
            await self._app(scope, receive, send)
            return
        if scope["type"] == "http" and _shown_twice(scope):
            await _of_two(scope)(scope, receive, send)
            return
        token = _token(scope) if scope["type"] == "http" else ""
        try:
            caller = await self._authenticator.caller(token) if token else None
        except TokenRefused as unwelcome:
            await _turned_away(scope, unwelcome)(scope, receive, send)
            return
        if caller is None and not token and scope["type"] == "http":
            headers = Headers(scope=scope)
            caller = await self._sessions.caller(headers)
            if caller and scope["method"] not in SAFE_METHODS and not same_origin(headers):
                await _from_elsewhere(scope)(scope, receive, send)
                return
        if caller is not None:
            if caller.api and not scope["path"].startswith(REFERENCE):
                await _of_reference(scope)(scope, receive, send)
                return
            scope["caller"] = caller
        await self._app(scope, receive, send)


class CallersOnly:
    """Stands before what is for callers alone; others get 401 and learn where tokens come from."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        metadata = f', resource_metadata="{metadata_url(settings)}"' if settings.oauth_issuer else ""
        challenge = 'error="invalid_token", error_description="Authentication required"'
        self._headers = {"WWW-Authenticate": f"Bearer {challenge}{metadata}"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = scope.get("caller")
        if isinstance(caller, Caller) and not caller.by_cookie:
            await self._app(scope, receive, send)
            return
        body = {"error": "invalid_token", "error_description": "Authentication required"}
        await JSONResponse(body, 401, headers=self._headers)(scope, receive, send)


def _token(scope: Scope) -> str:
    """The token of a request's Authorization header, or without that header its x-api-key; empty if it has none."""
    headers = Headers(scope=scope)
    if "authorization" not in headers:
        return headers.get("x-api-key", "")
    header = headers["authorization"]
    return header[len(_BEARER) :] if header.lower().startswith(_BEARER) else ""


def _shown_twice(scope: Scope) -> bool:
    """True for two headers of one name that let somebody in: which of them counts, a proxy may read otherwise."""
    names = [name for name, _ in scope["headers"] if name in _CREDENTIALS]
    return len(names) > len(set(names))


def _of_two(scope: Scope) -> Response:
    """The answer to a request with two credentials (RFC 6750, 3.1)."""
    return turned_away(scope, 400, "invalid_request", "The request shows more than one key. Send one")


def _of_reference(scope: Scope) -> Response:
    """The answer to a key of the reference API where it opens nothing."""
    words = f"This key opens {', '.join(REFERENCE)} alone"
    return turned_away(scope, 403, "insufficient_scope", words)


def _from_elsewhere(scope: Scope) -> Response:
    """The answer to a request that another site makes with the cookie of someone who is signed in."""
    return turned_away(scope, 403, "cross_site", "The request does not come from a page of this server")


def _turned_away(scope: Scope, unwelcome: TokenRefused) -> Response:
    """The answer to the bearer of a token that lets no one in (RFC 6750, 3.1)."""
    headers = {"Retry-After": "30"}
    if unwelcome.status == 403:
        wanted = f' scope="{" ".join(unwelcome.scopes)}",' if unwelcome.scopes else ""
        challenge = f'error="{unwelcome.error}",{wanted} error_description="{unwelcome.description}"'
        headers = {"WWW-Authenticate": f"Bearer {challenge}"}
    return turned_away(scope, unwelcome.status, unwelcome.error, unwelcome.description, headers)


def metadata_routes(settings: Settings, name: str) -> list[Route]:
    """Where tokens for this server come from and what scopes there are (RFC 9728); without an issuer nothing."""
    if not settings.oauth_issuer:
        return []
    body = {
        "resource": str(AnyHttpUrl(resource_url(settings.public_url))),
        "authorization_servers": [str(AnyHttpUrl(settings.oauth_issuer))],
        "scopes_supported": sorted(NAMES),
        "bearer_methods_supported": ["header"],
        "resource_name": name,
    }

    async def metadata(_request: Request) -> Response:
        return JSONResponse(body, headers={"Cache-Control": "public, max-age=3600"})

    # Clients that run in a browser read it as well; it holds nothing that is not for everyone.
    open_to_all = CORSMiddleware(
        request_response(metadata),
        allow_origins=["*"],
        allow_methods=["GET", "OPTIONS"],
        allow_headers=["mcp-protocol-version"],
    )
    path = urlsplit(metadata_url(settings)).path
    return [Route(path, endpoint=open_to_all, methods=["GET", "OPTIONS"])]


def metadata_url(settings: Settings) -> str:
    """The well-known name stands between host and path (RFC 9728, 3.1)."""
    parts = urlsplit(str(AnyHttpUrl(resource_url(settings.public_url))))
    return f"{parts.scheme}://{parts.netloc}/.well-known/oauth-protected-resource{parts.path}"
