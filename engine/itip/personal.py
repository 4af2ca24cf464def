"""Personal words: `{{name}}` placeholders in an event's texts, filled in for one attendee."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from engine.model import Event, Override
from engine.refusals import Code, Refused

if TYPE_CHECKING:
    from jinja2.nodes import Template

_MAX_TEXT = 100_000
_TEXTS = ("summary", "location", "description")

# A piece of a text: plain words, or the name of a placeholder.
Piece = tuple[str, bool]


def _invalid(why: str) -> Refused:
    return Refused(
        Code.INVALID_TEMPLATE, why, "Only plain placeholders such as {{name}} or {{company}} are understood."
    )


@lru_cache(maxsize=256)
def _pieces(text: str) -> tuple[Piece, ...]:
    """`text` split at its placeholders.

    Raises Refused(INVALID_TEMPLATE) for anything in braces that is not a plain name.
    """
    from jinja2 import TemplateError
    from jinja2.sandbox import SandboxedEnvironment

    environment = SandboxedEnvironment(keep_trailing_newline=True)
    try:
        if any(token == "comment_begin" for _, token, _ in environment.lex(text)):
            raise _invalid("The text holds a template comment ({# … #}).")
        return _plain(environment.parse(text))
    except (TemplateError, RecursionError) as error:
        raise _invalid("The braces in the text are not a valid placeholder.") from error


def _plain(template: Template) -> tuple[Piece, ...]:
    from jinja2 import nodes

    found: list[Piece] = []
    for output in template.body:
        if not isinstance(output, nodes.Output):
            raise _invalid("The text holds a template statement ({% … %}).")
        for node in output.nodes:
            if isinstance(node, nodes.TemplateData):
                found.append((node.data, False))
            elif isinstance(node, nodes.Name):
                found.append((node.name, True))
            else:
                raise _invalid("The text holds an expression where a plain name is expected.")
    return tuple(found)


def _texts(event: Event) -> list[str]:
    """The texts of the event and its overrides that hold placeholders."""
    parts: list[Event | Override] = [event, *event.overrides]
    texts = (getattr(part, name) for part in parts for name in _TEXTS)
    return [text for text in texts if "{{" in text]


def placeholders(event: Event) -> frozenset[str]:
    """The names of the placeholders in the event's summary, location and description.

    Raises Refused(INVALID_TEMPLATE) where one is not a plain name.
    """
    return frozenset(name for text in _texts(event) for name, is_name in _pieces(text) if is_name)


def check(event: Event) -> None:
    """Raises Refused(INVALID_TEMPLATE) where a text of the event holds braces that are no placeholders."""
    placeholders(event)


def _filled(text: str, values: Mapping[str, str]) -> str:
    if "{{" not in text:
        return text
    pieces = _pieces(text)
    missing = sorted({name for name, is_name in pieces if is_name and name not in values})
    if missing:
        raise Refused(
            Code.MISSING_FIELD,
            f"There is no value for {{{{{missing[0]}}}}}.",
            f"Give each recipient the fields: {', '.join(missing)}.",
        )
    filled = [values[word] if is_name else word for word, is_name in pieces]
    if sum(map(len, filled)) > _MAX_TEXT:
        raise Refused(
            Code.TOO_LARGE, "The text is too long with its placeholders filled in.", "Use shorter values."
        )
    return "".join(filled)


def _fill(part: Event | Override, values: Mapping[str, str]) -> dict[str, object]:
    return {name: _filled(getattr(part, name), values) for name in _TEXTS}


def personalize(event: Event, values: Mapping[str, str]) -> Event:
    """`event` and its overrides with each `{{name}}` replaced by its value.

    Raises Refused: INVALID_TEMPLATE, MISSING_FIELD naming the field, TOO_LARGE over 100,000 characters.
    """
    if not _texts(event):
        return event
    overrides = tuple(o.model_copy(update=_fill(o, values)) for o in event.overrides)
    return event.model_copy(update={**_fill(event, values), "overrides": overrides})
