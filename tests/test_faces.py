"""The engine gives facts and codes, and is asked instead of its store; what to do next is said by the faces."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import engine as product
from cis_mcp.cli import hints as spoken
from cis_mcp.mcp import hints
from cis_mcp.mcp.tools.catalog import EVERY
from engine.commands.base import unknown_event
from engine.model.rules import Deed
from engine.model.verbs import Verb
from engine.refusals import Code, Refused

ROOT = Path(product.__file__).parents[1]
TOOLS = sorted(EVERY)


def files(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def texts(source: str) -> Iterator[str]:
    """The texts of a module that may be shown: all but docstrings."""
    tree, docs = ast.parse(source), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):  # it comes before what it holds
            docs.add(id(node.value))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.value


def saying(room: str, words: str) -> Iterator[tuple[Path, str]]:
    """The modules of a room that have the words anywhere, with their sources: no other need be parsed."""
    for path in files(room):
        source = path.read_text(encoding="utf-8")
        if re.search(words, source):
            yield path, source


def test_no_face_reaches_through_the_engine_into_its_store() -> None:
    reaching = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, source in saying("cis_mcp", r"\bstore\b")
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute)
        and node.attr == "store"
        and ast.unparse(node.value).endswith("engine")
    ]
    assert reaching == []


def test_the_engine_names_no_tool_and_no_command() -> None:
    # “undo” is a table and a field as well
    tools = "|".join(set(TOOLS) - {"undo"})
    named = re.compile(rf"\b({tools})\b|\bcis-mcp [a-z]")
    found = [
        f"{path.relative_to(ROOT)}: {text[:80]}"
        for path, source in saying("engine", rf"(?:\b|\\\w*)(?:{tools})\b|cis-mcp")
        for text in texts(source)
        if named.search(text) and text not in {*Verb, *Deed}
    ]
    assert found == []


def test_each_face_says_in_its_own_words_what_to_do_about_a_code() -> None:
    refused = unknown_event("nowhere")
    assert "search_events" in hints.hint(refused)
    assert "search_events" not in spoken.line(refused)
    assert spoken.line(refused).startswith("unknown_event: No event has the uid or id “nowhere”.")


def test_what_the_engine_says_of_this_refusal_comes_before_what_a_face_says_of_its_code() -> None:
    refused = Refused(Code.UNKNOWN_EVENT, "No.", "Do this.")
    assert hints.sentence(refused) == "No. Do this."
    assert spoken.line(refused) == "unknown_event: No. Do this."


@pytest.mark.parametrize("code", hints.HINTS)
def test_a_hint_to_a_model_names_only_tools_that_there_are(code: Code) -> None:
    words = re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", hints.HINTS[code])
    assert set(words) - set(TOOLS) <= {"confirm_token", "dry_run", "expected_sequence"}
