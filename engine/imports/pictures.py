"""Pictures for pages by their URL: each is fetched once and stored, and this server delivers it to visitors."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from engine.commands.agents.reaching import ReachOut
from engine.commands.pages.picture_files import BYTES_MAX
from engine.commands.pages.pictures import KeepPicture
from engine.engine import Engine
from engine.model.actors import Actor
from engine.model.verbs import Verb
from engine.publicweb.outside import Outside, web_address, why_not
from engine.refusals import Code, Refused

FIELDS = ("logo", "banner", "background")
_SECONDS = 10.0
_FETCHES = asyncio.Semaphore(4)
"""The limit on pictures fetched at the same time."""
_HEADERS = {"User-Agent": "cis-mcp", "Accept": "image/*", "Accept-Encoding": "identity"}


async def with_pictures(
    engine: Engine, actor: Actor, organizer: str | None, given: Mapping[str, Any]
) -> dict[str, Any]:
    """The settings of a page in `given`, with pictures' URLs and bytes replaced by the names of stored pictures.

    Raises Refused: NOT_ALLOWED, OUT_OF_BOUNDS, URL_NOT_ALLOWED, URL_NOT_READABLE, and what KeepPicture raises.
    """
    named = {name: given[name] for name in FIELDS if given.get(name) not in (None, "")}
    if not named:
        return dict(given)
    return {
        **given,
        **{field: await _name(engine, actor, organizer, value) for field, value in named.items()},
    }


async def _name(engine: Engine, actor: Actor, organizer: str | None, value: str | bytes) -> str:
    """The name of a stored picture: `value` is its bytes, its URL, or already that name."""
    if isinstance(value, str) and ":" not in value:
        return value
    content = value if isinstance(value, bytes) else await _fetched(engine, actor, value)
    done = await engine.apply(KeepPicture(content=content, organizer=organizer), actor)
    return done.picture.name


def _failures() -> tuple[type[Exception], ...]:
    """The exceptions with which a fetch fails; httpcore is imported with the first fetch, not at startup."""
    import httpcore

    return (
        TimeoutError,
        OSError,
        httpcore.NetworkError,
        httpcore.TimeoutException,
        httpcore.ProtocolError,
    )


async def _fetched(engine: Engine, actor: Actor, url: str) -> bytes:
    url = web_address(url)
    await engine.apply(ReachOut(url=url, verb=Verb.PUBLISH), actor)
    outside = Outside(engine.settings)
    try:
        async with _FETCHES:
            address = await outside.check(url)
            answer = await outside.request(
                "GET", address, _HEADERS, b"", seconds=_SECONDS, most=BYTES_MAX + 1
            )
    except _failures() as error:
        raise _not_readable(why_not(error)) from None
    finally:
        await outside.close()
    if answer.status != 200:
        raise _not_readable(f"Its server answered {answer.status}.")
    return answer.body


def _not_readable(why: str) -> Refused:
    return Refused(
        Code.URL_NOT_READABLE,
        f"The picture could not be fetched. {why}",
        "Give the address of the picture itself, without redirects, or the file.",
    )
