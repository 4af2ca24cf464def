"""Lighthouse, as a phone, judges the pages that the world sees."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.chromium import CHROMIUM
from tests.web.stage import LIGHTHOUSE, Site, node

pytestmark = pytest.mark.asyncio(loop_scope="package")
_TRIES = 5
_FAST = 0.95


async def judged(
    address: str, folder: Path, *categories: str, slowdown: float = 1, cookie: str = ""
) -> dict[str, Any]:
    """Lighthouse's report of one page; `cookie`: of whoever looks at it."""
    folder.mkdir()
    report = folder / "report.json"
    process = await asyncio.create_subprocess_exec(
        node() or "node",
        str(LIGHTHOUSE),
        address,
        "--quiet",
        "--output=json",
        f"--output-path={report}",
        f"--only-categories={','.join(categories)}",
        f"--throttling.cpuSlowdownMultiplier={slowdown}",
        *([f"--extra-headers={json.dumps({'Cookie': cookie})}"] if cookie else []),
        f"--chrome-flags=--headless=new --no-sandbox --disable-gpu --user-data-dir={folder / 'chromium'}",
        env={**os.environ, "CHROME_PATH": str(CHROMIUM)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()[-2_000:]
    found: dict[str, Any] = json.loads(report.read_text())
    return found


async def judged_together(
    pages: Mapping[str, str],
    folder: Path,
    headers: Mapping[str, str],
    categories: Sequence[str] = ("accessibility", "best-practices"),
) -> dict[str, Any]:
    """What Lighthouse gives each of these pages, in two browsers at once: `at`, `scores`, `missed` audits."""
    halves = [dict(list(pages.items())[n::2]) for n in range(2)]
    found = await asyncio.gather(
        *(_together(half, folder / str(n), headers, categories) for n, half in enumerate(halves))
    )
    return {name: one for half in found for name, one in half.items()}


async def _together(
    pages: Mapping[str, str], folder: Path, headers: Mapping[str, str], categories: Sequence[str]
) -> dict[str, Any]:
    folder.mkdir(parents=True)
    asked = {
        "chromium": str(CHROMIUM),
        "profile": str(folder),
        "headers": headers,
        "pages": pages,
        "categories": categories,
    }
    process = await asyncio.create_subprocess_exec(
        node() or "node",
        str(Path(__file__).with_name("lighthouse.mjs")),
        str(LIGHTHOUSE),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate(json.dumps(asked).encode())
    assert process.returncode == 0, errors.decode()[-2_000:]
    found: dict[str, Any] = json.loads(output)
    return found


def _mid_tier(index: float) -> float:
    """The slowdown that makes a mid-tier phone of a machine with this benchmark index.

    As Lighthouse's calculator of throttling has it.
    """
    if index >= 1_300:
        return 3 + (index - 1_300) / 233
    return 2 + (index - 800) / 500 if index >= 800 else 1 + max(0.0, index - 150) / 650


def missed(report: dict[str, Any]) -> list[str]:
    """The audits of a report that did not pass fully."""
    counted = [
        ref["id"] for one in report["categories"].values() for ref in one["auditRefs"] if ref["weight"]
    ]
    return [name for name in counted if report["audits"][name]["score"] not in {1, None}]


@pytest.mark.parametrize("page", ["schedule", "odd", "upcoming", "event", "sent"])
async def test_a_page_has_full_marks_for_accessibility_and_best_practices(
    site: Site, tmp_path: Path, page: str
) -> None:
    found = ("accessibility", "best-practices", *(() if page == "sent" else ("seo",)))
    report = await judged(site.address + site.paths[page], tmp_path / "judged", *found)
    assert {name: one["score"] for name, one in report["categories"].items()} == dict.fromkeys(found, 1), (
        missed(report)
    )


async def test_further_pages_have_full_marks_as_well(site: Site, tmp_path: Path) -> None:
    """Those that search engines may list, by what these look for too."""
    listed = ("agenda", "cancelled event", "long event", "empty")
    categories = ("accessibility", "best-practices", "seo")
    pages = {page: site.address + site.paths[page] for page in listed}
    found = await judged_together(pages, tmp_path / "listed", {}, categories)
    assert {page: one["missed"] for page, one in found.items() if set(one["scores"].values()) != {1}} == {}


async def test_the_default_view_of_a_season_is_fast_on_a_phone(site: Site, tmp_path: Path) -> None:
    """The slowdown makes this machine, as fast as it is just now, a phone; of several tries the best counts."""
    scores = []
    slowdown = 1.0
    for number in range(_TRIES + 1):
        address = site.address + site.paths["schedule"]
        report = await judged(address, tmp_path / f"judged{number}", "performance", slowdown=slowdown)
        slowdown = _mid_tier(report["environment"]["benchmarkIndex"])
        if number:
            scores.append(report["categories"]["performance"]["score"])
            if scores[-1] >= _FAST:
                return
    raise AssertionError(f"scores {scores}, slowdown {slowdown}")
