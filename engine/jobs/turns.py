"""Several things to do, of which one that fails keeps no other from being done."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from typing import TypeVar

T = TypeVar("T")


async def each(works: Iterable[Awaitable[T]]) -> list[T]:
    """What each of `works` gives, one after the other.

    Raises what the first failed by once the others had their turn, and OSError at once: then the store is out of reach.
    """
    done, failure = [], None
    for work in works:
        try:
            done.append(await work)
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 -- it is raised below
            failure = failure or error
    if failure:
        raise failure
    return done
