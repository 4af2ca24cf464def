"""What tests may not do: wait for a fixed time, judge by how long something took."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent
WAITING = ROOT / "support" / "waiting.py"
"""Where time is waited for, for all of them."""
EXCEPTIONS = {
    # The conformance suite asks for tools that take a moment.
    ("sleeps", "judges/conformance_fixtures.py"),
    # How often progress may come is bounded from above: who is slow tells less often.
    ("judged_by_time", "tools/test_waiting.py"),
}
_CLOCKS = {"perf_counter", "perf_counter_ns", "monotonic", "monotonic_ns", "process_time", "thread_time"}
_WAITS = {"timeout": 0, "wait_for": 1, "eventually": 1}
"""Calls that take a deadline, and at which place."""
_GENEROUS_S = 60
_CLIENTS = {"AsyncClient", "SMTP", "run", "communicate", "call_tool"}
_APART = "\n\n\n"


@cache
def _sources() -> dict[Path, str]:
    return {path: path.read_text(encoding="utf-8") for path in sorted(set(ROOT.rglob("*.py")) - {WAITING})}


@cache
def _definitions(source: str) -> list[tuple[int, str]]:
    """The parts of a module that the formatter keeps two empty lines apart, each with the number of lines before it."""
    parts, before = [], 0
    for part in source.split(_APART):
        parts.append((before, part))
        before += part.count("\n") + len(_APART)
    return parts


_parsed = cache(ast.parse)


def _name(call: ast.Call) -> str:
    return ast.unparse(call.func)


def _last(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _constant(node: ast.expr | None, enough: float = float("inf")) -> bool:
    """A number other than 0 and below `enough`, or a name of one that is not the common deadline."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int | float) and 0 < node.value < enough
    return isinstance(node, ast.Name) and node.id.isupper() and node.id not in {"DEADLINE_S", "PATIENCE_S"}


def _reads_a_clock(node: ast.AST) -> bool:
    return any(isinstance(part, ast.Call) and _is_clock(part) for part in ast.walk(node))


def _is_clock(call: ast.Call) -> bool:
    if _last(call) != "time":
        return _last(call) in _CLOCKS
    return _name(call) in {"time.time", "loop.time"} or _name(call).endswith("loop().time")


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((given.value for given in call.keywords if given.arg == name), None)


def sleeps(tree: ast.Module) -> Iterator[int]:
    """Lines on which somebody sleeps for a while that was guessed; to sleep for 0 gives others their turn."""
    for call in _calls(tree):
        if _last(call) == "sleep" and call.args and _constant(call.args[0]):
            yield call.lineno


def deadlines(tree: ast.Module) -> Iterator[int]:
    """Lines with a deadline below a minute, or with a client that brings one: httpx waits for five seconds."""
    for call in _calls(tree):
        place = _WAITS.get(_last(call))
        given = call.args[place] if place is not None and len(call.args) > place else None
        if _constant(given, _GENEROUS_S) or (
            _last(call) in _CLIENTS and _constant(_keyword(call, "timeout"), _GENEROUS_S)
        ):
            yield call.lineno
        bare = not _keyword(call, "timeout") and not _keyword(call, "transport")
        if _last(call) == "AsyncClient" and bare:
            yield call.lineno


def _reading_clocks(tree: ast.Module) -> Iterator[ast.AST]:
    """The functions in which a clock is read."""
    if _reads_a_clock(tree):
        functions = (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
        yield from filter(_reads_a_clock, functions)


def judged_by_time(tree: ast.Module) -> Iterator[int]:
    """Lines that compare what a clock says, or a variable that was set by a clock."""
    for scope in _reading_clocks(tree):
        timed = {
            target.id
            for node in ast.walk(scope)
            if isinstance(node, ast.Assign) and _reads_a_clock(node.value)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(scope):
            if isinstance(node, ast.Compare) and (
                _reads_a_clock(node)
                or any(isinstance(part, ast.Name) and part.id in timed for part in ast.walk(node))
            ):
                yield node.lineno


_RULES = {
    sleeps: "wait for a condition (tests.support.waiting.eventually), or let time pass (time_passes)",
    deadlines: "take DEADLINE_S of tests.support.waiting: who is slow is not wrong",
    judged_by_time: "count instead (tests.support.steps, tests.support.queries); times come from the bench",
}
_WORDS = {
    sleeps: re.compile("sleep"),
    deadlines: re.compile("|".join(_WAITS) + "|AsyncClient"),
    judged_by_time: re.compile("|".join(_CLOCKS) + r"|\btime\s*\("),
}
"""What a definition must say somewhere for a rule to find anything in it; others need not be parsed."""


def _found(rule: Callable[[ast.Module], Iterator[int]], source: str) -> list[int]:
    """The lines of a module that a rule finds."""
    try:
        return [
            before + line
            for before, part in _definitions(source)
            if _WORDS[rule].search(part)
            for line in rule(_parsed(part))
        ]
    except SyntaxError:  # two empty lines within a text
        return list(rule(_parsed(source)))


@pytest.mark.parametrize("rule", _RULES, ids=lambda rule: rule.__name__)
def test_no_test_depends_on_how_fast_a_machine_is(rule: Callable[[ast.Module], Iterator[int]]) -> None:
    found = [
        f"{path.relative_to(ROOT.parent)}:{line}"
        for path, source in _sources().items()
        if (rule.__name__, path.relative_to(ROOT).as_posix()) not in EXCEPTIONS
        for line in _found(rule, source)
    ]
    assert not found, f"{', '.join(found)}: {_RULES[rule]}"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("await asyncio.sleep(0.2)", sleeps),
        ("time.sleep(_TICK_S)", sleeps),
        ("async with asyncio.timeout(5): pass", deadlines),
        ("await asyncio.wait_for(task, 3)", deadlines),
        ("await eventually(there, 10)", deadlines),
        ("subprocess.run(command, timeout=30)", deadlines),
        ("httpx.AsyncClient()", deadlines),
        ("assert time.process_time() - began < 1", judged_by_time),
        ("began = time.perf_counter(); took = time.perf_counter() - began; assert took < 3", judged_by_time),
        ("assert asyncio.get_running_loop().time() - began < 7", judged_by_time),
    ],
)
def test_what_depends_on_it_is_seen(text: str, rule: Callable[[ast.Module], Iterator[int]]) -> None:
    assert _WORDS[rule].search(text)
    assert list(rule(ast.parse(f"async def test() -> None:\n    {text}\n"))) == [2]


@pytest.mark.parametrize(
    "text",
    [
        "await asyncio.sleep(0)",
        "await asyncio.sleep(chance.uniform(0, 0.2))",
        "async with asyncio.timeout(2 * DEADLINE_S): pass",
        "async with asyncio.timeout(60): pass",
        "old = time.time() - 120; os.utime(path, (old, old))",
        "assert datetime.now(UTC).time() == time()",
    ],
)
def test_what_does_not_is_let_through(text: str) -> None:
    tree = ast.parse(f"async def test() -> None:\n    {text}\n")
    assert [line for rule in _RULES for line in rule(tree)] == []
