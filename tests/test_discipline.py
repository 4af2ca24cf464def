"""What tests may not do: wait for a fixed time, judge by how long something took. And: a class name means one thing."""

from __future__ import annotations

import ast
import builtins
import re
from collections import defaultdict
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


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


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


@pytest.mark.parametrize("rule", _RULES, ids=lambda rule: rule.__name__)
def test_no_test_depends_on_how_fast_a_machine_is(rule: Callable[[ast.Module], Iterator[int]]) -> None:
    found = [
        f"{path.relative_to(ROOT.parent)}:{line}"
        for path in sorted(set(ROOT.rglob("*.py")) - {WAITING})
        if (rule.__name__, path.relative_to(ROOT).as_posix()) not in EXCEPTIONS
        for line in rule(_parsed(path))
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


def homonyms(modules: dict[Path, ast.Module]) -> dict[str, set[str]]:
    """Names of public classes that more than one place uses, with the places."""
    found: dict[str, set[str]] = defaultdict(set)
    for path, tree in modules.items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].add(_kind(path))
    return {name: places for name, places in found.items() if len(places) > 1}


def test_a_public_class_name_means_one_thing() -> None:
    paths = [path for room in ("engine", "cis_mcp") for path in (ROOT.parent / room).rglob("*.py")]
    found = homonyms({path.relative_to(ROOT.parent): _parsed(path) for path in paths})
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
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            for said in re.findall(r"[Rr]aises? ([^.]*)", ast.get_docstring(node) or ""):
                yield from (word for word in re.findall(r"\b[A-Z]\w+", said) if not word.isupper())


def unknown_errors(modules: dict[Path, ast.Module]) -> set[str]:
    """Errors that docstrings say are raised, and that are nowhere defined or imported."""
    known = set(dir(builtins)) | FOREIGN
    for tree in modules.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                known.add(node.name)
            elif isinstance(node, ast.ImportFrom):
                known |= {alias.name for alias in node.names}
    return {
        f"{path}: {word}" for path, tree in modules.items() for word in _documented(tree) if word not in known
    }


def test_docstrings_name_errors_that_exist() -> None:
    paths = [path for room in ("engine", "cis_mcp") for path in (ROOT.parent / room).rglob("*.py")]
    assert unknown_errors({path.relative_to(ROOT.parent): _parsed(path) for path in paths}) == set()


def test_an_error_that_was_renamed_is_seen() -> None:
    tree = ast.parse(
        'def read() -> None:\n    """Read. Raises OSError, Unwelcome; Refused: NOT_ALLOWED, Gone."""'
    )
    refused = ast.parse("from engine.refusals import Refused")
    assert unknown_errors({Path("a.py"): tree, Path("b.py"): refused}) == {"a.py: Unwelcome", "a.py: Gone"}
