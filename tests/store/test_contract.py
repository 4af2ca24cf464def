"""The contract of a store is complete and small: each method says what it does, and the product needs it."""

from __future__ import annotations

import inspect
import re
from functools import cache
from pathlib import Path

import pytest

from engine.store import protocol
from engine.store.protocol import Store, Unit
from engine.store.sqlite.store import SqliteStore
from tests.support.memory.store import MemoryStore
from tests.support.memory.unit import WholeUnit

ROOT = Path(protocol.__file__).parents[3]
BACKENDS = ROOT / "engine" / "store"


@cache
def asked_for() -> set[str]:
    """What the product calls of anything, or hands over of a unit."""
    return {
        name
        for room in ("engine", "cis_mcp")
        for path in (ROOT / room).rglob("*.py")
        if BACKENDS not in path.parents
        for names in re.findall(r"\.(\w+)\(|unit\.(\w+)", path.read_text(encoding="utf-8"))
        for name in names
    }


def methods(contract: type) -> dict[str, object]:
    """The methods that a protocol and those it is put together from declare."""
    return {
        name: found
        for part in contract.__mro__
        if part.__module__.startswith(protocol.__name__)
        for name, found in vars(part).items()
        if inspect.isfunction(found) and not name.startswith("_")
    }


@pytest.mark.parametrize("contract", [Unit, Store])
def test_every_method_has_a_sentence(contract: type) -> None:
    silent = [name for name, found in methods(contract).items() if not inspect.getdoc(found)]
    assert silent == []


@pytest.mark.parametrize("contract", [Unit, Store])
def test_every_method_is_asked_for_by_the_product_not_by_tests_alone(contract: type) -> None:
    needless = set(methods(contract)) - asked_for()
    # The block that fills a store step by step is for the bench and for tests.
    assert needless - {"unit"} == set()


def test_every_backend_has_every_method_of_the_contract() -> None:
    assert [name for name in methods(Store) if not callable(getattr(SqliteStore, name, None))] == []
    in_memory = MemoryStore()
    assert [name for name in methods(Store) if not callable(getattr(in_memory, name, None))] == []
    assert [name for name in methods(Unit) if not callable(getattr(WholeUnit, name, None))] == []
