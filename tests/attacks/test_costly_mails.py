"""Mails that anybody may send to keep the server busy or to fill its memory: each is refused, and soon.

Costs are counted in lines of Python, or limited by the system in a process of its own.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from functools import cache

import pytest

from bench import hostile_calendars, hostile_mails, hostile_packed
from bench.hostile_calendars import START, filled
from bench.hostile_packed import HEAD, MIXED, part
from engine.commands.tables import batchrows, csvlist
from engine.itip import read as itip_read
from engine.mail.incoming import headers, tnef
from engine.refusals import Code, Refused
from tests.support.reading import Limited, limited, outcomes
from tests.support.soak import some
from tests.support.steps import counting, ending, steps_of

CALENDAR = HEAD + b"Content-Type: text/calendar; method=REQUEST\r\n\r\n"
STEPS = 6_000_000
"""Lines of Python that the dearest calendar of 2 MB takes, and half as many again."""


@pytest.fixture(scope="module")
def reader() -> Iterator[Limited]:
    with limited() as opened:
        yield opened


def lost_begins(properties: int, ends: int) -> bytes:
    return START + filled(b"X-A:1\r\n", 7 * properties) + filled(b"END:VEVENT\r\n", 12 * ends)


def answered(name: str) -> bytes:
    return hostile_calendars.CALENDARS[name](hostile_calendars.CALENDAR_SIZE)


# calendars whose repair costs more than they do


def test_ends_of_events_that_never_began_are_refused(reader: Limited) -> None:
    assert reader.read(CALENDAR + lost_begins(40_000, 60_000)) == ["read", "too_large"]


def test_properties_move_to_one_event_and_are_never_copied() -> None:
    message = itip_read.read(
        START
        + b"DTSTAMP:20270101T000000Z\r\nUID:1\r\nDTSTART:20270101T000000Z\r\n"
        + lost_begins(900, 900)[47:]
    )
    assert [event.uid for event in message.events] == ["1"]
    assert "VEVENT without its BEGIN" in message.repaired


def test_the_cost_of_repairs_grows_with_the_calendar_and_not_with_its_square() -> None:
    def steps(count: int) -> int:
        return steps_of(lambda: outcomes(CALENDAR + lost_begins(count, 2 * count)))

    assert steps(4_000) < 2.2 * steps(2_000)


# lists


@pytest.mark.parametrize(
    "name",
    [
        "a zipped text of one line",
        "a zipped text of one line of ab;",
        "20 zipped texts of one line",
        "a plain text of one line",
    ],
)
def test_a_text_without_lines_is_no_list_and_that_is_seen_at_once(name: str) -> None:
    with counting() as steps:
        found = outcomes(hostile_mails.made(name))
    assert set(found) <= {"read", Code.TOO_LARGE}
    assert steps.taken < STEPS


def test_the_first_line_alone_says_whether_a_text_is_a_table() -> None:
    text = "a,b\n" * 5_000_000
    tracemalloc.start()
    try:
        assert not batchrows.fits(text)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


@cache
def of_columns(count: int) -> str:
    return "email,action," + ",".join(map(str, range(count))) + "\na@b.cd\n"


@pytest.mark.parametrize("read", [csvlist.read, batchrows.read])
@pytest.mark.parametrize("count", [101, 20_000, 40_000, 80_000, 900_000])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_list_of_too_many_columns_is_refused_before_they_are_looked_at(
    read: Callable[[str], object], count: int, delimiter: str
) -> None:
    text = of_columns(count).replace(",", delimiter)
    with counting() as steps, pytest.raises(Refused) as refused:
        read(text)
    assert refused.value.code is Code.TOO_LARGE
    assert refused.value.hint
    assert steps.taken < 200


def test_columns_are_counted_however_the_first_line_is_quoted() -> None:
    text = "email," + ",".join(f'"{n}\n"' for n in range(20_000)) + "\na@b.cd\n"
    with counting() as steps, pytest.raises(Refused):
        csvlist.read(text)
    assert steps.taken < 10 * 20_000


def test_the_name_of_a_column_is_not_repeated_for_each_row_however_long_it_is() -> None:
    with pytest.raises(Refused) as refused:
        csvlist.read("email," + "n" * 90_000 + "\n" + "a@b.cd,x\n" * 10)
    assert refused.value.code is Code.TOO_LARGE


def test_a_row_costs_what_it_holds_and_not_what_the_columns_are() -> None:
    rows = "a@b.cd\n" * 2_000
    many = steps_of(lambda: csvlist.read("email," + ",".join(map(str, range(95))) + "\n" + rows))
    assert many < 2 * steps_of(lambda: csvlist.read("email,name\n" + rows))


def test_a_row_that_goes_over_endless_lines_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        csvlist.read('email,name\n"' + '\n","' * 500_000)
    assert refused.value.code is Code.TOO_LARGE


def test_a_mailed_list_of_too_many_rows_is_refused_before_one_is_read() -> None:
    text = "email\n" + "a@b.cd\n" * 200_000
    with counting() as steps, pytest.raises(Refused):
        csvlist.read(text, 100_000)
    assert steps.taken < 1_000_000


# what no reader finishes


@pytest.mark.parametrize("make", [hostile_packed.property_blocks, hostile_packed.empty_values])
def test_properties_are_counted_over_all_blocks(make: Callable[[int], bytes]) -> None:
    data = make(10_000_000)
    with counting() as steps, pytest.raises(tnef.Malformed):
        tnef.read(data)
    assert steps.taken < 250_000


@pytest.mark.parametrize("name", ["TNEF with blocks of properties", "TNEF with empty values"])
def test_the_sender_hears_that_it_cannot_be_read(name: str) -> None:
    assert outcomes(hostile_mails.made(name, 2_000_000)) == [Code.TNEF_UNREADABLE]


# siblings


@pytest.mark.parametrize(
    "name",
    [
        "unknown time zones in answers",
        "a time zone of rules in many years, answered",
        "a long time zone in many years, answered",
        "time zones that change every day, answered",
    ],
)
def test_an_answer_whose_times_stay_unread_costs_no_more_than_an_invitation(name: str) -> None:
    with counting() as steps:
        outcomes(CALENDAR + answered(name))
    assert steps.taken < STEPS


@pytest.mark.parametrize(
    "name", ["delegates of many", "events of 30 attendees", "attendees without an address"]
)
def test_people_are_counted_over_the_whole_calendar(reader: Limited, name: str) -> None:
    assert reader.read_made(f"a calendar: {name}") == ["read", Code.TOO_LARGE]


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Type: text/plain; charset=punycode\r\n",
        b"Content-Type: text/plain; charset*0=puny; charset*1=code\r\n",
        b"Content-Type: text/plain; charset*=us-ascii''p%75nycode\r\n",
        b"Content-Type: text/csv; charset=idna\r\n",
        b"Content-Type: text/calendar; charset=unicode_escape\r\n",
    ],
)
def test_no_codec_but_those_of_text_decodes_what_a_stranger_wrote(reader: Limited, head: bytes) -> None:
    assert reader.read(HEAD + head + b"\r\n\xff" + b"a" * 1_000_000)


@pytest.mark.parametrize("name", ["filename", "boundary"])
def test_no_parameter_is_decoded_in_a_codec_that_is_none_for_text(reader: Limited, name: str) -> None:
    header = b"Content-Type: multipart/mixed; %b*=punycode''" % name.encode() + b"a" * 19_000
    assert reader.read(HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part(header, b"x") * 90)


def test_what_follows_a_carriage_return_is_bounded_as_what_follows_a_line_is() -> None:
    header = b"X-A: b\rContent-Type: text/plain; " + b"a=b; " * 200
    assert outcomes(MIXED + part(header, b"x")) == [Code.UNREADABLE_MAIL]


@pytest.mark.parametrize("cell", [" " * 130_000 + "A.", "(" + "@" * 130_000])
def test_a_name_of_blanks_or_of_signs_is_looked_through_once(cell: str) -> None:
    rows = "".join(f"person{n}@example.com,Ann{cell}\n" for n in range(20))
    with ending():
        found = csvlist.read("E-mail Address,E-mail Display Name\n" + rows)
    assert all(row.name.startswith("Ann") for row in found) and len(found) == 20


@pytest.mark.parametrize("name", some(hostile_mails.NAMES, 8))
def test_a_hostile_mail_is_read_within_what_the_system_grants(reader: Limited, name: str) -> None:
    assert reader.read_made(name)


@pytest.mark.parametrize("word", ["a", "!", "=?a?b?", "=?", "(", '"', "\\", '\\"', ":"])
def test_a_from_that_does_not_break_is_looked_at_once(word: str) -> None:
    # It is looked at before its mail is judged. Each of its letters begun anew would be ended by the system.
    with ending():
        alike = headers.plainly(f"{word * 1_000_000} <boss@victim.test>", "boss@victim.test")
    assert alike or word != "a"
