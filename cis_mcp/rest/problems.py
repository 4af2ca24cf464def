"""Refusals as problem details (RFC 9457), with the code, the hint, and whether anything was sent."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field
from pydantic_core import ErrorDetails
from starlette.responses import Response

from cis_mcp.rest.hints import hint
from engine.refusals import Code, Refused

MEDIA = "application/problem+json"
_SHOWN = 10
_NAME_SHOWN = 60
_RETRY_S = {Code.BUSY: "5", Code.PERSON_LIMIT: "3600", Code.TOO_SOON: "60", Code.TOO_MANY: "60"}

_STATUS: Mapping[int, frozenset[Code]] = {
    403: frozenset(
        {
            Code.NOT_ALLOWED,
            Code.NOT_OWNER,
            Code.OUT_OF_BOUNDS,
            Code.ORGANIZER_SUSPENDED,
            Code.ORGANIZER_NOT_ALLOWED,
            Code.ATTENDEE_BLOCKED,
            Code.ADDRESS_SUPPRESSED,
            Code.INVITE_LIMIT_REACHED,
        }
    ),
    404: frozenset(code for code in Code if code.value.startswith("unknown_")) - {Code.UNKNOWN_TIMEZONE},
    409: frozenset(
        {
            Code.AMBIGUOUS_EVENT,
            Code.EVENT_EXISTS,
            Code.EVENT_CANCELLED,
            Code.EVENT_FINISHED,
            Code.EVENT_FULL,
            Code.IDEMPOTENCY_CONFLICT,
            Code.CAMPAIGN_STATE,
            Code.HELD_ACTION_STATE,
            Code.CONFIRM_TOKEN_INVALID,
            Code.INVITE_WITHDRAWN,
            Code.ALREADY_INVITED,
            Code.UNDO_OVER,
        }
    ),
    412: frozenset({Code.SEQUENCE_MISMATCH}),
    413: frozenset({Code.TOO_LARGE, Code.TOO_COSTLY}),
    429: frozenset({Code.PERSON_LIMIT, Code.TOO_SOON, Code.TOO_MANY}),
    500: frozenset({Code.INTERNAL, Code.RENDER_FAILED, Code.PROCESS_DIED}),
    406: frozenset({Code.PACKAGE_MISSING}),
    503: frozenset({Code.BUSY}),
    507: frozenset({Code.DISK_FULL}),
}


class Mistake(BaseModel):
    """One thing that is wrong with a request."""

    field: str = Field(description="parameter, or JSON pointer into the body")
    detail: str


class Problem(BaseModel):
    """Why a request was refused (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str = Field(description="one list for all ways in: docs/tools.md names them")
    hint: str = Field(description="what to do next")
    sent: bool | None = Field(description="true: mail left; null: not known")
    bound: str | None = Field(None, description="of out_of_bounds: which")
    errors: list[Mistake] | None = Field(
        None, description="field by field, of a request that was not understood"
    )


class MistakesError(Refused):
    """An invalid request; `mistakes` say what is wrong and where."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        words = "; ".join(f"{one.field}: {one.detail}" for one in mistakes[:3])
        super().__init__(Code.INVALID_ARGUMENT, words, "Correct it and try again; nothing was done.")
        self.mistakes = tuple(mistakes)


def mistakes(where: str, errors: Sequence[ErrorDetails]) -> MistakesError:
    """What pydantic found, without the values; `where`: `body`, or nothing for parameters."""
    return MistakesError([_mistake(where, error) for error in errors[:_SHOWN]])


def _mistake(where: str, error: ErrorDetails) -> Mistake:
    place = [str(part)[:_NAME_SHOWN] for part in error["loc"]]
    name = "/".join(["", *place]) if where else ".".join(place)
    words = "there is no such field" if error["type"] == "extra_forbidden" else _plain(error["msg"])
    return Mistake(field=name or where, detail=words)


def _plain(message: str) -> str:
    return (
        message.removeprefix("Value error, ")
        .replace("Input should", "should")
        .replace("Field required", "is missing")
    )


def status_of(code: Code) -> int:
    """The HTTP status that goes with a code."""
    return next((status for status, codes in _STATUS.items() if code in codes), 400)


def problem(
    status: int, code: str, detail: str, hint: str = "", *, sent: bool | None = False, **more: Any
) -> Response:
    """A problem as the answer; `headers` among `more` are its headers."""
    headers = more.pop("headers", None)
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "hint": hint,
        "sent": sent,
        **more,
    }
    return Response(json.dumps(body, ensure_ascii=False), status, headers, MEDIA)


def refusal(refused: Refused) -> Response:
    """A refusal as the answer."""
    more: dict[str, Any] = {"bound": refused.bound} if refused.bound else {}
    if isinstance(refused, MistakesError):
        more["errors"] = [one.model_dump() for one in refused.mistakes]
    if wait := _RETRY_S.get(refused.code):
        more["headers"] = {"Retry-After": wait}
    return problem(
        status_of(refused.code), refused.code.value, refused.message, hint(refused), sent=False, **more
    )
