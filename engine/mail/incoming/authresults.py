"""Reads an Authentication-Results header, whole or not at all (RFC 8601, 2.2)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from engine.model.base import Value

_WORD = re.compile(r'[^\s"();=\\]+')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")
_NAME = re.compile(r"[A-Za-z0-9_./-]+")
_CLAUSES_MAX = 100
_TELLING = ("header.d", "header.i", "header.s", "header.from", "smtp.mailfrom")
"""Properties that decide whom a result speaks of: with two values, no one knows."""


class Clause(Value):
    """One result: `dkim=pass header.d=example.org`; names and values in lower case."""

    method: str
    result: str
    properties: dict[str, str]

    def domain(self, *names: str) -> str:
        """The domain in the first of these properties that is there."""
        value = next((self.properties[name] for name in names if self.properties.get(name)), "")
        return value.rpartition("@")[2]


class Results(Value):
    """What the server `server` found."""

    server: str
    clauses: tuple[Clause, ...] = ()


class _Token(Value):
    """A word, a quoted string without its quotes, or one of `=;`; `apart`: white space or a comment precedes it."""

    kind: str
    text: str
    apart: bool


class _Unclear(Exception):  # noqa: N818 -- reads as what it is
    """The value is not what the RFC describes."""


def read(value: str) -> Results | None:
    """The results in the value of the header; None for what is not read in one way alone."""
    try:
        first, *pieces = _pieces(list(_tokens(value)))
        clauses = [_clause(piece) for piece in pieces if not _says_nothing(piece)]
        return Results(server=_server(first), clauses=tuple(clauses))
    except _Unclear:
        return None


def _tokens(value: str) -> Iterator[_Token]:
    index, apart = 0, True
    while index < len(value):
        char = value[index]
        if char.isspace() or char == "(":
            index = _comment(value, index) if char == "(" else index + 1
            apart = True
            continue
        quoted, word = _QUOTED.match(value, index), _WORD.match(value, index)
        if quoted:
            yield _Token(kind="quoted", text=_ESCAPED.sub(r"\1", quoted[1]), apart=apart)
        elif word:
            yield _Token(kind="word", text=word[0], apart=apart)
        elif char in "=;":
            yield _Token(kind=char, text=char, apart=apart)
        else:
            raise _Unclear
        index = quoted.end() if quoted else word.end() if word else index + 1
        apart = False


def _comment(value: str, index: int) -> int:
    """Where the comment that begins at `index` ends; quotes in it may have been meant to hide its end."""
    depth = 0
    while index < len(value):
        char = value[index]
        depth += {"(": 1, ")": -1}.get(char, 0)
        index += 2 if char == "\\" else 1
        if char == '"':
            raise _Unclear
        if not depth:
            return index
    raise _Unclear


def _pieces(tokens: Sequence[_Token]) -> list[list[_Token]]:
    """What stands between the semicolons."""
    pieces: list[list[_Token]] = [[]]
    for token in tokens:
        if token.kind == ";":
            pieces.append([])
        else:
            pieces[-1].append(token)
    if len(pieces) > _CLAUSES_MAX:
        raise _Unclear
    return pieces


def _server(tokens: list[_Token]) -> str:
    """The authserv-id, which a version may follow."""
    version = all(token.kind == "word" and token.text.isdecimal() for token in tokens[1:])
    if not tokens or len(tokens) > 2 or not version or tokens[0].kind not in {"word", "quoted"}:
        raise _Unclear
    return tokens[0].text.lower()


def _says_nothing(tokens: list[_Token]) -> bool:
    return not tokens or [token.text.lower() for token in tokens] == ["none"]


def _clause(tokens: list[_Token]) -> Clause:
    (method, result), *rest = _pairs(tokens)
    properties: dict[str, str] = {}
    for name, value in rest:
        if name in _TELLING and properties.get(name, value) != value:
            raise _Unclear
        properties[name] = value
    return Clause(method=method.partition("/")[0], result=result, properties=properties)


def _pairs(tokens: list[_Token]) -> list[tuple[str, str]]:
    """name=value, and so on; a value goes on to the next white space."""
    pairs, index = [], 0
    while index < len(tokens):
        name, equals = tokens[index], tokens[index + 1 : index + 2]
        if name.kind != "word" or not _NAME.fullmatch(name.text) or not equals or equals[0].kind != "=":
            raise _Unclear
        index += 2
        start = index
        while index < len(tokens) and (index == start or not tokens[index].apart):
            index += 1
        if any(token.kind == "=" for token in tokens[index : index + 1]) or _may_be_a_pair(
            tokens[start:index]
        ):
            raise _Unclear
        pairs.append((name.text.lower(), "".join(token.text for token in tokens[start:index]).lower()))
    return pairs


def _may_be_a_pair(value: list[_Token]) -> bool:
    """True if a value after white space has an =, so that it may be the next name and its value."""
    return bool(value) and value[0].apart and any(token.kind == "=" for token in value)
