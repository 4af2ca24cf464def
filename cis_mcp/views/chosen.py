"""An audience: one of its names, or a list of answers and addresses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from engine.commands.text import known_address
from engine.model.messages import Audience, Chosen
from engine.model.people import Partstat
from engine.refusals import Code, Refused

Told = Annotated[
    Audience | list[Annotated[str, Field(max_length=1_000)]] | None,
    Field(
        description="who is mailed: auto (default): Yes and Maybe, and for a new time or place or a cancellation also "
        "those without an answer; or a list of answers (accepted, tentative, declined, noaction) and addresses",
    ),
]
"""An audience as a caller gives it."""
_ANSWERS = {partstat.label: partstat for partstat in Partstat}


def chosen(value: Audience | Sequence[str] | None) -> Audience | Chosen | None:
    """The audience that a caller specified. Raises Refused: INVALID_ARGUMENT."""
    if value is None or isinstance(value, Audience):
        return value
    names = [name.strip().lower() for name in value]
    wrong = next((name for name in names if name not in _ANSWERS and "@" not in name), None)
    if wrong is not None or not names:
        raise Refused(
            Code.INVALID_ARGUMENT,
            f"“{(wrong or '')[:60]}” is neither an answer nor an address.",
            f"Give answers ({', '.join(_ANSWERS)}), or addresses of attendees.",
        )
    return Chosen(
        partstats=frozenset(_ANSWERS[name] for name in names if name in _ANSWERS),
        emails=frozenset(known_address(name) for name in names if name not in _ANSWERS),
    )
