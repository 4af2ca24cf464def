"""The routes of the endpoints: authenticate the caller, parse the request, and write the response."""

from __future__ import annotations

import errno
import json
import logging
import re
import traceback
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from starlette.convertors import PathConvertor, register_url_convertor
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route, request_response

from cis_mcp.auth.callers import Caller
from cis_mcp.auth.origin import of_this_machine
from cis_mcp.rest import reading
from cis_mcp.rest.catalog import EVERY
from cis_mcp.rest.endpoint import Call, DataResponse, Endpoint, HeldError
from cis_mcp.rest.landing import STOCK_PAGE, stock_page
from cis_mcp.rest.problems import problem, refusal
from cis_mcp.rest.served import ServedDocument
from cis_mcp.views.undo import undo_info
from cis_mcp.views.waiting import waiting
from engine.engine import Engine
from engine.model.actors import Actor
from engine.model.undo import Undo
from engine.process import pools
from engine.refusals import Code, Refused

logger = logging.getLogger(__name__)

_TIERS = ("core", "extended", "operator")
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY")
"""Those that get an answer of ours, which names what the path allows."""

_ADDRESS = re.compile(r"\{(email|address)\}")
_ELSEWHERE = (
    "If the name in the address is this server's own, set CIS_PUBLIC_URL to it. Other sites get in with a key, at a "
    "server without --no-auth."
)
_UNKEYED = {"WWW-Authenticate": 'Bearer error="invalid_token", error_description="Authentication required"'}


class _Anything(PathConvertor):
    """What stands for an address: it may have a slash, and line breaks are refused in words."""

    regex = r"[\s\S]*"


register_url_convertor("anything", _Anything())


def routes(engine: Engine, *, keyed: bool, leaving: Callable[[], bool] = lambda: False) -> list[Route]:
    """A route for each path of /v1, and the document that tells of them; without `keyed` all act for the operator."""
    by_path: dict[str, list[Endpoint]] = defaultdict(list)
    for endpoint in EVERY:
        by_path[endpoint.path].append(endpoint)
    handler = RequestHandler(engine, keyed=keyed, leaving=leaving)
    return [
        Route(STOCK_PAGE, stock_page),
        *(_route(handler, path, by_path[path]) for path in sorted(by_path, key=_longest_first)),
        Route("/openapi.json", ServedDocument(engine.settings.public_url).get),
        Route("/v1/{rest:anything}", _unknown_path, methods=_METHODS),
    ]


def _route(handler: RequestHandler, path: str, endpoints: Sequence[Endpoint]) -> Route:
    by_method = {endpoint.method: endpoint for endpoint in endpoints}
    methods = sorted(by_method)

    async def asked(request: Request) -> Response:
        endpoint = by_method.get("GET" if request.method == "HEAD" else request.method)  # type: ignore[call-overload]
        allowed = {"Allow": ", ".join(methods)}
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=allowed)
        if endpoint is None or (request.method == "HEAD" and endpoint.acts):
            words = f"{request.method} is not possible here; possible: {', '.join(methods)}."
            return problem(405, Code.INVALID_ARGUMENT, words, headers=allowed)
        answer = await handler.answer(endpoint, request)
        return _head_alone(answer) if request.method == "HEAD" else answer

    routed = _ADDRESS.sub(r"{\1:anything}", path)
    if not endpoints[0].reference:
        return Route(routed, asked, methods=_METHODS)
    open_to_all = CORSMiddleware(
        request_response(asked),
        allow_origins=["*"],
        allow_methods=["GET", "OPTIONS"],
        allow_headers=["authorization", "content-type", "x-api-key"],
        expose_headers=["Link"],
    )
    return Route(routed, endpoint=open_to_all, methods=_METHODS)


def _longest_first(path: str) -> int:
    """Routes that go on after an address come before the one that ends with it."""
    return -path.count("/")


def _head_alone(answer: Response) -> Response:
    """What HEAD gets: nothing of a stream is read, which may be long, or go on for days."""
    if not isinstance(answer, StreamingResponse):
        return answer
    head = Response(status_code=answer.status_code, headers=answer.headers)
    del head.headers["Content-Length"]
    return head


class RequestHandler:
    """Authenticates callers and answers their requests."""

    def __init__(self, engine: Engine, *, keyed: bool, leaving: Callable[[], bool]) -> None:
        self._engine, self._keyed, self._leaving = engine, keyed, leaving

    async def answer(self, endpoint: Endpoint, request: Request) -> Response:
        """The answer to one request; refusals have a code, and crashes never show their text."""
        try:
            return await self._answer(endpoint, request)
        except HeldError as waits:
            return _json(waiting(waits.held), 202, {})
        except Refused as refused:
            return refusal(refused)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                return problem(507, Code.DISK_FULL, "The server's disk is full; nothing was changed.")
            return _failed(endpoint, error)
        except Exception as error:  # noqa: BLE001 -- the caller gets a code; the log gets the place
            return _failed(endpoint, error)

    async def _answer(self, endpoint: Endpoint, request: Request) -> Response:
        caller = _bearer(endpoint, request)
        if self._keyed and caller is None:
            if endpoint.unkeyed is not None:
                return await endpoint.unkeyed(self._engine, request)
            words = "This request carries no key that is known."
            hint = "Send a key as “Authorization: Bearer …” or as “x-api-key: …”."
            return problem(401, Code.NOT_ALLOWED, words, hint, headers=_UNKEYED)
        if caller is None and not of_this_machine(request.headers, self._engine.settings.public_url):
            raise Refused(Code.NOT_ALLOWED, "Requests from pages of other sites are refused.", _ELSEWHERE)
        pools.caller.set(caller.key if caller else "local")
        actor = (_actor(caller) if caller else self._engine.local).model_copy(update={"face": "rest"})
        _refuse_narrowed(endpoint, actor, caller, request.path_params)
        _refuse_unkept(endpoint, request)
        call: Call[Any, Any] = Call(
            engine=self._engine,
            actor=actor,
            query=reading.query_of(endpoint, request),
            body=await reading.body_of(endpoint, request),
            headers=request.headers,
            leaving=self._leaving,
            has=lambda tool: _may(tool, actor, caller),
        )
        return _written(endpoint, await endpoint.handler(call), call.undo if endpoint.undoable else ())


def _bearer(endpoint: Endpoint, request: Request) -> Caller | None:
    """Who asks. A GET that sends mail counts only with a key: a browser adds its cookie to every link."""
    caller = request.scope.get("caller")
    if not isinstance(caller, Caller) or (endpoint.reference and caller.by_cookie):
        return None
    return caller


def _actor(caller: Caller) -> Actor:
    """Whom a caller acts as: a key of the reference API for every organizer, within its own bounds."""
    if not caller.api:
        return caller.actor
    own = caller.actor
    return Actor(kind="local", address=own.address, key=own.key, chain=own.chain)


def _refuse_narrowed(
    endpoint: Endpoint, actor: Actor, caller: Caller | None, path: Mapping[str, str]
) -> None:
    """Refuse what a key has no verb for, and what it was narrowed not to do."""
    if not actor.everywhere and endpoint.verb not in actor.verbs:
        raise Refused(Code.NOT_ALLOWED, f"This key may not do that: it lacks “{endpoint.verb}”.")
    if caller is None:
        return
    if caller.api and endpoint.verb not in caller.actor.verbs:
        raise Refused(Code.NOT_ALLOWED, "This is for the admin key.")
    if caller.read_only and endpoint.changes:
        raise Refused(Code.NOT_ALLOWED, "This key is read-only.")
    tool, tier = endpoint.narrowed_to(path)
    if caller.tools and tool not in caller.tools:
        raise Refused(Code.NOT_ALLOWED, "This key is restricted to other operations.")
    if caller.tier and _TIERS.index(tier) > _TIERS.index(caller.tier):
        raise Refused(Code.NOT_ALLOWED, f"This key is restricted to the tier “{caller.tier}”.")


def _may(tool: str, actor: Actor, caller: Caller | None) -> bool:
    """True if the caller may do what that tool does."""
    try:
        _refuse_narrowed(next(one for one in EVERY if one.tool == tool), actor, caller, {})
    except Refused:
        return False
    return True


def _refuse_unkept(endpoint: Endpoint, request: Request) -> None:
    """Better refused than passed over: whoever sends such a header counts on it."""
    if endpoint.changes and not endpoint.of_revision and request.headers.get("if-match", "*").strip() != "*":
        raise Refused(
            Code.INVALID_ARGUMENT,
            "This operation does not accept If-Match.",
            "Leave it out; the description of each operation says what repeating it does.",
        )
    if "idempotency-key" in request.headers and not endpoint.repeatable:
        raise Refused(
            Code.INVALID_ARGUMENT,
            "This operation does not accept an Idempotency-Key.",
            "Leave it out; the description of each operation says what repeating it does.",
        )


def _written(
    endpoint: Endpoint, found: BaseModel | DataResponse | Response, undo: Sequence[Undo]
) -> Response:
    if isinstance(found, Response):
        return found
    if isinstance(found, DataResponse):
        return _json(found.data, found.status, dict(found.headers), undo)
    return _json(found, endpoint.status, {}, undo)


def _json(data: BaseModel, status: int, headers: dict[str, str], undo: Sequence[Undo] = ()) -> Response:
    headers.setdefault("Cache-Control", "no-store")
    text = data.model_dump_json()
    if undo:
        text = json.dumps(
            {**data.model_dump(mode="json"), "undo": undo_info(undo[-1]).model_dump(mode="json")}
        )
    return Response(text, status, headers, "application/json")


def _failed(endpoint: Endpoint, error: Exception) -> Response:
    # The places it went through, without its text, which could hold addresses (promise 13).
    where = "".join(traceback.format_tb(error.__traceback__))
    logger.error("%s failed with %s at\n%s", endpoint.name, type(error).__name__, where)
    words = "The server failed while dealing with this request."
    return problem(500, Code.INTERNAL, words, "Check what was done before you repeat it.", sent=None)


async def _unknown_path(_request: Request) -> Response:
    return problem(404, Code.INVALID_ARGUMENT, "Nothing exists at this path.", "See /openapi.json.")
