"""The commands that a newcomer runs, over a table: the whole story, the verifier, and the recount."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.processes import run
from tests.judges.ministack import KEYS
from tests.judges.tables import new_address
from tests.support.waiting import DEADLINE_S

_DEADLINE_S = 4 * DEADLINE_S
pytestmark = pytest.mark.skipif(
    os.environ.get("CIS_JUDGES") != "required", reason="an emulator of AWS: run by .ci/run (make judges)"
)


async def test_the_demo_comes_to_what_it_must_over_a_table(tmp_path: Path) -> None:
    code, out, err = await run(tmp_path, "demo", "--store", new_address(), deadline_s=_DEADLINE_S, **KEYS)
    assert code == 0, out + err
    assert "Every step gave the expected result." in out
    assert "Everything adds up." in out


async def test_a_server_over_a_table_is_verified_and_adds_up(tmp_path: Path) -> None:
    own = {"CIS_STORE": new_address(), **KEYS}
    code, out, err = await run(tmp_path, "verify", deadline_s=_DEADLINE_S, **own)
    assert code == 0, out + err
    code, out, err = await run(tmp_path, "check", **own)
    assert (code, out) == (0, "Everything adds up.\n"), err


async def test_a_table_that_is_not_there_is_refused_with_what_to_write(tmp_path: Path) -> None:
    address = new_address().replace("create=yes", "create=no")
    code, out, err = await run(tmp_path, "check", CIS_STORE=address, **KEYS)
    assert code != 0
    assert "add &create=yes" in out + err
