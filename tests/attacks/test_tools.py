"""What a refused call costs is bounded, however large it is, and keeps nobody else waiting."""

from __future__ import annotations

import asyncio
import difflib
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cis_mcp.mcp.tools.access import nearest
from cis_mcp.mcp.tools.arguments import parse
from cis_mcp.mcp.tools.catalog import EVERY
from engine.commands import text
from engine.model import cursors
from engine.refusals import Code, Refused
from tests.attacks.door import Key, two_keys

_MANY = 50_000
_COMPARED_MAX = 12
"""Names that one refusal may compare with ours."""
_MEMORY_MAX = 15_000_000


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The length of each name that is compared with ours."""
    lengths: list[int] = []
    real: Callable[..., Any] = difflib.get_close_matches

    def counted(word: str, *rest: Any, **options: Any) -> Any:
        lengths.append(len(word))
        return real(word, *rest, **options)

    monkeypatch.setattr(difflib, "get_close_matches", counted)
    return lengths


def _refused(tool: str, arguments: dict[str, Any]) -> Refused:
    with pytest.raises(Refused) as raised:
        parse(tool, EVERY[tool].arguments, arguments)
    return raised.value


@pytest.mark.parametrize("tool", sorted(EVERY))
def test_of_many_unknown_names_a_few_are_compared(tool: str, compared: list[int]) -> None:
    refused = _refused(tool, {f"{tool}{n}": 1 for n in range(_MANY // 10)})
    assert refused.code is Code.INVALID_ARGUMENT
    assert "more problems" in refused.message
    assert len(compared) <= _COMPARED_MAX


def test_of_many_rows_with_an_unknown_name_a_few_are_compared(compared: list[int]) -> None:
    rows = [{f"emial{n}": "a@b.example"} for n in range(_MANY)]
    assert "recipients.0" in _refused("bulk_send", {"uid": "x", "recipients": rows}).message
    assert len(compared) <= _COMPARED_MAX


def test_a_row_with_many_unknown_names_is_refused_for_the_first_few(compared: list[int]) -> None:
    row = {f"emial{n}": "a@b.example" for n in range(_MANY)}
    assert _refused("bulk_send", {"uid": "x", "recipients": [row]}).code is Code.INVALID_ARGUMENT
    assert len(compared) <= _COMPARED_MAX


@pytest.mark.parametrize(
    ("tool", "made"),
    [
        ("bulk_send", lambda: {"uid": "x", "recipients": [{"emial": 1}] * _MANY}),
        ("bulk_send", lambda: {"uid": "x", "recipients": [1] * _MANY}),
        (
            "bulk_send",
            lambda: {
                "uid": "x",
                "recipients": [{"email": "a", "fields": dict.fromkeys(map(str, range(_MANY)), 1)}],
            },
        ),
        ("bulk_send", lambda: {"uid": "x", "recipients": "[" + "[]," * 1_500_000 + "[]]"}),
        ("send_invite", lambda: {"uids": [1] * _MANY, "email": "a@b.example"}),
        (
            "send_invite",
            lambda: {"uid": "x", "email": "a@b.example", "fields": {str(n): [] for n in range(_MANY)}},
        ),
        ("search_events", lambda: {f"name{n}": 1 for n in range(_MANY)}),
    ],
)
def test_a_refusal_holds_no_memory_for_each_mistake(tool: str, made: Callable[[], dict[str, Any]]) -> None:
    arguments = made()
    tracemalloc.start()
    try:
        _refused(tool, arguments)
        assert tracemalloc.get_traced_memory()[1] < _MEMORY_MAX
    finally:
        tracemalloc.stop()


def test_a_tool_name_of_megabytes_is_compared_with_nothing(compared: list[int]) -> None:
    assert nearest("create_even" * 500_000, EVERY).startswith("There are: ")
    assert not compared


@given(st.integers(200, 2_000).map(lambda depth: "[" * depth + "]" * depth))
def test_arguments_that_are_nested_deep_are_refused(nested: str) -> None:
    assert _refused("bulk_send", {"uid": "x", "recipients": nested}).code is Code.INVALID_ARGUMENT


def test_an_address_that_is_no_address_costs_no_rules() -> None:
    for address in ("a" * 1_000_000, "@" * 1_000_000, "a@b.example" * 100_000):
        with pytest.raises(Refused) as raised:
            text.address(address)
        assert raised.value.code is Code.INVALID_ADDRESS
        assert len(raised.value.message) < 300


def test_a_cursor_that_is_too_long_is_refused_and_not_cut() -> None:
    cursor = cursors.written(1)
    padded = cursor + "A" * 1_000
    with pytest.raises(Refused) as raised:
        cursors.opened(padded, int)
    assert raised.value.code is Code.INVALID_CURSOR


async def _beside(attack: Any, other: Key) -> int:
    """How often another key was answered while `attack` was under way."""
    task = asyncio.ensure_future(attack)
    answered = 0
    while not task.done():
        assert (await other.call("get_stats", scope="organizer"))["scope"] == "organizer"
        answered += 1
    return answered


@pytest.fixture
def attacks() -> dict[str, dict[str, Any]]:
    rows = range(10_000)
    return {
        "unknown names": {"tool": "search_events", **{f"name{n}": n for n in rows}},
        "unknown names in rows": {
            "tool": "bulk_send",
            "recipients": [{"emial": f"a{n}@b.example"} for n in rows],
        },
        "bad addresses": {
            "tool": "bulk_send",
            "recipients": [{"email": f"a{n}@{'ä.' * 60}example"} for n in rows[:500]],
        },
    }


async def test_wrong_calls_of_one_key_keep_another_key_waiting_for_none_of_them(
    tmp_path: Path, attacks: dict[str, dict[str, Any]]
) -> None:
    async with two_keys(tmp_path) as (ann, bob):
        uid = await ann.event()
        for name, arguments in attacks.items():
            named = {"uid": uid} if arguments["tool"] == "bulk_send" else {}
            assert await _beside(ann.call(**{**arguments, **named}), bob), name
        # One that is judged row by row, and others that wait for it: bob's list is judged meanwhile.
        heavy = [asyncio.ensure_future(ann.call(uid=uid, **attacks["bad addresses"])) for _ in range(3)]
        theirs = await bob.event()
        data = await bob.call("bulk_send", uid=theirs, csv="email\ncarol@example.net")
        assert data["campaign"]["valid"] == 1
        assert not all(task.done() for task in heavy)
        for task in heavy:
            task.cancel()
        await asyncio.gather(*heavy, return_exceptions=True)


async def test_parameters_that_are_no_arguments_are_bounded_as_well(tmp_path: Path) -> None:
    many = {str(n): n for n in range(_MANY)}
    async with two_keys(tmp_path) as (ann, bob):
        for method, params in {
            "prompts/get": {"name": "x", "arguments": many},
            "completion/complete": {"ref": {"type": "ref/prompt", "name": "x"}, "argument": many},
            "resources/list": {"cursor": "x" * 200_000},
            "tools/list": {"cursor": "x" * 200_000, **many},
        }.items():
            assert (await ann.ask(method, str(params.get("name", "")), **params))["error"]["code"] == -32602
        answer = await ann.ask("resources/read", "event://x", uri="event://" + "a/" * _MANY)
        assert "error" in answer
        assert (await bob.call("get_stats", scope="organizer"))["scope"] == "organizer"


async def test_a_body_with_millions_of_values_is_refused_before_it_is_read(tmp_path: Path) -> None:
    async with two_keys(tmp_path) as (ann, _):
        for body in (
            b"[" + b"[]," * 2_000_000 + b"[]]",
            b"{" * 2_000_000,
            b'["' + b'","' * 1_500_000 + b'"]',
        ):
            answer = await ann.post(body)
            assert (answer.status_code, answer.json()["error"]) == (413, "too_large")
        text_of_commas = b'["' + b"," * 5_000_000 + b'"]'
        assert (await ann.post(text_of_commas)).status_code != 413
