"""When people answer: by the hour since their invite was sent, and by the weekday and hour at which it was sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from markupsafe import Markup

from cis_mcp.console.charts import Bar, bars, heat
from cis_mcp.locale.languages import ENGLISH
from engine.mail.locale.language import Language, noop
from engine.model.timing import HOURS_MAX, AnswerTimes, SendHour

_SHOWN = 24
DAYS = (
    noop("Mon"),
    noop("Tue"),
    noop("Wed"),
    noop("Thu"),
    noop("Fri"),
    noop("Sat"),
    noop("Sun"),
)


def median(times: AnswerTimes, language: Language = ENGLISH) -> str:
    """The median time to an answer, as people say it; empty without one."""
    if times.median_s is None:
        return ""
    minutes = round(times.median_s / 60)
    if minutes < 60:
        return language.say("under a minute") if not minutes else f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02} min"
    return language.say("{n} days", n=f"{minutes / 1440:.1f}")


def since_sending(times: AnswerTimes, language: Language = ENGLISH) -> list[tuple[str, Markup]]:
    """Answers by the hour since the invite was sent, the hours without any among them; nothing without answers."""
    if not times.by_hour:
        return []
    counted = dict(times.by_hour)
    last = min(max(counted), _SHOWN)
    rows = [Bar(f"{hour}–{hour + 1} h", counted.get(hour, 0)) for hour in range(last)]
    later = sum(n for hour, n in counted.items() if hour >= last)
    title = language.say("Answers by hours since sending")
    end = f"{last}–{last + 1} h" if last == max(counted) < HOURS_MAX else language.say("after {n} h", n=last)
    return [(title, bars(title, [*rows, Bar(end, later)], language))]


def by_send_time(hours: Sequence[SendHour], zone: str, language: Language = ENGLISH) -> Markup | None:
    """A table of weekdays and hours, on the clock of `zone`: what was sent, and what share of it was answered."""
    sent: Counter[tuple[int, int]] = Counter()
    answered: Counter[tuple[int, int]] = Counter()
    for one in hours:
        local = one.at.astimezone(ZoneInfo(zone))
        sent[local.weekday(), local.hour] += one.sent
        answered[local.weekday(), local.hour] += one.answered
    if not sent:
        return None
    columns = range(min(hour for _, hour in sent), max(hour for _, hour in sent) + 1)
    cells = [
        [(sent[day, hour], answered[day, hour]) if sent[day, hour] else None for hour in columns]
        for day in range(7)
    ]
    title = language.say("Share answered, by when it was sent ({zone})", zone=zone)
    days = [language.say(day) for day in DAYS]
    return heat(title, days, [f"{h:02}" for h in columns], cells, language)
