"""The reporting hub: from the system to a domain, an organizer, an event and one person, each by the same counters."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from starlette.responses import Response, StreamingResponse

from cis_mcp.console import gathering, timing, unchanged
from cis_mcp.console.charts import Bar, bars
from cis_mcp.console.command_centre import ANSWERS, on_screen
from cis_mcp.console.guard import Screen, Visit
from cis_mcp.console.reading import found_at, sought
from cis_mcp.console.sealing import Purpose
from cis_mcp.locale.languages import ENGLISH
from cis_mcp.views.events import counters, one_line
from engine.attendee_report import harmless
from engine.commands.invites.addresses import ShowAddresses
from engine.mail.locale.language import Language, noop
from engine.model.addresses import without_addresses
from engine.model.campaign_links import CampaignLink, LinkCounts
from engine.model.counters import AnswerGroup, AnswerGrouping, DomainBrief, OrganizerBrief, Statistics
from engine.model.events import Event
from engine.model.queries import EventQuery
from engine.model.verbs import Verb
from engine.refusals import Code, Refused

_HUB = "/console/reports"
_SHOWN = 25
_COMPARED = 10
_HOURS_SHOWN = 48
_KEY_SHOWN = 100
_GROUPS_MAX = 100_000
"""Rows of a file of groups: it is whole, or none."""
BY = {
    AnswerGrouping.DOMAIN: noop("By domain"),
    AnswerGrouping.CLIENT: noop("By calendar client"),
    AnswerGrouping.HOUR: noop("Over time (UTC)"),
    AnswerGrouping.EVENT: noop("By event"),
}


async def show(visit: Visit) -> Response:
    """GET /console/reports: the whole system for the operator, else the visitor's own."""
    shown = visit.rows(_SHOWN)
    if visit.actor.domain:
        return await _domain(visit, visit.actor.domain)
    if not visit.everywhere:
        return await _organizer(visit, visit.actor.address)
    words = _words(visit)
    counted = await visit.engine.statistics("system", None, visit.actor)
    found = await visit.engine.organizers(visit.actor, limit=shown + 1, after=_after(visit), **sought(words))
    domains = await visit.engine.organizer_domains(visit.actor, shown)
    return _first_page(visit, visit.say("Reports"), words, counted, found, domains)


def _first_page(
    visit: Visit,
    title: str,
    words: str,
    statistics: Statistics,
    found: Sequence[OrganizerBrief],
    domains: Sequence[DomainBrief] = (),
    domain: str = "",
) -> Response:
    """The first tier of reports: of the whole system, or of a domain. `found`: one organizer more than are shown."""
    shown = visit.rows(_SHOWN)

    def values() -> Mapping[str, Any]:
        counted = counters(statistics)
        return {
            "words": words,
            "q": visit.seal(words, Purpose.WORDS),
            "numbers": counted,
            "answers": ANSWERS,
            "domain": domain,
            "domains": domains,
            "organizers": found[:shown],
            "more": visit.seal(found[shown - 1].address, Purpose.AFTER) if len(found) > shown else "",
            "charts": _charts(counted, visit.language),
        }

    of = (
        *(words, domain, shown, _facts(statistics)),
        tuple((one.address, one.invited) for one in found),
        tuple((one.domain, one.organizers) for one in domains),
    )
    return unchanged.shown(visit, "reports.html", title, of, values)


def _facts(counted: Statistics) -> tuple[object, ...]:
    """All that counters say."""
    groups = (counted.rsvp, counted.origin, counted.prodid, counted.delivery)
    return (counted.attendees, counted.proposals, *(tuple(group.items()) for group in groups))


def _after(visit: Visit) -> str:
    return visit.unseal(visit.asked("after"), Purpose.AFTER)


def _words(visit: Visit) -> str:
    return visit.unseal(visit.asked("q"), Purpose.WORDS)


async def find(visit: Visit) -> Response:
    """POST: look for organizers by a whole address or a domain."""
    return found_at(visit, visit.request.url.path)


async def domain(visit: Visit) -> Response:
    """GET /console/reports/domains/{domain}."""
    return await _domain(visit, visit.path("domain").strip().lower())


async def _domain(visit: Visit, name: str) -> Response:
    shown = visit.rows(_SHOWN)
    counted = await visit.engine.statistics("domain", name, visit.actor)
    words = _words(visit)
    found = await visit.engine.organizers(
        visit.actor, limit=shown + 1, after=_after(visit), **{"domain": name, **sought(words or name)}
    )
    return _first_page(visit, one_line(name, _KEY_SHOWN), words, counted, found, domain=name)


async def organizer(visit: Visit) -> Response:
    """GET /console/reports/organizers/{address}, which is sealed."""
    return await _organizer(visit, visit.unseal(visit.path("address"), Purpose.ORGANIZER))


async def _organizer(visit: Visit, address: str) -> Response:
    words = visit.asked("q")
    counted = counters(await visit.engine.statistics("organizer", address, visit.actor))
    query = EventQuery(query=words, organizer=address, limit=_SHOWN, cursor=visit.asked("cursor") or None)
    found, events = await gathering.events(visit, query)
    return visit.show(
        "report_organizer.html",
        title=one_line(address, _KEY_SHOWN),
        address=address,
        q=words,
        numbers=counted,
        answers=ANSWERS,
        events=events,
        cursor=found.next_cursor,
        charts=_charts(counted, visit.language),
    )


async def answers(visit: Visit) -> Response:
    """GET …/organizers/{address}/answers: each person once, the largest events compared, and when to send."""
    address = visit.unseal(visit.path("address"), Purpose.ORGANIZER)
    people = await visit.engine.people("organizer", address, visit.actor)
    groups = await visit.engine.answer_groups("organizer", address, AnswerGrouping.EVENT, visit.actor)
    return visit.show(
        "report_answers.html",
        title=visit.say("Answers to {organizer}", organizer=one_line(address, _KEY_SHOWN)),
        address=address,
        people=people,
        answers=ANSWERS,
        groups=groups[:_SHOWN],
        heat=timing.by_send_time(
            await visit.engine.send_hours("organizer", address, visit.actor),
            await visit.engine.zone_of(address),
            visit.language,
        ),
    )


async def compare(visit: Visit) -> Response:
    """GET /console/reports/compare?e=&e=: up to ten events side by side."""
    uids = list(dict.fromkeys(visit.request.query_params.getlist("e")))
    if not 2 <= len(uids) <= _COMPARED:
        raise Refused(Code.INVALID_ARGUMENT, f"Choose 2 to {_COMPARED} events.", "Go back, and tick them.")
    found = [await visit.engine.event_with_statistics(uid, visit.actor) for uid in uids]
    times = [await visit.engine.answer_times(event.uid, visit.actor) for event, _ in found]
    counted = [(event, counters(counts)) for event, counts in found]
    return visit.show(
        "compare.html",
        title=visit.say("Events compared"),
        answers=ANSWERS,
        rows=[
            (event, numbers, _share(numbers), timing.median(one, visit.language))
            for (event, numbers), one in zip(counted, times, strict=True)
        ],
        charts=[_compared(visit.language, label, name, counted) for name, label in ANSWERS[:3]],
    )


def _share(numbers: Mapping[str, Any]) -> int:
    """Of those who are invited, how many answered, in percent."""
    invited = numbers["attendees"]
    return round(100 * (invited - numbers["rsvp"].get("noaction", 0)) / invited) if invited else 0


def _compared(
    language: Language, label: str, name: str, counted: Sequence[tuple[Event, Mapping[str, Any]]]
) -> tuple[str, str]:
    title = language.say("“{answer}” by event", answer=language.say(label))
    rows = [Bar(one_line(event.summary, 60), numbers["rsvp"].get(name, 0)) for event, numbers in counted]
    return title, bars(title, rows, language)


async def event(visit: Visit) -> Response:
    """GET /console/reports/events/{uid}."""
    found, statistics = await visit.engine.event_with_statistics(visit.path("uid"), visit.actor)
    counted = counters(statistics)
    times = await visit.engine.answer_times(found.uid, visit.actor)
    groups = {
        by: await visit.engine.answer_groups("event", found.uid, by, visit.actor)
        for by in (AnswerGrouping.DOMAIN, AnswerGrouping.CLIENT, AnswerGrouping.HOUR)
    }
    return visit.show(
        "report_event.html",
        title=visit.say("Report of “{title}”", title=found.summary),
        event=found,
        numbers=counted,
        answers=ANSWERS,
        groups=[(by.value, BY[by], _cut(rows)) for by, rows in groups.items() if rows],
        charts=[
            *_charts(counted, visit.language),
            *_over_time(groups[AnswerGrouping.HOUR], visit.language),
            *timing.since_sending(times, visit.language),
        ],
        times=times,
        median=timing.median(times, visit.language),
        heat=timing.by_send_time(
            await visit.engine.send_hours("event", found.uid, visit.actor),
            found.span.timezone,
            visit.language,
        ),
        links=await _links(visit, found),
    )


async def _links(visit: Visit, found: Event) -> list[tuple[CampaignLink, LinkCounts]]:
    """The links that send this event, the newest first, and what became of each."""
    links = await visit.engine.links(visit.actor, organizer=found.organizer)
    mine = [link for link in links if found.uid in link.uids]
    return [(link, await visit.engine.link_counts(link)) for link in mine[:_SHOWN]]


def _cut(groups: Sequence[AnswerGroup]) -> Sequence[AnswerGroup]:
    return [group.model_copy(update={"key": one_line(group.key, _KEY_SHOWN)}) for group in groups[:_SHOWN]]


def _charts(shown: Mapping[str, Any], language: Language = ENGLISH) -> list[tuple[str, str]]:
    """What counters look like; the numbers stand beside each as a table."""
    say = language.say
    told = {
        say("Answers"): [Bar(say(label), shown["rsvp"].get(name, 0)) for name, label in ANSWERS],
        say("Where invites came from"): [Bar(name, n) for name, n in shown["origin"].items()],
        say("Calendar clients that answered"): [
            Bar(name or say("unknown"), n) for name, n in shown["prodid"].items()
        ],
        say("Mails"): [Bar(say(f"mails {name}"), n) for name, n in shown["delivery"].items() if n],
    }
    return [
        (title, bars(title, rows, language)) for title, rows in told.items() if any(row.count for row in rows)
    ]


def _over_time(hours: Sequence[AnswerGroup], language: Language) -> list[tuple[str, str]]:
    """Answers by the hour, each hour between the first and the last that are shown."""
    counted = {datetime.fromisoformat(one.key): one.people for one in hours}
    if not counted:
        return []
    last = max(counted)
    first = max(min(counted), last - timedelta(hours=_HOURS_SHOWN - 1))
    span = int((last - first).total_seconds() // 3_600) + 1
    every = [first + timedelta(hours=n) for n in range(span)]
    title = language.say("Answers by hour (UTC)")
    return [(title, bars(title, [Bar(f"{at:%m-%d %H:00}", counted.get(at, 0)) for at in every], language))]


async def export(visit: Visit) -> Response:
    """GET …/{scope}/{key}/answers.csv?by=: groups of answers as CSV, without anybody's address."""
    scope = {"events": "event", "organizers": "organizer", "domains": "domain"}.get(visit.path("scope"))
    try:
        by = AnswerGrouping(visit.asked("by") or AnswerGrouping.DOMAIN)
    except ValueError:
        by = AnswerGrouping.NONE
    if scope is None or by not in BY:
        raise Refused(Code.INVALID_ARGUMENT, "There is no such table.", "Choose one on the report's page.")
    key = visit.path("key")
    key = visit.unseal(key, Purpose.ORGANIZER) if scope == "organizer" else key
    groups = await visit.engine.answer_groups(scope, key, by, visit.actor, _GROUPS_MAX + 1)
    if len(groups) > _GROUPS_MAX:
        raise Refused(Code.TOO_LARGE, f"There are more than {_GROUPS_MAX:,} groups.", "Export the attendees.")
    whole = await asyncio.to_thread(_csv, by, groups)
    return Response(whole, headers=_attached(f"answers-by-{by.value}.csv"), media_type="text/csv")


def _csv(by: AnswerGrouping, groups: Sequence[AnswerGroup]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    names = [name for name, _ in ANSWERS]
    writer.writerow([by.value, "summary", "people", *names])
    for group in groups:
        cells = [
            harmless(without_addresses(group.key)),
            harmless(without_addresses(group.summary)),
            group.people,
        ]
        writer.writerow([*cells, *(group.rsvp.get(name, 0) for name in names)])
    return buffer.getvalue()


def _attached(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}


async def download(visit: Visit) -> Response:
    """POST: the report with every address; the record has a row of it."""
    on_screen(visit)
    shown = await visit.apply(ShowAddresses(uid=visit.path("uid")))
    return StreamingResponse(
        _lines(visit, shown.event), headers=_attached(f"{shown.event.uid}.csv"), media_type="text/csv"
    )


async def _lines(visit: Visit, found: Event) -> AsyncIterator[str]:
    async for line in visit.engine.report_csv(found.uid, visit.actor):
        yield line


SCREENS = (
    Screen("GET", _HUB, show),
    Screen("POST", _HUB, find, asks=True),
    Screen("GET", f"{_HUB}/domains/{{domain:str}}", domain),
    Screen("POST", f"{_HUB}/domains/{{domain:str}}", find, asks=True),
    Screen("GET", f"{_HUB}/organizers/{{address:str}}", organizer),
    Screen("GET", f"{_HUB}/organizers/{{address:str}}/answers", answers),
    Screen("GET", f"{_HUB}/compare", compare),
    Screen("GET", f"{_HUB}/events/{{uid:str}}", event),
    Screen("GET", f"{_HUB}/{{scope:str}}/{{key:str}}/answers.csv", export),
    Screen("POST", f"{_HUB}/events/{{uid:str}}/report.csv", download, Verb.REPORT),
)
