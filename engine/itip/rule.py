"""Recurrence rules: parse, check and write RRULE values (RFC 5545, 3.3.10)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from engine.refusals import Code, Refused

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
MAX_INSTANCES = 4_000
_VALUES_MAX = 400
MAX_DAYS = 120
MAX_TEXT = 2_000
_BYDAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_RANGES = {"BYMONTH": 12, "BYMONTHDAY": 31, "BYYEARDAY": 366, "BYWEEKNO": 53, "BYSETPOS": 366}


def refused(why: str) -> Refused:
    """A refusal of a recurrence rule, with an example of a valid one."""
    return Refused(
        Code.INVALID_RECURRENCE, why, "Give an RRULE value such as FREQ=WEEKLY;BYDAY=MO,WE;COUNT=10."
    )


@dataclass(frozen=True, slots=True)
class RecurrenceRule:
    """A parsed recurrence rule; `until` remains text, since its meaning depends on DTSTART."""

    freq: str
    interval: int = 1
    count: int | None = None
    until: str = ""
    wkst: int = 0
    bymonth: frozenset[int] = frozenset()
    byweekno: frozenset[int] = frozenset()
    byyearday: frozenset[int] = frozenset()
    bymonthday: frozenset[int] = frozenset()
    byday: tuple[tuple[int, int], ...] = ()
    bysetpos: frozenset[int] = frozenset()
    bytime: tuple[tuple[str, str], ...] = ()
    days: frozenset[tuple[int, int]] = field(init=False, compare=False)
    """`byday` as a set, since every day of a series is looked up in it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "days", frozenset(self.byday))

    def text(self, until: str) -> str:
        """The rule as an RRULE value with `until` in place of its own."""
        days = ",".join(f"{n or ''}{WEEKDAYS[day]}" for n, day in self.byday)
        parts = {
            "FREQ": self.freq,
            "UNTIL": until,
            "COUNT": str(self.count or ""),
            "INTERVAL": str(self.interval) if self.interval > 1 else "",
            "BYMONTH": _joined(self.bymonth),
            "BYWEEKNO": _joined(self.byweekno),
            "BYYEARDAY": _joined(self.byyearday),
            "BYMONTHDAY": _joined(self.bymonthday),
            "BYDAY": days,
            "BYSETPOS": _joined(self.bysetpos),
            "WKST": WEEKDAYS[self.wkst] if self.wkst else "",
        }
        return ";".join(f"{name}={value}" for name, value in parts.items() if value)


def _joined(numbers: frozenset[int]) -> str:
    return ",".join(map(str, sorted(numbers)))


# reading


def _number(name: str, text: str, largest: int) -> int:
    if not re.fullmatch(r"[+-]?\d{1,6}", text) or not 0 < abs(int(text)) <= largest:
        raise refused(f"{name}={text[:20]} is not a valid number for {name}.")
    return int(text)


def _numbers(parts: dict[str, str], name: str) -> frozenset[int]:
    values = [v.strip() for v in parts.get(name, "").split(",") if v.strip()]
    if len(values) > _VALUES_MAX:
        raise refused(f"{name} lists {len(values)} numbers; {_VALUES_MAX} are allowed.")
    found = frozenset(_number(name, value, _RANGES[name]) for value in values)
    if name == "BYMONTH" and any(month < 0 for month in found):
        raise refused("BYMONTH takes the numbers 1 to 12.")
    return found


def _days(text: str, freq: str) -> tuple[tuple[int, int], ...]:
    found = []
    pieces = [p.strip() for p in text.split(",") if p.strip()]
    if len(pieces) > MAX_DAYS:
        raise refused(f"BYDAY lists {len(pieces)} weekdays; {MAX_DAYS} are allowed.")
    for piece in pieces:
        match = _BYDAY.fullmatch(piece)
        if not match or match.group(1) in {"0", "+0", "-0", "00"}:
            raise refused(f"BYDAY={piece[:20]} is not a weekday such as MO or -1FR.")
        if match.group(1) and freq not in {"MONTHLY", "YEARLY"}:
            raise refused(f"BYDAY={piece[:20]}: a numbered weekday needs FREQ=MONTHLY or FREQ=YEARLY.")
        found.append((int(match.group(1) or 0), WEEKDAYS.index(match.group(2))))
    return tuple(dict.fromkeys(found))


def _parts(text: str) -> dict[str, str]:
    text = re.sub(r"\s+", "", text).upper().removeprefix("RRULE:")
    parts: dict[str, str] = {}
    for piece in text.split(";"):
        name, equals, value = piece.partition("=")
        if piece and (not equals or not value):
            raise refused(f"“{piece[:40]}” is not a part of a recurrence rule.")
        if name in parts:
            raise refused(f"The recurrence rule has {name[:20]} more than once.")
        if piece:
            parts[name] = value
    return parts


def parse(text: str) -> RecurrenceRule:
    """The rule of an RRULE value.

    Raises Refused(INVALID_RECURRENCE) for anything but a daily, weekly, monthly or yearly rule (RFC 5545, 3.3.10).
    """
    if len(text) > MAX_TEXT:
        raise refused("The recurrence rule is too long.")
    parts = _parts(text)
    freq = parts.get("FREQ", "")
    if freq not in FREQUENCIES:
        raise refused(f"FREQ={freq[:20]} is not one of {', '.join(FREQUENCIES)}.")
    known = {
        "FREQ",
        "INTERVAL",
        "COUNT",
        "UNTIL",
        "WKST",
        "BYDAY",
        "BYHOUR",
        "BYMINUTE",
        "BYSECOND",
        *_RANGES,
    }
    unknown = [name for name in parts if name not in known and not name.startswith("X-")]
    if unknown:
        raise refused(f"“{unknown[0][:20]}” is not a part of a recurrence rule.")
    if "COUNT" in parts and "UNTIL" in parts:
        raise refused("A recurrence rule has COUNT or UNTIL, not both.")
    return _rule(freq, parts)


def _rule(freq: str, parts: dict[str, str]) -> RecurrenceRule:
    interval = _number("INTERVAL", parts.get("INTERVAL", "1"), 1_000)
    total = _number("COUNT", parts["COUNT"], 999_999) if "COUNT" in parts else None
    if interval < 1 or (total is not None and total < 1):
        raise refused("INTERVAL and COUNT are at least 1.")
    if total is not None and total > MAX_INSTANCES:
        raise refused(f"The rule has {total} instances; {MAX_INSTANCES} are allowed.")
    wkst = parts.get("WKST", "MO")
    if wkst not in WEEKDAYS:
        raise refused(f"WKST={wkst[:20]} is not a weekday.")
    rule = RecurrenceRule(
        freq=freq,
        interval=interval,
        count=total,
        until=parts.get("UNTIL", ""),
        wkst=WEEKDAYS.index(wkst),
        bymonth=_numbers(parts, "BYMONTH"),
        byweekno=_numbers(parts, "BYWEEKNO"),
        byyearday=_numbers(parts, "BYYEARDAY"),
        bymonthday=_numbers(parts, "BYMONTHDAY"),
        byday=_days(parts.get("BYDAY", ""), freq),
        bysetpos=_numbers(parts, "BYSETPOS"),
        bytime=tuple((n, parts[n]) for n in ("BYHOUR", "BYMINUTE", "BYSECOND") if n in parts),
    )
    _check_combination(rule)
    return rule


def _check_combination(rule: RecurrenceRule) -> None:
    numbered = any(n for n, _ in rule.byday)
    any_by = rule.byday or rule.bymonthday or rule.byyearday or rule.byweekno or rule.bymonth
    wrong = (
        (rule.byweekno and (rule.freq != "YEARLY" or numbered))
        or (rule.byyearday and rule.freq != "YEARLY")
        or (rule.bymonthday and rule.freq == "WEEKLY")
        or (rule.bysetpos and not any_by)
    )
    if wrong:
        raise refused(f"These parts cannot be combined in a rule with FREQ={rule.freq}.")
