"""The page of settings names every setting, and none that does not exist."""

from __future__ import annotations

import re
from pathlib import Path

from engine.settings import Settings

PAGE = Path(__file__).resolve().parents[2] / "docs/settings.md"


def test_the_page_of_settings_names_exactly_those_that_exist() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `CIS_")]
    named = [name for row in rows for name in re.findall(r"`CIS_([A-Z_]+)`", row.split("|")[1])]
    assert sorted(named) == sorted(field.upper() for field in Settings.model_fields)
