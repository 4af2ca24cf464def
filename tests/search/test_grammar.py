"""What a person's words are read as; the clock stands at Monday 1 March 2027, 9:00 UTC."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.events import EventStatus
from engine.model.searching import Window
from engine.search import lexicon
from engine.search.clocks import hours_at
from engine.search.dates import DateReader
from engine.search.grammar import read
from engine.search.names import phrases
from engine.search.tokens import QUERY_MAX, tokens
from tests.support.clock import START


def _days(first: str, last: str = "") -> list[tuple[date, date]]:
    return [(date.fromisoformat(f"2027-{first}"), date.fromisoformat(f"2027-{last or first}"))]


def _covered(windows: tuple[Window, ...]) -> list[tuple[date, date]]:
    """The first and last day of each span."""
    found = []
    for window in windows:
        assert window.start
        assert window.end
        found.append((window.start.date(), (window.end - timedelta(seconds=1)).date()))
    return found


@pytest.mark.parametrize(
    ("words", "days"),
    [
        ("today", _days("03-01")),
        ("tomorrow", _days("03-02")),
        ("the day after tomorrow", _days("03-03")),
        ("yesterday", [(date(2027, 2, 28), date(2027, 2, 28))]),
        ("Friday", _days("03-05")),
        ("on Friday", _days("03-05")),
        ("this Friday", _days("03-05")),
        ("next Friday", _days("03-12")),
        ("last Friday", [(date(2027, 2, 26), date(2027, 2, 26))]),
        ("Monday", _days("03-01")),
        ("this weekend", _days("03-06", "03-07")),
        ("on the weekend", _days("03-06", "03-07")),
        ("next weekend", _days("03-13", "03-14")),
        ("this week", _days("03-01", "03-07")),
        ("next week", _days("03-08", "03-14")),
        ("in two weeks", _days("03-15", "03-21")),
        ("two weeks from now", _days("03-15", "03-21")),
        ("in a fortnight", _days("03-15", "03-21")),
        ("in three days", _days("03-04")),
        ("in 2 months", _days("05-01", "05-31")),
        ("within 5 days", _days("03-01", "03-06")),
        ("within the next 10 days", _days("03-01", "03-11")),
        ("next 3 days", _days("03-01", "03-04")),
        ("a couple of weeks ago", [(date(2027, 2, 15), date(2027, 2, 21))]),
        ("this month", _days("03-01", "03-31")),
        ("next month", _days("04-01", "04-30")),
        ("in May", _days("05-01", "05-31")),
        ("in Sept", _days("09-01", "09-30")),
        ("in February", [(date(2028, 2, 1), date(2028, 2, 29))]),
        ("May 2029", [(date(2029, 5, 1), date(2029, 5, 31))]),
        ("2027-05", _days("05-01", "05-31")),
        ("2027-05-02", _days("05-02")),
        ("May 2", _days("05-02")),
        ("2nd of May", _days("05-02")),
        ("the first of May", _days("05-01")),
        ("2 May 2027", _days("05-02")),
        ("May 2nd, 2027", _days("05-02")),
        ("Sunday, May 2nd", _days("05-02")),
        ("5/2/2027", _days("05-02")),
        ("on the 5th", _days("03-05")),
        ("February 20", [(date(2028, 2, 20), date(2028, 2, 20))]),
        ("between 3 and 7 June", _days("06-03", "06-07")),
        ("June 3-7", _days("06-03", "06-07")),
        ("June 3 to June 7", _days("06-03", "06-07")),
        ("from Friday to Sunday", _days("03-05", "03-07")),
        ("May 1st - May 15th", _days("05-01", "05-15")),
        ("Thursday through May 2", _days("03-04", "05-02")),
        ("the first half of June", _days("06-01", "06-15")),
        ("second half of June", _days("06-16", "06-30")),
        ("the weekend after next", _days("03-20", "03-21")),
        ("in the summer of 2028", [(date(2028, 6, 1), date(2028, 8, 31))]),
        ("June 28 – July 4", _days("06-28", "07-04")),
        ("December 30 to January 2", [(date(2027, 12, 30), date(2028, 1, 2))]),
        ("February 20 to March 5", [(date(2027, 2, 20), date(2027, 3, 5))]),
        ("20 February to 5 March", [(date(2027, 2, 20), date(2027, 3, 5))]),
        ("February 20, 2028 to March 5", [(date(2028, 2, 20), date(2028, 3, 5))]),
        ("January to March", [(date(2027, 1, 1), date(2027, 3, 31))]),
        ("November 20 to January 5 2028", [(date(2027, 11, 20), date(2028, 1, 5))]),
        ("February 29", [(date(2028, 2, 29), date(2028, 2, 29))]),
        ("29 February", [(date(2028, 2, 29), date(2028, 2, 29))]),
        ("early June", _days("06-01", "06-10")),
        ("mid June", _days("06-11", "06-20")),
        ("the end of June", _days("06-21", "06-30")),
        ("first weekend of May", _days("05-01", "05-02")),
        ("the second Tuesday in June", _days("06-08")),
        ("last week of May", _days("05-25", "05-31")),
        ("week of May 12", _days("05-10", "05-16")),
        ("Q3", _days("07-01", "09-30")),
        ("third quarter", _days("07-01", "09-30")),
        ("this summer", _days("06-01", "08-31")),
        ("in 2028", [(date(2028, 1, 1), date(2028, 12, 31))]),
        ("May or June", [*_days("05-01", "05-31"), *_days("06-01", "06-30")]),
    ],
)
def test_dates_in_words_are_the_days_that_people_mean(words: str, days: list[tuple[date, date]]) -> None:
    found = read(words, START)
    assert _covered(found.spans) == days
    assert (found.days, found.hours, found.words.plain) == (set(), [], ())


@pytest.mark.parametrize(
    ("words", "start", "end"),
    [
        ("after June 5", "2027-06-06", None),
        ("since June 5", "2027-06-05", None),
        ("since November 5", "2026-11-05", None),
        ("since November 5, 2027", "2027-11-05", None),
        ("since February", "2027-02-01", None),
        ("since last May", "2026-05-01", None),
        ("from June 5 on", "2027-06-05", None),
        ("before June", None, "2027-06-01"),
        ("until June 5", None, "2027-06-06"),
        ("after June 5 until the end of July", "2027-06-06", "2027-08-01"),
        ("in June after June 5", "2027-06-06", "2027-07-01"),
    ],
)
def test_bounds_cut_what_lies_outside(words: str, start: str | None, end: str | None) -> None:
    (span,) = read(words, START).spans
    assert span.start == (datetime.fromisoformat(start) if start else None)
    assert span.end == (datetime.fromisoformat(end) if end else None)


@pytest.mark.parametrize(
    ("words", "days", "hours"),
    [
        ("weekends", {5, 6}, []),
        ("weekend evenings", {5, 6}, [(17 * 60, 23 * 60)]),
        ("weekday mornings", {0, 1, 2, 3, 4}, [(0, 12 * 60)]),
        ("Fridays", {4}, []),
        ("every Friday", {4}, []),
        ("Friday evenings", {4}, [(17 * 60, 23 * 60)]),
        ("Friday night games", {4}, [(18 * 60, 24 * 60)]),
        ("Tuesdays and Thursdays", {1, 3}, []),
        ("Monday to Friday", {0, 1, 2, 3, 4}, []),
        ("Mon-Fri evenings", {0, 1, 2, 3, 4}, [(17 * 60, 23 * 60)]),
        ("Fri-Mon", {4, 5, 6, 0}, []),
        ("mornings, not on Mondays", {1, 2, 3, 4, 5, 6}, [(0, 12 * 60)]),
        ("every day except weekends", {0, 1, 2, 3, 4}, []),
        ("after lunch", set(), [(13 * 60, 24 * 60)]),
        ("before noon", set(), [(0, 12 * 60)]),
        ("after 7pm", set(), [(19 * 60, 24 * 60)]),
        ("after 19:30", set(), [(19 * 60 + 30, 24 * 60)]),
        ("at 7:05 pm", set(), [(18 * 60 + 50, 19 * 60 + 21)]),
        ("between 2 and 5 pm", set(), [(14 * 60, 17 * 60)]),
        ("11am-1pm", set(), [(11 * 60, 13 * 60)]),
        ("in the morning", set(), [(0, 12 * 60)]),
    ],
)
def test_days_and_times_of_day_are_filters(words: str, days: set[int], hours: list[tuple[int, int]]) -> None:
    found = read(words, START)
    assert (found.days, found.hours, found.spans) == (days, hours, ())


def test_a_weekday_beside_another_span_is_every_one_in_it() -> None:
    found = read("Saturday games in May", START)
    assert (found.days, _covered(found.spans)) == ({5}, _days("05-01", "05-31"))


def test_an_evening_belongs_to_its_day() -> None:
    found = read("tomorrow evening", START)
    assert (_covered(found.spans), found.hours) == (_days("03-02"), [(17 * 60, 23 * 60)])


def test_this_afternoon_is_todays() -> None:
    found = read("this afternoon", START)
    assert (_covered(found.spans), found.hours) == (_days("03-01"), [(12 * 60, 17 * 60)])


def test_upcoming_begins_now_wherever_the_event_is() -> None:
    assert read("upcoming games", START).spans == (Window(start=START),)


@pytest.mark.parametrize(
    ("words", "start", "end"),
    [
        ("upcoming games in May", "2027-05-01T00:00", "2027-06-01T00:00"),
        ("upcoming games this week", "2027-03-01T04:00", "2027-03-08T00:00"),
        ("upcoming games after June 5", "2027-06-06T00:00", None),
        ("upcoming games before June 5", "2027-03-01T04:00", "2027-06-05T00:00"),
        ("past games since May 2026", "2026-05-01T00:00", "2027-03-01T04:00"),
        ("from in 2 hours to Friday", "2027-03-01T05:30", "2027-03-06T00:00"),
    ],
)
def test_the_present_moment_and_days_can_bound_each_other(words: str, start: str, end: str | None) -> None:
    (span,) = read(words, START.astimezone(ZoneInfo("America/New_York"))).spans
    assert (span.start, span.end) == (datetime.fromisoformat(start), end and datetime.fromisoformat(end))


def test_the_present_moment_is_a_new_one_every_time() -> None:
    later = START + timedelta(minutes=1)
    assert read("upcoming games", START).spans == (Window(start=START),)
    assert read("upcoming games", later).spans == (Window(start=later),)


def test_the_same_words_mean_another_day_on_the_next_and_on_another_clock() -> None:
    assert _covered(read("today", START).spans) == _days("03-01")
    assert _covered(read("today", START + timedelta(days=1)).spans) == _days("03-02")
    assert _covered(read("today", START.astimezone(ZoneInfo("Pacific/Honolulu"))).spans) == [
        (date(2027, 2, 28), date(2027, 2, 28))
    ]


def test_sides_rivals_places_and_quotes_are_told_apart() -> None:
    words = read('Orioles home games against the Comets at Harbor Yards "opening night"', START).words
    assert (words.plain, words.side, words.rivals) == (("orioles",), "home", ("comets",))
    assert (words.place, words.phrases) == (("harbor", "yards"), ("opening night",))


def test_cancelled_is_a_status() -> None:
    assert read("cancelled games in May", START).status is EventStatus.CANCELLED


def test_a_name_that_holds_a_word_of_time_stays_a_name() -> None:
    assert "opening night" in phrases("Opening Night in May")
    found = read("Opening Night in May", START, ["opening night"])
    assert (found.words.plain, found.hours) == (("opening", "night"), [])
    assert _covered(found.spans) == _days("05-01", "05-31")


def test_a_season_is_a_time_only_where_a_little_word_says_so() -> None:
    assert read("spring concert", START).words.plain == ("spring", "concert")
    assert read("concerts in spring", START).words.plain == ("concerts",)


@given(st.text(max_size=QUERY_MAX * 2))
def test_any_text_is_read(text: str) -> None:
    phrases(text)
    assert all(0 <= since <= until <= 24 * 60 for since, until in read(text, START).hours)


_SAID = st.sampled_from(
    "next last this first of in the May June 31 30th 5 99 2027 weekend Friday from to between and after until "  # noqa: SIM905
    "pm 7pm 25:99 0am Q3 week month ago weeks few couple a - home away vs at evening nights early end 9999-12-31 "
    "2027-13 1/1/1 13/13 0/0/0000 every on years 1000 now summer winter February 29 upcoming past hours".split()
)


@given(st.lists(_SAID, max_size=12).map(" ".join))
def test_any_order_of_the_words_we_know_is_read(text: str) -> None:
    phrases(text)
    for span in read(text, START).spans:
        assert span.start is None or 1969 < span.start.year <= 9999 or span.end is not None or span.start


_KNOWN = sorted(
    frozenset().union(
        *(
            words
            for name, words in vars(lexicon).items()
            if isinstance(words, (dict, frozenset)) and name[0] != "_"
        )
    )
    | set("a after before between by from on the until till since through q3 5 of to - game".split())  # noqa: SIM905
)


@given(
    st.sampled_from([word for word in _KNOWN if word not in lexicon.TIMELY and not word[0].isdigit()]),
    st.lists(st.sampled_from(_KNOWN), max_size=4),
)
def test_no_time_begins_with_a_word_that_is_passed_over(first: str, others: list[str]) -> None:
    said = tokens(" ".join([first, *others]))
    assert said[0].kind == "dash" or (DateReader(said, START).at(0), hours_at(said, 0)) == (None, None)
