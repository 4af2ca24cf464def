"""The caller of a request as the SDK's type: attached to the request, read where a call is handled."""

from __future__ import annotations

from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken

from cis_mcp.auth.callers import Caller
from engine.refusals import Code, Refused


class Bearer(AccessToken):
    """The SDK's token of an authenticated caller, to which sessions and request states belong."""

    caller: Caller


def user(caller: Caller) -> AuthenticatedUser:
    """The user that the SDK sees as the sender of a request."""
    bearer = Bearer(
        token=caller.token,
        client_id=caller.key,
        subject=caller.subject,
        scopes=sorted(caller.actor.scopes),
        claims={"iss": caller.issuer} if caller.issuer else None,
        caller=caller,
    )
    return AuthenticatedUser(bearer)


def current() -> Caller | None:
    """The caller of the current request; None over stdio, or if no keys are required."""
    token = get_access_token()
    return token.caller if isinstance(token, Bearer) else None


def required() -> Caller:
    """The caller of the current request. Raises Refused(NOT_ALLOWED) if it carries no key."""
    caller = current()
    if caller is None:
        raise Refused(Code.NOT_ALLOWED, "This request has no key.", "Send it as a bearer token.")
    return caller
