"""Parse the fields of forms."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.responses import Response

from cis_mcp.console.guard import Visit
from cis_mcp.console.sealing import Purpose
from engine.refusals import Code, Refused

_DIGITS_MAX, _WORDS_MAX = 9, 320


def number(given: str, without: int) -> int:
    """The number of a field; `without`: of an empty one. Raises Refused: INVALID_ARGUMENT."""
    if not given:
        return without
    if not (given.isascii() and given.isdigit() and len(given) <= _DIGITS_MAX):
        raise Refused(Code.INVALID_ARGUMENT, f"“{given[:20]}” is no number.", "Go back, and correct it.")
    return int(given)


def place(given: str) -> int | None:
    """A place in a list that goes on, from its own link; None for what is none."""
    return int(given) if given.isascii() and given.isdigit() and len(given) < 18 else None


def sought(words: str) -> dict[str, str]:
    """Whom a search for organizers asks for: one by their whole address, or those at a domain.

    The beginning of an address would be found letter by letter, though it is masked.
    """
    local, at, _ = words.lower().rpartition("@")
    return {"beginning": words.lower()} if at and local else {"domain": words.lower().removeprefix("@")}


def found_at(visit: Visit, path: str, **others: str) -> Response:
    """On to the page that has what a form looks for; its words may be an address, and stand sealed in the link.

    Raises Refused: INVALID_ARGUMENT.
    """
    words = visit.given("q")
    if len(words) > _WORDS_MAX:
        why = f"An address or a name has at most {_WORDS_MAX} characters here."
        raise Refused(Code.INVALID_ARGUMENT, why, "Look for a part of the name.")
    query = {**others, "q": visit.seal(words, Purpose.WORDS)}
    kept = urlencode({name: value for name, value in query.items() if value})
    return visit.go(f"{path}?{kept}" if kept else path)
