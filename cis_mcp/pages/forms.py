"""Forms of our own pages: small, and each field once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from urllib.parse import parse_qs, parse_qsl

from starlette.datastructures import QueryParams
from starlette.requests import Request

from engine.refusals import Code, Refused

_BODY_MAX = 10_000
"""Bytes: a reason has 500 characters."""
_FIELDS_MAX = 10
_MANY_BODY_MAX = 100_000
"""Bytes: 2,430 ticks of five letters have 20,000."""
_MANY_FIELDS_MAX = 3_000
_TEXTS_BODY_MAX = 1_500_000
"""Bytes: a payload for a hook and rules to try on it, each character as three bytes or more."""
_ADDRESS_MAX = 320


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form. Raises Refused: TOO_LARGE, INVALID_ARGUMENT."""
    body = await _body(request, _BODY_MAX)
    try:
        fields = parse_qs(body.decode("ascii"), max_num_fields=_FIELDS_MAX)
    except ValueError:
        raise Refused(Code.INVALID_ARGUMENT, "The form cannot be read.") from None
    return {name: values[0] for name, values in fields.items()}


async def many_of(request: Request, *, texts: bool = False) -> QueryParams:
    """The fields of a form in which one may stand many times; `texts`: long ones, of somebody who is known.

    Raises Refused: TOO_LARGE, INVALID_ARGUMENT.
    """
    body = await _body(request, _TEXTS_BODY_MAX if texts else _MANY_BODY_MAX)
    read = partial(parse_qsl, keep_blank_values=True, max_num_fields=_MANY_FIELDS_MAX)
    try:
        text = body.decode("ascii")
        # The longest takes some 0.3 s, in which others have their turn.
        pairs = await asyncio.to_thread(read, text) if len(text) > _MANY_BODY_MAX else read(text)
    except ValueError:
        raise Refused(Code.INVALID_ARGUMENT, "The form cannot be read.") from None
    return QueryParams(pairs)


async def _body(request: Request, most: int) -> bytes:
    """The body, of which no more is read than a form may have. Raises Refused: TOO_LARGE."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise Refused(Code.TOO_LARGE, "The form is too large.")
        parts.append(part)
    return b"".join(parts)


def address_in(form: Mapping[str, str]) -> str:
    """The address in a form, as it is shown again; empty if it is longer than any: what is cut is another's."""
    given = form.get("email", "")
    return given if len(given) <= _ADDRESS_MAX else ""


def client_of(request: Request) -> str:
    """The client's address; empty if the server does not know it."""
    return request.client.host if request.client else ""
