"""Every table of the console sorts, filters, pages and exports: what a template renders is arranged as asked.

Sorting and filtering look at no more than `ROWS_MAX` rows, the first in the order of the page.
"""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlencode

from jinja2 import Environment, pass_environment
from markupsafe import Markup
from starlette.datastructures import QueryParams
from starlette.requests import Request

from cis_mcp.console.speaking import SPOKEN
from engine.attendee_report import harmless
from engine.mail.locale.language import Language, noop_term
from engine.refusals import Code, Refused

ROWS_MAX = 1_000
SHOWN = 100
"""Rows of an arranged table on one page."""
_WORDS_MAX = 200
_KEPT = 256
"""Frames of tables, and queries, that are kept made."""
_QUERY_KEPT = 300
_PLACE = "\N{OBJECT REPLACEMENT CHARACTER}"
"""Stands for the table while what is around it is made."""
_OWN = frozenset({"t", "sort", "down", "filter", "p", "export"})
_PLACES = frozenset({"cursor", "before", "after", "done", "undo"})
"""Where a list goes on, and what was done just now: of no meaning in another order."""
_SILENT = (noop_term("head of a column", "Buttons"),)
"""Columns that hold nothing to sort by or to export, as those without a head."""
_TABLE = re.compile(
    r"(\s*<table[^>]*>\s*<thead><tr>)(.*?)(</tr></thead>\s*<tbody>)(.*)(</tbody>\s*</table>\s*)", re.DOTALL
)
_HEAD = re.compile(r"<(th|td)([^>]*)>(.*?)</\1>", re.DOTALL)
_ROW = re.compile(r"<tr[^>]*>.*?</tr>", re.DOTALL)
_CELL = re.compile(r"<t[hd][^>]*>(.*?)</t[hd]>", re.DOTALL)
_TAG = re.compile(r"<[^>]+>")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)? ?%?")
_DAY = re.compile(r"[A-Z][a-z]{2} (?=\d{4}-)")


@dataclass(frozen=True)
class Arranging:
    """What an address asks of the tables of its page."""

    path: str
    query: Mapping[str, str]

    @property
    def table(self) -> str:
        """Which table is meant; empty: none."""
        return self.query.get("t", "")

    def link(self, table: str, **values: str) -> str:
        """The same page with its table in that order."""
        kept = {name: value for name, value in self.query.items() if name not in _OWN | _PLACES}
        given = {name: value for name, value in values.items() if value}
        return f"{self.path}?{urlencode({**kept, 't': table, **given})}"


ASKED: ContextVar[Arranging | None] = ContextVar("what is asked of the tables", default=None)


class ExportRequested(Exception):  # noqa: N818 -- an answer, not a fault
    """A table was asked for as CSV."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(name)
        self.name, self.text = name, text


@dataclass(frozen=True)
class _Row:
    markup: str
    texts: Sequence[str]


def asked_of(request: Request) -> Arranging | None:
    """What the address asks; None for a form, whose answer stands at no address."""
    if request.method not in {"GET", "HEAD"}:
        return None
    return Arranging(request.scope["path"], query_of(request))


def query_of(request: Request) -> Mapping[str, str]:
    """The parameters of a request's address; of one that is named twice, the last."""
    query: bytes = request.scope["query_string"]
    return (_parsed if len(query) <= _QUERY_KEPT else _parsed.__wrapped__)(query)


@lru_cache(maxsize=_KEPT)
def _parsed(query: bytes) -> Mapping[str, str]:
    return dict(QueryParams(query))


@pass_environment
def arranged(environment: Environment, table: Markup, name: str, called: str = "") -> Markup:
    """A filter: the table in the order asked for, with sorting, filters and export. Raises Refused, ExportRequested.

    `called`: what addresses call it, in whatever language its name is.
    """
    asked, parts, slug = ASKED.get(), _TABLE.fullmatch(table), _slug(called or name)
    meant = asked is not None and asked.table == slug
    if asked is None or parts is None:
        return _framed(environment, name, table, None)
    if not meant:
        return _as_it_is(environment, name, slug, parts, asked)
    rows = [_row(found[0]) for found in _ROW.finditer(parts[4])]
    labels = [_text(found[3]) for found in _HEAD.finditer(parts[2])]
    chosen = _chosen(asked, labels, rows)
    if asked.query.get("export") == "csv":
        raise ExportRequested(slug, _csv(labels, chosen))
    page = _page(asked.query.get("p", ""))
    shown = chosen[(page - 1) * SHOWN : page * SHOWN]
    head = _headed(asked, slug, parts[2], meant=True)
    body = "\n".join(row.markup for row in shown)
    whole = f"{parts[1]}{head}{parts[3]}{body}{parts[5]}"
    tools = _tools(asked, slug, page, len(chosen), len(rows), meant=True)
    return _framed(environment, name, whole, tools)


def _as_it_is(
    environment: Environment, name: str, slug: str, parts: re.Match[str], asked: Arranging
) -> Markup:
    """A table in the order of its page; only what stands around its rows is made, and that once for all who look."""
    if parts[4].count("<tr") < 2:
        before, after = _alone(environment, name, SPOKEN.get())
        return Markup(f"{before}{parts[0]}{after}")  # noqa: S704 -- as below
    query = tuple(asked.query.items())
    before, head, after = _around(environment, name, slug, parts[2], asked.path, query, SPOKEN.get())
    # The table was rendered by our own templates, which escaped all that is in it.
    return Markup(f"{before}{parts[1]}{head}{parts[3]}{parts[4]}{parts[5]}{after}")  # noqa: S704


@lru_cache(maxsize=_KEPT)
def _alone(environment: Environment, name: str, _language: Language) -> tuple[str, str]:
    """What stands around a table that there is nothing to arrange in; made anew for each language."""
    before, _, after = _framed(environment, name, _PLACE, None).partition(_PLACE)
    return before, after


@lru_cache(maxsize=_KEPT)
def _around(
    environment: Environment,
    name: str,
    slug: str,
    head: str,
    path: str,
    query: tuple[tuple[str, str], ...],
    _language: Language,
) -> tuple[str, str, str]:
    """What stands before a table's rows, the heads of its columns, and what stands after."""
    asked = Arranging(path, dict(query))
    frame = _framed(environment, name, _PLACE, _tools(asked, slug, 1, 0, 0, meant=False))
    before, _, after = frame.partition(_PLACE)
    return before, _headed(asked, slug, head, meant=False), after


def _framed(environment: Environment, name: str, table: str, tools: Mapping[str, object] | None) -> Markup:
    template = environment.get_template("arrange.html")
    # The table was rendered by our own templates, which escaped all that is in it.
    return Markup(template.render(name=name, table=Markup(table), tools=tools))  # noqa: S704


def _tools(
    asked: Arranging, slug: str, page: int, found: int, total: int, *, meant: bool
) -> Mapping[str, object]:
    """What the form and the links below a table hold."""
    values = {name: asked.query.get(name, "") if meant else "" for name in ("sort", "down", "filter")}
    return {
        "slug": slug,
        "path": asked.path,
        "kept": {name: v for name, v in asked.query.items() if name not in _OWN | _PLACES},
        "sort": values["sort"],
        "down": values["down"],
        "words": values["filter"],
        "csv": asked.link(slug, **values, export="csv"),
        "meant": meant,
        "found": found,
        "total": total,
        "most": total >= ROWS_MAX,
        "back": asked.link(slug, **values, p=str(page - 1)) if page > 1 else "",
        "on": asked.link(slug, **values, p=str(page + 1)) if found > page * SHOWN else "",
    }


@lru_cache(maxsize=_KEPT)
def _slug(name: str) -> str:
    return re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "table"


@lru_cache(maxsize=_KEPT)
def _silent(language: Language) -> frozenset[str]:
    """The heads of silent columns in a language."""
    return frozenset({"", *(language.term(*head) for head in _SILENT)})


def _row(markup: str) -> _Row:
    return _Row(markup, [_text(cell) for cell in _CELL.findall(markup)])


def _text(markup: str) -> str:
    return " ".join(html.unescape(_TAG.sub(" ", markup)).split())


def _page(given: str) -> int:
    return int(given) if given.isascii() and given.isdigit() and 0 < len(given) < 4 and int(given) else 1


def _chosen(asked: Arranging, labels: Sequence[str], rows: Sequence[_Row]) -> Sequence[_Row]:
    """The rows that have the words, in the order of a column. Raises Refused: INVALID_ARGUMENT."""
    words = asked.query.get("filter", "")[:_WORDS_MAX].lower().split()
    found = [row for row in rows if all(word in " ".join(row.texts).lower() for word in words)]
    sort = asked.query.get("sort", "")
    if not sort:
        return found
    if sort not in labels or sort in _silent(SPOKEN.get()):
        raise Refused(
            Code.INVALID_ARGUMENT, "The table has no such column.", "Press the head of one of its columns."
        )
    place = labels.index(sort)
    return sorted(found, key=lambda row: _value(row, place), reverse=bool(asked.query.get("down")))


def _value(row: _Row, place: int) -> tuple[int, float, str]:
    """What a cell sorts by: numbers before texts, and days as they follow each other."""
    text = row.texts[place] if place < len(row.texts) else ""
    # A separator that is a space is a plain one by now: texts of cells have no others.
    between = SPOKEN.get().term("between thousands", ",").strip() or " "
    plain = re.sub(rf"(?<=\d){re.escape(between)}(?=\d{{3}}(?!\d))", "", text)
    if _NUMBER.fullmatch(plain):
        return 0, float(plain.rstrip(" %")), ""
    return 1, 0.0, _DAY.sub("", text).lower()


def _headed(asked: Arranging, slug: str, head: str, *, meant: bool) -> str:
    """The heads of the columns, each a link that sorts by it."""
    by, down = (asked.query.get("sort", ""), asked.query.get("down", "")) if meant else ("", "")
    words = asked.query.get("filter", "") if meant else ""
    silent = _silent(SPOKEN.get())

    def linked(found: re.Match[str]) -> str:
        label = _text(found[3])
        if label in silent or found[1] != "th":
            return found[0]
        turned = "1" if label == by and not down else ""
        url = html.escape(asked.link(slug, sort=label, down=turned, filter=words))
        order = f' aria-sort="{"descending" if down else "ascending"}"' if label == by else ""
        return f'<th{found[2]}{order}><a href="{url}">{found[3]}</a></th>'

    return _HEAD.sub(linked, head)


def _csv(labels: Sequence[str], rows: Sequence[_Row]) -> str:
    silent = _silent(SPOKEN.get())
    places = [place for place, label in enumerate(labels) if label not in silent]
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow([labels[place] for place in places])
    for row in rows:
        writer.writerow([harmless(row.texts[place]) if place < len(row.texts) else "" for place in places])
    return buffer.getvalue()
