"""Bars as SVG in a table with their numbers, made by the server: for eyes, ears, paper and no script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

_TABLE = Markup(
    '<table class="bars"><thead><tr><th scope="col">{}</th><td></td><th scope="col" class="n">Number</th></tr></thead>'
    "<tbody>{}</tbody></table>"
)
_ROW = Markup(
    '<tr><th scope="row">{}</th><td><svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" '
    'focusable="false"><rect width="{:.1f}" height="10"></rect></svg></td><td class="n">{:,}</td></tr>'
)


@dataclass(frozen=True)
class Bar:
    """One bar and what it stands for."""

    label: str
    count: int


def bars(title: str, rows: Sequence[Bar]) -> Markup:
    """A table whose rows have a bar beside their number; the longest bar is as wide as there is room."""
    most = max((row.count for row in rows), default=0) or 1
    drawn = (_ROW.format(row.label, row.count / most * 100, row.count) for row in rows)
    return _TABLE.format(title, Markup("").join(drawn))
