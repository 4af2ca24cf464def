"""openapi-spec-validator judges the OpenAPI document by the specification's own schema; in CI alone."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.processes import ROOT

PROGRAM = ROOT / ".judges" / "python" / "bin" / "openapi-spec-validator"


@pytest.fixture(autouse=True)
def _judge() -> None:
    if os.environ.get("CIS_JUDGES") != "required":
        pytest.skip("it judges in CI alone: CIS_JUDGES=required")
    assert PROGRAM.exists(), "run make judges"


def _judged(document: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PROGRAM, document], capture_output=True, text=True, check=False, timeout=120)


def test_the_openapi_document_is_one_by_the_specification() -> None:
    found = _judged(ROOT / "docs" / "openapi.json")
    assert found.returncode == 0, found.stdout + found.stderr


def test_a_document_that_is_none_is_seen(tmp_path: Path) -> None:
    wrong = tmp_path / "openapi.json"
    wrong.write_text('{"openapi": "3.1.0", "info": {"title": "x"}, "paths": {}}')
    assert _judged(wrong).returncode != 0
