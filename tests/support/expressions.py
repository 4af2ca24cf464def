"""The regular expressions of a module, the methods by which it uses them, and texts that are hard for them."""

from __future__ import annotations

import ast
import importlib
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, NamedTuple

_ROOT = Path(__file__).parent.parent.parent
_METHODS = {
    "search": "search",
    "match": "match",
    "fullmatch": "fullmatch",
    "finditer": "finditer",
    "findall": "finditer",
    "sub": "finditer",
    "subn": "finditer",
    "split": "finditer",
}
"""What each method of an expression comes to: a match anywhere, at the start, of the whole text, or all matches."""
_ALL = frozenset({"search", "match", "fullmatch", "finditer"})
_HOLDERS = (tuple, list, set, frozenset)
_SYMBOLS_MAX = 24
_PAIRED = 10
_FEW = 3
_QUOTE = '\\"'
"""What a quoted text goes on after (RFC 5322, 3.2.4)."""
_OF_CATEGORY = {"CATEGORY_DIGIT": "1", "CATEGORY_SPACE": " ", "CATEGORY_WORD": "a"}


class Expression(NamedTuple):
    """An expression, the name or line where it stands, and how it is used."""

    name: str
    pattern: re.Pattern[Any]
    methods: frozenset[str]


def modules() -> list[str]:
    """The names of all modules of the program that have expressions."""
    paths = [path for package in ("engine", "cis_mcp") for path in (_ROOT / package).rglob("*.py")]
    using = [path for path in paths if "\nimport re\n" in path.read_text()]
    return sorted(
        ".".join(path.relative_to(_ROOT).with_suffix("").parts).removesuffix(".__init__") for path in using
    )


def expressions(module: str) -> list[Expression]:
    """All that the module keeps under a name, or gives to the functions of `re` as they stand."""
    imported = importlib.import_module(module)
    found = [
        Expression(f"{module}.{name}", pattern, frozenset(_uses()[_owner(module, name)]) or _ALL)
        for name, value in vars(imported).items()
        for pattern in _patterns(value)
        if name not in _imported(module)
    ]
    return found + list(_written_in_place(module))


@cache
def _imported(module: str) -> frozenset[str]:
    """What the module has from others, where it is tried."""
    names = (node for node in ast.walk(_tree(module)) if isinstance(node, ast.ImportFrom))
    return frozenset(alias.asname or alias.name for node in names for alias in node.names)


def _patterns(value: object, depth: int = 0) -> Iterator[re.Pattern[Any]]:
    """The expressions that a value is or holds."""
    if isinstance(value, re.Pattern):
        yield value
    elif depth < 3 and isinstance(value, dict):
        for pair in value.items():
            yield from _patterns(pair, depth + 1)
    elif depth < 3 and isinstance(value, _HOLDERS):
        for each in value:
            yield from _patterns(each, depth + 1)


@cache
def _tree(module: str) -> ast.Module:
    path = _ROOT.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(file.read_text())


def _owner(module: str, name: str) -> tuple[str, str]:
    """Whose uses count: a private name's those in its module, another's those anywhere."""
    return (module if name.startswith("_") else "", name)


@cache
def _uses() -> defaultdict[tuple[str, str], set[str]]:
    """How each name is used, by the calls of its methods."""
    found: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for module in modules():
        for node in ast.walk(_tree(module)):
            if isinstance(node, ast.Attribute) and node.attr in _METHODS:
                name = _last(node.value)
                found[_owner(module, name)].add(_METHODS[node.attr])
    return found


def _last(node: ast.expr) -> str:
    """The name of a variable or an attribute, or of what holds it."""
    if isinstance(node, ast.Subscript):
        return _last(node.value)
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _written_in_place(module: str) -> Iterator[Expression]:
    """Expressions that stand in a call such as `re.sub("…", …)`."""
    for node in ast.walk(_tree(module)):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and _last(node.func.value) == "re"
            and node.func.attr in _METHODS
            and isinstance(node.args[0], ast.Constant)
        ):
            pattern = re.compile(node.args[0].value, _flags(node))
            yield Expression(f"{module}:{node.lineno}", pattern, frozenset({_METHODS[node.func.attr]}))


def _flags(node: ast.Call) -> int:
    named = {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}
    return sum(
        int(flag) for name, flag in re.RegexFlag.__members__.items() if len(name) > 1 and name in named
    )


def hard_texts(pattern: re.Pattern[Any], size: int, *, few: bool) -> Iterator[str | bytes]:
    """Texts of `size` characters, each of one piece again and again, made of what the expression speaks of."""
    symbols = _symbols(pattern)
    some = symbols[:_PAIRED]
    pairs = [one + other for one in some for other in some if one != other]
    pieces = [*symbols[:_FEW], " ", _QUOTE] if few else [*symbols, "x", " ", "\n", _QUOTE, *pairs]
    for start in [""] if few else ["", *some]:
        for piece in dict.fromkeys(pieces):
            text = start + piece * (size // len(piece))
            yield text.encode("latin-1", "replace") if isinstance(pattern.pattern, bytes) else text


def _symbols(pattern: re.Pattern[Any]) -> list[str]:
    """Characters and words that the expression names, in their order."""
    found = dict.fromkeys(_named(parser.parse(pattern.pattern, pattern.flags)))
    return list(found)[:_SYMBOLS_MAX]


def _named(parsed: Any) -> Iterator[str]:
    word = ""
    for operator, argument in parsed:
        if str(operator) == "LITERAL":
            word += chr(argument)
            yield chr(argument)
            continue
        if len(word) > 1:
            yield word
        word = ""
        yield from _within(str(operator), argument)
    if len(word) > 1:
        yield word


def _within(operator: str, argument: Any) -> Iterator[str]:
    if operator == "IN":
        yield from _of_class(argument)
    elif operator == "NOT_LITERAL":
        yield chr(argument)
    elif operator in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        yield from _named(argument[2])
    elif operator == "SUBPATTERN":
        yield from _named(argument[3])
    elif operator == "BRANCH":
        for branch in argument[1]:
            yield from _named(branch)
    elif operator in ("ASSERT", "ASSERT_NOT"):
        yield from _named(argument[1])
    elif operator == "ATOMIC_GROUP":
        yield from _named(argument)


def _of_class(members: Any) -> Iterator[str]:
    for operator, argument in members:
        if str(operator) == "LITERAL":
            yield chr(argument)
        elif str(operator) == "RANGE":
            yield chr(argument[0])
        elif str(operator) == "CATEGORY":
            yield _OF_CATEGORY.get(str(argument), "-")
