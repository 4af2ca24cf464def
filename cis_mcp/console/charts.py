"""Bars as SVG, made by the server, with their numbers beside them as a table: for eyes, ears, paper and no script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

_WIDTH, _ROW, _GAP = 320, 18, 6
_TABLE = Markup(
    '<table><thead><tr><th scope="col">{}</th><th scope="col" class="n">Number</th></tr></thead>'
    "<tbody>{}</tbody></table>"
)


@dataclass(frozen=True)
class Bar:
    """One bar and what it stands for."""

    label: str
    count: int


def bars(title: str, rows: Sequence[Bar]) -> Markup:
    """A chart and the same as a table; the longest bar is as wide as the chart."""
    most = max((row.count for row in rows), default=0) or 1
    height = len(rows) * (_ROW + _GAP)
    drawn = Markup("").join(
        Markup('<rect x="0" y="{}" width="{:.1f}" height="{}" rx="2"></rect>').format(
            place * (_ROW + _GAP), row.count / most * _WIDTH, _ROW
        )
        for place, row in enumerate(rows)
    )
    listed = Markup("").join(
        Markup('<tr><th scope="row">{}</th><td class="n">{:,}</td></tr>').format(row.label, row.count)
        for row in rows
    )
    svg = Markup(
        '<svg class="chart" viewBox="0 0 {} {}" aria-hidden="true" focusable="false">{}</svg>'
    ).format(_WIDTH, height, drawn)
    return Markup('<div class="charted"><div>{}</div><div>{}</div></div>').format(
        svg, _TABLE.format(title, listed)
    )
