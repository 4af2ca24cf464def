"""Calendar text as a tree of components, within bounds (RFC 5545, 3.4 and 3.6)."""

from __future__ import annotations

from collections.abc import Iterable

from engine.itip.bounds import Allowance
from engine.itip.content_lines import Component, Property, parse_line, unfolded
from engine.itip.repairs import Repairs
from engine.refusals import Code, Refused

MAX_COMPONENTS = 50_000
MAX_DEPTH = 8
MAX_LINES = 100_000

_TOP_KINDS = frozenset({"VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VTIMEZONE"})
_KNOWN = _TOP_KINDS | {"VCALENDAR", "VALARM", "STANDARD", "DAYLIGHT"}
_NOT_OF_EVENTS = frozenset(
    {"TZID", "TZOFFSETFROM", "TZOFFSETTO", "TZNAME", "METHOD", "PRODID", "VERSION", "CALSCALE"}
)


def parse(text: str, repairs: Repairs | None = None, max_lines: int = MAX_LINES) -> list[Component]:
    """The top-level components of `text`; lines that are not content lines and stray ENDs are skipped.

    Raises Refused(INVALID_CALENDAR) if components nest too deep or a line has too many parameters,
    Refused(TOO_LARGE) for too many lines or components.
    """
    return grown(unfolded(text), repairs or Repairs(), max_lines)


def grown(lines: Iterable[str], repairs: Repairs, max_lines: int = MAX_LINES) -> list[Component]:
    """As `parse`, for unfolded lines."""
    tree, allowed = _Tree(repairs), Allowance(max_lines, "lines")
    for line in lines:
        allowed.take()
        tree.add(parse_line(line))
    return tree.closed()


class _Tree:
    """A tree built line by line; `_open` holds the components that have not ended, outermost first."""

    def __init__(self, repairs: Repairs) -> None:
        self._root = Component("")
        self._open = [self._root]
        self._repairs = repairs
        self._components = Allowance(MAX_COMPONENTS, "components")
        self._mended: Component | None = None
        """The calendar in which a missing BEGIN was supplied, which is done only once."""

    def add(self, prop: Property | None) -> None:
        if prop is None:
            self._repairs.note("a line that is no property passed over")
        elif prop.name == "BEGIN":
            self._begin(prop.value.strip().upper())
        elif prop.name == "END":
            self._end(prop.value.strip().upper())
        else:
            self._open[-1].properties.append(prop)

    def closed(self) -> list[Component]:
        if len(self._open) > 1:
            self._without_end()
        for component in self._open:
            component.unended = True
        return self._root.components

    def _begin(self, name: str) -> None:
        self._components.take()
        if len(self._open) > MAX_DEPTH:
            raise Refused(
                Code.INVALID_CALENDAR, "The calendar's components are nested too deep.", "Send plain events."
            )
        outer = self._outer(name)
        if outer < len(self._open):
            self._without_end()
            del self._open[outer:]
        self._within(Component(name))

    def _within(self, component: Component) -> None:
        self._open[-1].components.append(component)
        self._open.append(component)

    def _outer(self, name: str) -> int:
        """How many components stay open, so that calendars and events stay separate even if an END is missing."""
        if name == "VCALENDAR":
            return 1
        return min(len(self._open), 2) if name in _TOP_KINDS else len(self._open)

    def _end(self, name: str) -> None:
        depth = next((d for d in range(len(self._open) - 1, 0, -1) if self._open[d].name == name), 0)
        if depth:
            if depth < len(self._open) - 1:
                self._without_end()
            del self._open[depth:]
        elif name == "VEVENT" and len(self._open) > 1 and self._mended is not self._open[1]:
            self._begun_unseen()
        else:
            self._repairs.note("an END without its BEGIN passed over")

    def _begun_unseen(self) -> None:
        """Make an event of the properties before an END whose BEGIN is missing: that is better than nothing.

        The properties are moved, and only once in a calendar, so that no line is read twice.
        """
        self._repairs.note("VEVENT without its BEGIN")
        self._components.take()
        holder, calendar = self._open[-1], self._open[1]
        own = [p for p in holder.properties if p.name not in _NOT_OF_EVENTS]
        holder.properties = [p for p in holder.properties if p.name in _NOT_OF_EVENTS]
        calendar.components.append(Component("VEVENT", own))
        self._mended = calendar
        del self._open[2:]

    def _without_end(self) -> None:
        self._repairs.note(f"{_shown(self._open[-1])} without its END")


def _shown(component: Component) -> str:
    return component.name if component.name in _KNOWN else "a component"
