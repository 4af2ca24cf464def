"""Personal texts: `{{name}}` placeholders in an event's texts, in any case, filled in for one attendee."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from engine.itip.content_lines import clean_text
from engine.model.events import Event, Override
from engine.refusals import Code, Refused

if TYPE_CHECKING:
    from jinja2.nodes import Template

_MAX_TEXT = 100_000
TEXTS = ("summary", "location", "description")
"""The fields of an event, and of an override, that may be personal."""
# characters that change the direction of the text around them (Unicode UAX 9, 3.1)
_TURNING = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])

# A piece of a text: plain text and False, or the name of a placeholder in lower case and True.
Piece = tuple[str, bool]


def _invalid(why: str) -> Refused:
    return Refused(
        Code.INVALID_TEMPLATE, why, "Only plain placeholders such as {{name}} or {{company}} are understood."
    )


def _harmless(value: str) -> str:
    """A personal value without control characters and without those that change the direction of text."""
    if value.isprintable():
        return value
    return clean_text(value.translate(_TURNING))


@dataclass(frozen=True, slots=True, eq=False)
class PersonalText:
    """A text with placeholders, split once and filled often; `words` returns a cached one for the same text."""

    pieces: tuple[Piece, ...]

    def fill(self, values: Mapping[str, str]) -> str:
        """The text for one attendee; `values` are keyed by lower-case name.

        Raises Refused: MISSING_FIELD naming the field, TOO_LARGE over 100,000 characters.
        """
        try:
            filled = "".join([_harmless(values[word]) if is_name else word for word, is_name in self.pieces])
        except KeyError:
            raise self._missing(values) from None
        if len(filled) > _MAX_TEXT:
            raise Refused(
                Code.TOO_LARGE, "The text is too long with its placeholders filled in.", "Use shorter values."
            )
        return filled

    def _missing(self, values: Mapping[str, str]) -> Refused:
        missing = sorted({name for name, is_name in self.pieces if is_name and name not in values})
        return Refused(
            Code.MISSING_FIELD,
            f"There is no value for {{{{{missing[0]}}}}}.",
            f"Give each recipient the fields: {', '.join(missing)}.",
        )


class FilledTexts(dict[PersonalText, str]):
    """The texts of one attendee: each is filled in once, however often the mail and its calendar contain it."""

    def __init__(self, values: Mapping[str, str]) -> None:
        """`values` are keyed by lower-case name."""
        super().__init__()
        self._values = values

    def __missing__(self, words: PersonalText) -> str:
        filled = self[words] = words.fill(self._values)
        return filled


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
                found.append((clean_text(node.data), False))
            elif isinstance(node, nodes.Name):
                found.append((node.name.lower(), True))
            else:
                raise _invalid("The text holds an expression where a plain name is expected.")
    return tuple(found)


def personal(text: str) -> bool:
    """True if `text` contains `{{`, and so may hold placeholders."""
    return "{{" in text


def words(text: str) -> PersonalText:
    """`text` split at its placeholders; Refused(INVALID_TEMPLATE) if one is not a plain name."""
    return _words(text) if personal(text) else PersonalText(((text, False),))


@lru_cache(maxsize=256)
def _words(text: str) -> PersonalText:
    return PersonalText(_pieces(text))


def _texts(event: Event) -> list[str]:
    """The texts of the event and its overrides that hold placeholders; empty if its texts are verbatim."""
    if event.verbatim:
        return []
    parts: list[Event | Override] = [event, *event.overrides]
    texts = (getattr(part, name) for part in parts for name in TEXTS)
    return [text for text in texts if personal(text)]


def placeholders(event: Event) -> frozenset[str]:
    """The names of the placeholders in the event's summary, location and description, in lower case.

    Raises Refused(INVALID_TEMPLATE) if one is not a plain name.
    """
    return frozenset(name for text in _texts(event) for name, is_name in _pieces(text) if is_name)


def check(event: Event) -> None:
    """Raises Refused(INVALID_TEMPLATE) if a text of the event has braces that are not a placeholder."""
    placeholders(event)


def _fill(part: Event | Override, values: Mapping[str, str]) -> dict[str, object]:
    texts = {name: getattr(part, name) for name in TEXTS}
    return {name: words(text).fill(values) for name, text in texts.items() if personal(text)}


def personalize(event: Event, values: Mapping[str, str]) -> Event:
    """`event` and its overrides with each `{{name}}` replaced by its value; `values` are keyed by lower-case name.

    Raises Refused: INVALID_TEMPLATE, MISSING_FIELD naming the field, TOO_LARGE over 100,000 characters.
    """
    if not _texts(event):
        return event
    overrides = tuple(o.model_copy(update=_fill(o, values)) for o in event.overrides)
    return event.model_copy(update={**_fill(event, values), "overrides": overrides})


def for_all(event: Event) -> Event:
    """The event without its placeholders, for readers who are no particular attendee."""
    if event.verbatim or not (names := placeholders(event)):
        return event
    return personalize(event, dict.fromkeys(names, ""))
