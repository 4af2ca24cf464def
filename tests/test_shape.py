"""The shape of the product's code: small functions, small modules."""

from __future__ import annotations

import ast
import statistics
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

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


def test_no_module_has_more_than_400_lines() -> None:
    lines = {
        path.relative_to(ROOT): len(path.read_text(encoding="utf-8").splitlines()) for path in _modules()
    }
    assert {path: count for path, count in lines.items() if count > FILE_MAX} == {}


def test_the_median_function_has_at_most_8_lines() -> None:
    lengths = [
        (node.end_lineno or node.lineno) - node.lineno + 1
        for path in _modules()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert statistics.median(lengths) <= MEDIAN_MAX


def test_a_class_name_that_readers_meet_everywhere_names_one_thing() -> None:
    classes = Counter(
        node.name
        for path in _modules()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    )
    assert {name: classes[name] for name in ("Answer", "Reply", "Session", "Page", "Listener")} == {
        "Answer": 0,
        "Reply": 1,
        "Session": 1,
        "Page": 1,
        "Listener": 1,
    }


def _undocumented(path: Path) -> Iterator[str]:
    """Public definitions without a docstring, of modules and of public classes."""
    left: list[tuple[str, ast.AST]] = [("", ast.parse(path.read_text(encoding="utf-8")))]
    while left:
        within, holder = left.pop()
        for node in ast.iter_child_nodes(holder):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                if node.name.startswith("_"):
                    continue
                if not ast.get_docstring(node):
                    yield f"{path.relative_to(ROOT)}: {within}{node.name}"
                if isinstance(node, ast.ClassDef):
                    left.append((f"{within}{node.name}.", node))


def test_what_is_public_in_commands_model_and_faces_says_what_it_is() -> None:
    rooms = ("engine/commands", "engine/model", "cis_mcp")
    paths = [path for room in rooms for path in (ROOT / room).rglob("*.py")]
    assert [name for path in paths for name in _undocumented(path)] == []
