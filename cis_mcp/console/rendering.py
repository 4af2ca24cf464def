"""Renders templates: their fixed texts are translated once, and the frame around pages is made once for all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import uuid4

from jinja2 import Environment, Template
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from markupsafe import Markup

from engine.mail.locale.language import Language

_PLACE = uuid4().hex
"""Stands in a frame for what each visitor has of their own; no text of anybody holds it."""
_FRAMES = 512
_BEGINS, _ENDS = "lparen", "rparen"


class FixedTexts(Extension):
    """Puts a message without values in its language when a template is compiled, and not whenever it is rendered.

    The environment speaks one language, its `language`.
    """

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        """The tokens of a template, `_("…")` and `c_("…", "…")` in them as the texts that they say."""
        tokens = list(stream)
        place = 0
        while place < len(tokens):
            said, length = self._said(tokens[place : place + 6])
            yield Token(tokens[place].lineno, "string", said) if length else tokens[place]
            place += length or 1

    def _said(self, ahead: Sequence[Token]) -> tuple[str, int]:
        """What a call of `_` or `c_` says that begins here, and of how many tokens it is; ("", 0) for none."""
        language: Language = self.environment.language  # type: ignore[attr-defined]
        types, values = [token.type for token in ahead], [str(token.value) for token in ahead]
        if types[:4] == ["name", _BEGINS, "string", _ENDS] and values[0] == "_":
            return language.say(values[2]), 4
        if types == ["name", _BEGINS, "string", "comma", "string", _ENDS] and values[0] == "c_":
            return language.term(values[2], values[4]), 6
        return "", 0


class Frame(NamedTuple):
    """The values that determine the frame around a page; equal values give the same frame."""

    language: Language
    colour: str
    logo: str
    title: str
    footer: str
    navigation: Markup
    signed_in: bool


def main_of(template: Template, values: Mapping[str, Any]) -> str:
    """The page's own part of its template: the block `main`."""
    if type(template.globals) is not dict:
        # Each page would copy them name by name out of the two mappings that the environment made them of.
        template.globals = dict(template.globals)
    return "".join(template.blocks["main"](template.new_context(dict(values))))


def framed(environment: Environment, frame: Frame, own: Sequence[str], main: str) -> str:
    """A page in its frame. `own`: its title, and of whoever is signed in the form's token and the name; as markup."""
    parts = _parts(environment, frame)
    pieces = [piece for pair in zip(parts[:-1], (*own, main), strict=True) for piece in pair]
    return "".join([*pieces, parts[-1]])


@lru_cache(maxsize=_FRAMES)
def _parts(environment: Environment, frame: Frame) -> tuple[str, ...]:
    whole = environment.get_template("base.html").render(frame=frame, place=_PLACE)
    return tuple(whole.split(_PLACE))
