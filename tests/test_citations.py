"""What code, tests and documents cite is in the repository."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("engine", "cis_mcp", "tests", "bench", "docs", "bundle", "prompts", ".ci")
KINDS = {".py", ".md", ".toml", ".yml", ".yaml", ".sh", ".cjs", ".sql", ".txt"}
# Each pattern begins with a letter that is looked for, which takes a twentieth of what a boundary before it takes.
PROMISE = re.compile(r"promise(?<=\bpromise)s? (\d+)((?:, \d+)*)(?:,? and (\d+))?")
ELSEWHERE = {
    "a document that is not here": re.compile(
        r"cis-reference|interop \d|esign(?<=[Dd]esign): |design\.md|house\.md|project's brief"
    ),
    "a rule by its old number": re.compile(r"rule(?<=\brule)s? \d+\b"),
    "a fault by its number": re.compile(
        r"B(?<![\w=+/]B)\d{1,2}\b(?![?=/+])|test_(?<=\btest_)[a-z]{1,2}\d+[a-z]?_"
    ),
    "a task": re.compile(r"ssue(?<=\b[Ii]ssue) #?\d"),
}


def _files() -> Iterator[Path]:
    yield from ROOT.glob("*.md")
    yield from (
        path
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.suffix in KINDS and "fixtures" not in path.parts and path != Path(__file__)
    )


@cache
def _texts() -> dict[str, str]:
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in _files()}


def _found(pattern: re.Pattern[str]) -> Iterator[tuple[str, re.Match[str]]]:
    """Where the pattern is found, and what: each file is looked through as a whole."""
    for path, text in _texts().items():
        for found in pattern.finditer(text):
            yield f"{path}:{text.count(chr(10), 0, found.start()) + 1}", found


def test_every_promise_that_is_cited_has_its_anchor() -> None:
    anchors = set(re.findall(r'<a id="promise-(\d+)">', (ROOT / "docs/promises.md").read_text("utf-8")))
    cited = {n: place for place, found in _found(PROMISE) for n in re.findall(r"\d+", found[0])}
    assert len(cited) > 10
    assert {number: place for number, place in cited.items() if number not in anchors} == {}


def test_each_promise_has_the_number_of_its_anchor() -> None:
    text = (ROOT / "docs/promises.md").read_text(encoding="utf-8")
    numbers = re.findall(r'<a id="promise-(\d+)"></a>\n## (\d+)\. ', text)
    assert [int(heading) for _, heading in numbers] == list(range(1, text.count("\n## ") + 1))
    assert all(anchor == heading for anchor, heading in numbers)


@pytest.mark.parametrize("kind", ELSEWHERE)
def test_nothing_cites_what_is_not_in_the_repository(kind: str) -> None:
    assert [place for place, _ in _found(ELSEWHERE[kind])] == []


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("a document that is not here", "(cis-reference 24)"),
        ("a document that is not here", "(RFC 5546; interop 2.2)"),
        ("a document that is not here", "(design: The store)"),
        ("a rule by its old number", "leases (rule 6)"),
        ("a fault by its number", "does not count (B5, B19)"),
        ("a fault by its number", "async def test_b18_every_partstat() -> None:"),
        ("a task", "see issue 10"),
    ],
)
def test_the_forms_of_such_citations_are_known(kind: str, text: str) -> None:
    assert ELSEWHERE[kind].search(text)


@pytest.mark.parametrize("page", ["regressions.md", "attacks.md"])
def test_the_tests_that_a_table_of_faults_or_attacks_names_exist(page: str) -> None:
    table = (ROOT / "docs" / page).read_text(encoding="utf-8")
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", table)
    assert len(named) > 35
    missing = [
        f"{path}::{name}"
        for path, name in named
        if not re.search(rf"\bdef {name}\(", (ROOT / "tests" / path).read_text(encoding="utf-8"))
    ]
    assert missing == []
