"""All messages that our code and our templates say: what each catalog has to translate."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, nodes

ROOT = Path(__file__).resolve().parents[2]
DOMAINS = {"engine": ROOT / "engine" / "mail" / "locale", "cis_mcp": ROOT / "cis_mcp" / "locale"}
"""Where the catalogs are of what a package says; the faces also have what the engine says."""
_ENGLISH = {"aws", "cli", "demo", "manual", "mcp", "verify"}
"""Rooms of the faces that speak English: to agents, and to whoever runs the server."""
_PLAIN, _PLURAL, _TERM = {"say", "noop", "_"}, {"some", "form", "_forms", "n_"}, {"term", "noop_term", "c_"}
_CALLED = re.compile(rf"\b(?:{'|'.join(sorted(_PLAIN | _PLURAL | _TERM))})\s*\(")
"""What a module must have somewhere to say anything; others need not be parsed."""


@dataclass(frozen=True, order=True)
class Said:
    """One message, as gettext knows it."""

    message: str
    context: str = ""
    plural: str = ""


def messages(package: str) -> frozenset[Said]:
    """What a package says and no other has said before."""
    found = _of(package)
    return found - _of("engine") if package != "engine" else found


@cache
def _of(package: str) -> frozenset[Said]:
    return frozenset(_in(ROOT / package))


def _in(folder: Path) -> Iterator[Said]:
    for path in sorted(folder.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        if path.relative_to(ROOT).parts[1] not in _ENGLISH and _CALLED.search(source):
            yield from _of_python(ast.parse(source))
    for path in sorted([*folder.rglob("templates/*.html"), *folder.rglob("templates/*.j2")]):
        yield from _of_template(path.read_text(encoding="utf-8"))


def _of_python(tree: ast.Module) -> Iterator[Said]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            yield from _said(name, texts)


def _of_template(source: str) -> Iterator[Said]:
    for call in Environment().parse(source).find_all(nodes.Call):
        if isinstance(call.node, nodes.Name):
            yield from _said(call.node.name, [a.value for a in call.args if isinstance(a, nodes.Const)])


def _said(name: str, texts: list[str]) -> Iterator[Said]:
    if name in _PLAIN and texts:
        yield Said(texts[0])
    if name in _PLURAL and len(texts) > 1:
        yield Said(texts[0], plural=texts[1])
    if name in _TERM and len(texts) > 1:
        yield Said(texts[1], context=texts[0])
