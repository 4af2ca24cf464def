"""The shape of the product's code: small functions, small modules; a class name means one thing, an error exists."""

from __future__ import annotations

import ast
import builtins
import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.code import statements

ROOT = Path(__file__).parents[1]
FILE_MAX = 400
"""Lines."""
MEDIAN_MAX = 8
"""Lines of a function, docstring and all."""


def _modules() -> list[Path]:
    found = [
        path for room in ("cis_mcp", "engine", "bench", "bundle") for path in (ROOT / room).rglob("*.py")
    ]
    assert len(found) > 300
    return found


@pytest.fixture(scope="module")
def trees() -> dict[Path, ast.Module]:
    """Every module, parsed once for all that is asked of it here."""
    return {path.relative_to(ROOT): ast.parse(path.read_text(encoding="utf-8")) for path in _modules()}


@pytest.fixture(scope="module")
def served(trees: dict[Path, ast.Module]) -> dict[Path, ast.Module]:
    """Those of the server itself."""
    return {path: tree for path, tree in trees.items() if path.parts[0] in {"engine", "cis_mcp"}}


def test_no_module_has_more_than_400_lines() -> None:
    lines = {
        path.relative_to(ROOT): len(path.read_text(encoding="utf-8").splitlines()) for path in _modules()
    }
    assert {path: count for path, count in lines.items() if count > FILE_MAX} == {}


def test_the_median_function_has_at_most_8_lines(trees: dict[Path, ast.Module]) -> None:
    lengths = [
        (node.end_lineno or node.lineno) - node.lineno + 1
        for tree in trees.values()
        for node in statements(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert statistics.median(lengths) <= MEDIAN_MAX


def test_a_class_name_that_readers_meet_everywhere_names_one_thing(trees: dict[Path, ast.Module]) -> None:
    classes = Counter(
        node.name for tree in trees.values() for node in statements(tree) if isinstance(node, ast.ClassDef)
    )
    assert {name: classes[name] for name in ("Answer", "Reply", "Session", "Page", "Listener")} == {
        "Answer": 0,
        "Reply": 1,
        "Session": 1,
        "Page": 1,
        "Listener": 1,
    }


def _undocumented(path: Path, tree: ast.Module) -> Iterator[str]:
    """Public definitions without a docstring, of modules and of public classes."""
    left: list[tuple[str, ast.AST]] = [("", tree)]
    while left:
        within, holder = left.pop()
        for node in ast.iter_child_nodes(holder):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                if node.name.startswith("_"):
                    continue
                if not ast.get_docstring(node):
                    yield f"{path}: {within}{node.name}"
                if isinstance(node, ast.ClassDef):
                    left.append((f"{within}{node.name}.", node))


def test_what_is_public_in_commands_model_and_faces_says_what_it_is(trees: dict[Path, ast.Module]) -> None:
    rooms = (Path("engine/commands"), Path("engine/model"), Path("cis_mcp"))
    asked = {path: tree for path, tree in trees.items() if any(map(path.is_relative_to, rooms))}
    assert len(asked) > 300
    assert [name for path, tree in asked.items() for name in _undocumented(path, tree)] == []


SHOWN = {
    # A face's answer or body that shows, page by page, what the store's part of this name or the engine's class holds.
    *(
        "Attendees",
        "AutomaticReply",
        "Campaign",
        "Campaigns",
        "HeldActions",
        "Keys",
        "KeptOfPerson",
        "LandingHosts",
    ),
    *("Links", "PageFields", "Pages", "Recipient", "Undos", "Webhooks"),
    # The same answer, parameter or exception of two faces.
    *("CountersInGroups", "CreatedKey", "HeldError", "KeyInfo", "OfEvent", "OfOrganizer", "RecordRows"),
    # A unit's part of the store, and the command or folder that it serves.
    *("Forgetting", "Quarantine"),
}
"""Class names that more than one place may use."""


def _kind(path: Path) -> str:
    """Where a name is used once: a module, or the store, whose contract and backends name their parts alike."""
    asks = path.parent.name == "engine" and path.name.endswith("questions.py")
    return "store" if asks or "store" in path.parts else path.as_posix()


def homonyms(modules: Mapping[Path, ast.Module]) -> dict[str, set[str]]:
    """Names of public classes that more than one place uses, with the places."""
    found: dict[str, set[str]] = defaultdict(set)
    for path, tree in modules.items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].add(_kind(path))
    return {name: places for name, places in found.items() if len(places) > 1}


def test_a_public_class_name_means_one_thing(served: dict[Path, ast.Module]) -> None:
    found = homonyms(served)
    new = {name: sorted(places) for name, places in found.items() if name not in SHOWN}
    assert not new, f"give one of each its room's word: {new}"
    assert not SHOWN - set(found), "no longer used twice: take them out of the list"


def test_a_class_name_in_two_rooms_is_seen_and_a_part_of_the_store_is_not() -> None:
    tree = ast.parse("class Row: ...")
    elsewhere, stores = Path("cis_mcp/pages/rows.py"), Path("engine/store")
    assert homonyms({Path("engine/model/record.py"): tree, elsewhere: tree}) != {}
    assert homonyms({stores / "sqlite" / "a.py": tree, stores / "protocol" / "a.py": tree}) == {}


FOREIGN = {"NaN", "NoSuchKey"}
"""Names in what docstrings say of errors that are no exceptions of Python: a JSON number, an error code of S3."""


def _documented(tree: ast.Module) -> Iterator[str]:
    for node in statements(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            for said in re.findall(r"[Rr]aises? ([^.]*)", ast.get_docstring(node) or ""):
                yield from (word for word in re.findall(r"\b[A-Z]\w+", said) if not word.isupper())


def unknown_errors(modules: Mapping[Path, ast.Module]) -> set[str]:
    """Errors that docstrings say are raised, and that are nowhere defined or imported."""
    known = set(dir(builtins)) | FOREIGN
    for tree in modules.values():
        for node in statements(tree):
            if isinstance(node, ast.ClassDef):
                known.add(node.name)
            elif isinstance(node, ast.ImportFrom):
                known |= {alias.name for alias in node.names}
    return {
        f"{path}: {word}" for path, tree in modules.items() for word in _documented(tree) if word not in known
    }


def test_docstrings_name_errors_that_exist(served: dict[Path, ast.Module]) -> None:
    assert unknown_errors(served) == set()


def test_an_error_that_was_renamed_is_seen() -> None:
    tree = ast.parse(
        'def read() -> None:\n    """Read. Raises OSError, Unwelcome; Refused: NOT_ALLOWED, Gone."""'
    )
    refused = ast.parse("from engine.refusals import Refused")
    assert unknown_errors({Path("a.py"): tree, Path("b.py"): refused}) == {"a.py: Unwelcome", "a.py: Gone"}
