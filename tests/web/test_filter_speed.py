"""The filter of a whole season in the browser, beside a bare loop that hides the same rows (12 ms, 8 ms)."""

from __future__ import annotations

import pytest

from tests.support.chromium import Browser
from tests.web.stage import GAMES, Site, screen

pytestmark = pytest.mark.asyncio(loop_scope="package")
_RATIO = 3
_MEASURED = """
(async () => {
  const form = document.querySelector("form[data-page]"), query = form.elements.q;
  const button = form.querySelector(".filter button");
  const rows = [...document.querySelectorAll("#events li")].map((item) => [item, item.closest("fieldset")]);
  const groups = [...new Set(rows.map(([, group]) => group))];
  const laidOut = () => document.body.offsetHeight;
  const ours = async (words) => {
    query.value = words;
    laidOut();
    const begun = performance.now();
    button.click();
    await null; await null; await null;
    laidOut();
    return performance.now() - begun;
  };
  const shown = () => rows.map(([item]) => !item.hidden);
  const bare = (fits) => {
    laidOut();
    const begun = performance.now();
    const full = new Set();
    rows.forEach(([item, group], n) => {
      item.hidden = !fits[n];
      if (fits[n]) full.add(group);
    });
    for (const group of groups) group.hidden = !full.has(group);
    laidOut();
    return performance.now() - begun;
  };
  const all = rows.map(() => true), times = [[], []];
  let few;
  for (let round = 0; round < 9; round += 1) {
    times[0].push(await ours("foxes"));
    few = shown();
    await ours("a");
    bare(all);
    times[1].push(bare(few));
    bare(all);
  }
  const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];
  return [rows.length, few.filter(Boolean).length, median(times[0]), median(times[1])];
})()
"""


async def test_filtering_a_season_takes_at_most_three_times_a_bare_loop(browser: Browser, site: Site) -> None:
    async with screen(browser, site) as seen:
        await seen.go(site.paths["season"])
        ratios = []
        for _ in range(3):
            rows, fitting, ours, bare = await seen.js(_MEASURED)
            assert rows > GAMES - 10
            assert 0 < fitting < rows
            ratios.append(ours / bare)
            if ratios[-1] <= _RATIO:
                break
        assert min(ratios) <= _RATIO
