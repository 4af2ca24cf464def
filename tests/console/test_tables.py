"""Every table of the console sorts, filters, pages and exports, within bounds and by its own columns alone."""

from __future__ import annotations

import csv
import io
import re
from contextvars import copy_context
from pathlib import Path

import pytest
from markupsafe import Markup

from cis_mcp.console import web
from cis_mcp.console.speaking import SPOKEN
from cis_mcp.console.tables import ASKED, ROWS_MAX, SHOWN, Arranging, arranged
from cis_mcp.locale.languages import language
from engine.commands.events.timing import Timing
from engine.engine import Engine
from engine.model.people import Partstat
from tests.console.person import Person, browser, crawled, with_key
from tests.pages.visitor import season
from tests.store.stores import attendee
from tests.support.engines import created, drafted, invite
from tests.support.queries import counting_queries

TEMPLATES = Path(web.__file__).with_name("templates")
SILENT = {"bars", "month", "heat"}
"""Charts, each with its numbers beside it, and the calendar."""


async def _people(engine: Engine, *names: str) -> str:
    """The path of an event to which these are invited, in this order."""
    event = await created(engine, summary="Gala")
    for name in names:
        await invite(engine, event, f"{name}@{name}.example", name=name)
    return f"/console/events/{event.id}/people"


def _heads(text: str) -> list[str]:
    return re.findall(r'<th scope="row"><a [^>]*>([^<]+)</a>', text)


async def test_a_table_is_sorted_by_the_head_of_a_column_and_back(engine: Engine, person: Person) -> None:
    path = await _people(engine, "bob", "cleo", "ann")
    seen = await person.go(path)
    (link,) = [link for link in seen.links if "sort=Person" in link]
    seen = await person.go(link)
    assert [name[0] for name in _heads(seen.answer.text)] == ["a", "b", "c"]
    assert 'aria-sort="ascending"' in seen.answer.text
    (link,) = [link for link in seen.links if "sort=Person" in link and "down=1" in link]
    seen = await person.go(link)
    assert [name[0] for name in _heads(seen.answer.text)] == ["c", "b", "a"]


async def test_a_table_is_filtered_by_words_in_any_of_its_cells(engine: Engine, person: Person) -> None:
    path = await _people(engine, "bob", "cleo", "ann")
    await person.go(path)
    seen = await person.press("Filter", filter="CLEO.example")
    assert len(_heads(seen.answer.text)) == 1
    assert "1 of 3 rows" in seen.text
    seen = await person.press("Filter", filter="nobody")
    assert "0 of 3 rows" in seen.text


async def test_a_table_is_exported_as_it_is_arranged_and_without_addresses(
    engine: Engine, person: Person
) -> None:
    path = await _people(engine, "bob", "cleo", "ann")
    await person.go(path)
    seen = await person.press("Filter", filter="bob")
    (link,) = [link for link in seen.links if "export=csv" in link]
    answer = await person.web.get(link)
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="who-is-invited.csv"'
    header, *rows = csv.reader(io.StringIO(answer.text))
    assert header[:3] == ["Person", "Name", "Answer"]
    assert len(rows) == 1
    assert "bob@" not in answer.text


async def test_a_column_that_is_not_there_is_refused(engine: Engine, person: Person) -> None:
    path = await _people(engine, "bob", "cleo")
    for sort in ("Buttons", "email", "Person; DROP TABLE event"):
        seen = await person.web.get(path, params={"t": "who-is-invited", "sort": sort})
        assert seen.status_code == 400, sort
        assert "no such column" in seen.text


async def test_a_long_table_is_paged_and_looks_at_no_more_than_is_allowed(
    engine: Engine, person: Person
) -> None:
    path = await _people(engine, *(f"p{n:03}" for n in range(SHOWN + 5)))
    seen = await person.go(f"{path}?t=who-is-invited&sort=Client")
    assert len(_heads(seen.answer.text)) == SHOWN
    (link,) = [link for link in seen.links if "p=2" in link]
    seen = await person.go(link)
    assert len(_heads(seen.answer.text)) == 5
    assert any("p=1" in link for link in seen.links)
    with counting_queries() as queries:
        await person.go(f"{path}?t=who-is-invited&sort=Client&filter=p")
    assert queries.different <= 6 + ROWS_MAX // SHOWN


async def _crowd(engine: Engine) -> str:
    """The path of an event to which more are invited than a table looks at; the last ones said Yes, or are rare."""
    event = await created(engine, summary="Gala")
    people = [attendee(f"p{n}@often.example", event.uid) for n in range(ROWS_MAX + 3)]
    yes = {"partstat": Partstat.ACCEPTED}
    people += [attendee(f"y{n}@often.example", event.uid).model_copy(update=yes) for n in range(2)]
    async with engine.store.unit() as unit:
        await unit.add_attendees([*people, attendee("only@rare.example", event.uid)])
    return f"/console/events/{event.id}/people?t=who-is-invited"


async def test_people_are_sorted_by_answer_and_filtered_among_all_of_them(
    engine: Engine, person: Person
) -> None:
    path = await _crowd(engine)
    seen = await person.go(f"{path}&sort=Answer&down=1")
    assert [name[0] for name in _heads(seen.answer.text)][:3] == ["y", "y", "p"]
    seen = await person.go(f"{path}&filter=yes")
    assert [name[0] for name in _heads(seen.answer.text)] == ["y", "y"]
    seen = await person.go(f"{path}&filter=@rare.example")
    assert [name[0] for name in _heads(seen.answer.text)] == ["o"]


async def test_events_are_filtered_in_words_among_all_of_them(engine: Engine, person: Person) -> None:
    await season(engine, ROWS_MAX)
    late = Timing(start="2029-05-02T19:00", duration="PT2H", timezone="UTC")
    for summary in ("Zebra gala", "Another gala"):
        await created(engine, summary=summary, when=late)
    seen = await person.go("/console/events?t=events&filter=zebra")
    assert "1 of 1 row." in seen.text
    assert "Zebra gala" in seen.text


async def test_numbers_and_days_are_in_their_own_order(engine: Engine, person: Person) -> None:
    for size in (2, 10, 1):
        event = await created(engine, summary=f"List of {size}")
        await drafted(engine, event, [f"a{n}@example.com" for n in range(size)])
    seen = await person.go("/console/lists?t=lists-and-changes&sort=People")
    assert re.findall(r'<td class="n">(\d+)</td>', seen.answer.text) == ["1", "2", "10"]
    seen = await person.go("/console/lists?t=lists-and-changes&sort=Made")
    assert seen.status == 200


async def test_words_that_another_language_would_read_as_numbers_sort_as_texts(
    engine: Engine, person: Person
) -> None:
    for place in ("3,14", "Hall", "2"):
        await created(engine, summary=f"Gala at {place}", location=place)
    for tag, where in (("de", "Wo"), ("en", "Where")):
        address = f"/console/events?t=events&sort={where}"
        answer = await person.web.get(address, headers={"Accept-Language": tag})
        assert answer.status_code == 200
        assert re.findall(r"Gala at ([^<]+)</a>", answer.text) == ["2", "3,14", "Hall"]


@pytest.mark.parametrize(
    ("tag", "between"), [("fr", "\N{NARROW NO-BREAK SPACE}"), ("de", "."), ("en", ","), ("ja", ",")]
)
def test_numbers_over_a_thousand_sort_as_numbers_in_each_language(tag: str, between: str) -> None:
    spoken, numbers = language(tag), [f"12{between}345", f"2{between}000", "999"]
    assert spoken.number(2_000) == numbers[1]
    rows = "".join(f"<tr><td>{number}</td></tr>" for number in numbers)
    table = Markup(f"<table><thead><tr><th>People</th></tr></thead><tbody>{rows}</tbody></table>")

    def shown() -> str:
        ASKED.set(Arranging("/console", {"t": "people", "sort": "People"}))
        SPOKEN.set(spoken)
        return arranged(web.templates(spoken), table, "People")

    assert re.findall(r"<td>(.+?)</td>", copy_context().run(shown)) == numbers[::-1]


async def test_what_the_page_was_asked_besides_is_kept(engine: Engine, person: Person) -> None:
    path = await _people(engine, "bob", "cleo", "ann")
    seen = await person.go(f"{path}?status=noaction")
    assert all("status=noaction" in link for link in seen.links if "t=who-is-invited" in link)
    seen = await person.press("Filter", filter="ann")
    assert "status=noaction" in str(seen.answer.url)


@pytest.mark.parametrize("template", sorted(TEMPLATES.glob("*.html")), ids=lambda path: path.stem)
def test_each_table_of_each_template_is_arranged(template: Path) -> None:
    text = template.read_text(encoding="utf-8")
    tables = [
        found for found in re.findall(r"<table([^>]*)>", text) if not set(re.findall(r"\w+", found)) & SILENT
    ]
    assert len(tables) == text.count("{% filter arranged(")


async def test_two_organizers_export_nothing_of_each_other(engine: Engine) -> None:
    for name in ("annabel", "bertram"):
        event = await created(engine, organizer=f"{name}@example.com", summary=f"{name}’s concert")
        for n in range(3):
            await invite(engine, event, f"guest{n}@{name}.example", name=f"Guest of {name}")
        await created(engine, organizer=f"{name}@example.com", summary=f"{name}’s fair")
    async with browser(engine) as web_:
        annabel = await with_key(engine, web_, "annabel@example.com")
        pages = await crawled(annabel)
        links = {
            link.replace("&amp;", "&")
            for text in pages.values()
            for link in re.findall(r'href="([^"]*export=csv[^"]*)"', text)
        }
        assert len(links) >= 3
        for link in sorted(links):
            answer = await web_.get(link)
            assert answer.headers["content-type"].startswith("text/csv"), link
            assert "bertram" not in answer.text.lower(), link
