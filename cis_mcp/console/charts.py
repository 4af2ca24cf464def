"""Bars as SVG in a table with their numbers, made by the server, for screen readers, paper and no scripts too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from markupsafe import Markup

from cis_mcp.locale.languages import ENGLISH
from engine.mail.locale.language import Language

_TABLE = Markup(
    '<table class="bars"><thead><tr><th scope="col">{}</th><td></td><th scope="col" class="n">{}</th></tr></thead>'
    "<tbody>{}</tbody></table>"
)
_ROW = Markup(
    '<tr><th scope="row">{}</th><td><svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" '
    'focusable="false"><rect width="{:.1f}" height="10"></rect></svg></td><td class="n">{}</td></tr>'
)


@dataclass(frozen=True)
class Bar:
    """One bar and what it stands for."""

    label: str
    count: int


def bars(title: str, rows: Sequence[Bar], language: Language = ENGLISH) -> Markup:
    """A table whose rows have a bar beside their number; the longest bar is as wide as there is room."""
    return _bars(title, tuple(rows), language)


@lru_cache(maxsize=256)
def _bars(title: str, rows: tuple[Bar, ...], language: Language) -> Markup:
    most = max((row.count for row in rows), default=0) or 1
    drawn = (_ROW.format(row.label, row.count / most * 100, language.number(row.count)) for row in rows)
    return _TABLE.format(title, language.say("Number"), Markup("").join(drawn))


_HEAT = Markup(
    '<div class="scroll" role="region" aria-label="{}" tabindex="0"><table class="heat"><thead><tr>'
    '<th scope="col">{}</th>{}</tr></thead><tbody>{}</tbody></table></div>'
)
_COLUMN = Markup('<th scope="col">{}</th>')
_LINE = Markup('<tr><th scope="row">{}</th>{}</tr>')
_CELL = Markup(
    '<td><svg viewBox="0 0 10 10" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
    '<rect width="10" height="10" fill-opacity="{:.2f}"></rect></svg>{} %<small>{}</small></td>'
)
_NONE = Markup("<td></td>")


def heat(
    title: str,
    days: Sequence[str],
    columns: Sequence[str],
    cells: Sequence[Sequence[tuple[int, int] | None]],
    language: Language = ENGLISH,
) -> Markup:
    """A table of squares that are filled by a share, which is also in each as a number.

    `cells`: for each day and column the whole and the part; None: nothing.
    """
    head = Markup("").join(_COLUMN.format(column) for column in columns)
    lines = (
        _LINE.format(day, Markup("").join(_cell(*one, language) if one else _NONE for one in row))
        for day, row in zip(days, cells, strict=True)
    )
    return _HEAT.format(title, language.say("Day"), head, Markup("").join(lines))


def _cell(whole: int, part: int, language: Language) -> Markup:
    return _CELL.format(
        part / whole, round(100 * part / whole), language.say("of {n}", n=language.number(whole))
    )
