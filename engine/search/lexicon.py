"""The English words for days, times and lists of events."""

from __future__ import annotations

import calendar

from engine.search import holidays

DAY_MINUTES = 24 * 60

WEEKDAYS = {
    name: number
    for number, names in enumerate(
        (
            ("monday", "mon"),
            ("tuesday", "tue", "tues"),
            ("wednesday", "wed"),
            ("thursday", "thu", "thur", "thurs"),
            ("friday", "fri"),
            ("saturday", "sat"),
            ("sunday", "sun"),
        )
    )
    for name in names
}
WEEKDAY_PLURALS = {f"{name}s": number for name, number in WEEKDAYS.items() if name.endswith("day")}
DAY_GROUPS = {
    "weekends": frozenset({5, 6}),
    "weekdays": frozenset(range(5)),
    "weekday": frozenset(range(5)),
    "workdays": frozenset(range(5)),
    "weeknights": frozenset(range(4)),
    "weeknight": frozenset(range(4)),
    "midweek": frozenset({1, 2, 3}),
}
MONTHS = {
    name.lower(): number
    for number in range(1, 13)
    for name in (calendar.month_name[number], calendar.month_abbr[number])
} | {"sept": 9}
SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
"""The month in which each season begins, by the meteorological calendar of the northern hemisphere."""

Minutes = tuple[int, int]
EVENING: Minutes = (17 * 60, 23 * 60)
NIGHT: Minutes = (18 * 60, DAY_MINUTES)
PARTS: dict[str, Minutes] = {
    "morning": (0, 12 * 60),
    "forenoon": (8 * 60, 12 * 60),
    "noon": (11 * 60 + 30, 12 * 60 + 30),
    "midday": (11 * 60, 14 * 60),
    "lunchtime": (11 * 60 + 30, 14 * 60),
    "afternoon": (12 * 60, 17 * 60),
    "evening": EVENING,
    "night": NIGHT,
    "daytime": (6 * 60, 17 * 60),
    "matinee": (12 * 60, 17 * 60),
}
PART_PLURALS = {f"{name}s": minutes for name, minutes in PARTS.items() if name not in {"noon", "midday"}}
MOMENTS = {"noon": 12 * 60, "midday": 12 * 60, "lunch": 13 * 60, "work": 17 * 60, "school": 15 * 60}
"""The time, in minutes after midnight, of a word after “before” or “after”."""

UNITS = {
    "minute": "minute", "hour": "hour", "day": "day", "week": "week", "fortnight": "fortnight",
    "month": "month", "year": "year", "hr": "hour", "min": "minute",
}  # fmt: skip
UNITS |= {f"{name}s": unit for name, unit in UNITS.items()}
NUMBERS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "couple": 2, "few": 3,
}  # fmt: skip
ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "last": -1}

STOP = frozenset(
    "a all an and any anything are as at be between by can could do does every find for from get "  # noqa: SIM905
    "give going happening has have her how his i in into is it its list looking me my near next now of "
    "on or our please rest remainder later start starts starting after before schedule scheduled see "
    "search show some taking tell that the their there these they this those to up us want was we "
    "what whats what's when where which who will with would you your play playing plays take place "
    "during over since it's them him she he us if so than".split()
)
VERSUS = frozenset({"vs", "v", "versus", "against"})
PLACE = frozenset({"at", "in", "near"})
CANCELLED = frozenset({"cancelled", "canceled"})

HOSTS = frozenset({"host", "hosts", "hosting"})
VISITS = frozenset({"visit", "visits", "visiting"})
FACES = frozenset("play plays face faces facing meet meets".split())  # noqa: SIM905
"""Verbs that make the next name the opponent; “play” is skipped wherever it is."""

MOTION = frozenset(
    "come comes coming trip trips travel travels travelling traveling go goes going fly flying drive journey "  # noqa: SIM905
    "visitor visitors".split()
)
"""Words that make a following “to” introduce a place."""

TRIPS = frozenset({"trip", "trips"})
"""The words of `MOTION` that may name an event itself: “school trip”."""

ENCOUNTERS = frozenset(
    "meeting meetings encounter encounters clash clashes matchup matchups duel duels showdown".split()  # noqa: SIM905
)
"""Words for a match between two sides."""

_TALK = (
    "able actually add almost already always another anybody anyone anywhere appreciate arrange arriving "
    "asked asks attending aunt back bit boss boy boyfriend boys bring brother brothers bunch came care "
    "celebrate certain chance child children choose colleague colleagues consider cousin dad daddy decide "
    "definitely detail details did didn't different doing don't done easily either enjoy enough even "
    "everybody everyone exact excited fan fancy fans feel fit fits folks friend friends full fully gets "
    "getting girl girlfriend girls given gives gotta grandma grandpa granny group groups guess guest guests "
    "had hasn't haven't hear held hold holding however idea ideas info information instead isn't just keep "
    "kids kind kinds left lists lots make makes making many married might mind mom mum must myself nephew "
    "niece nobody none normally ok okay once ones open other others ours ourselves out own pal parent "
    "parents particular pass people person pick plan plans plus prefer preferably probably provide purchase "
    "put really recommend recommendation recommendations register registration remain remaining "
    "reminder reserve right same say says send should sign simply sister sisters soon sorry sort stand "
    "stands such sure teams though too total true truly unless use used using usual usually very wait "
    "wanting we'd we'll we're we've well were whatever whichever who'd why won't wonderful worth yes yet "
    "you'd you'll you're yourself"
)
SMALL_TALK = (
    frozenset(_TALK.split())
    | HOSTS
    | VISITS
    | (FACES - STOP)
    | (MOTION - TRIPS)
    | frozenset(
        "about admission agenda also am ask attend available based been book booking but buy calendar called catch "  # noqa: SIM905
        "check cheers concerning date dates dear daughter else exactly family free fun good guys happen happens hello "
        "help hey hi hope hoping husband i'd i'll i'm i've im interested interesting join kid know learn let like "
        "let's likes live lives living located look lot love loved loves mate maybe much need needs nice often only "
        "option options perhaps planned planning possible question quick regarding scheduled seat seats season shows "
        "somebody someone something son spend stay staying still stuff suggest team thank thanks thing things think "
        "thinking ticket tickets time times titled together topic town try trying visit wanna wanted wants watch "
        "whole wife wish wonder wondering".split()
    )
)
"""Words around the actual request, which are skipped unless an event contains them."""

ALIKE = {
    word: tuple(words)
    for words in (
        ("class", "course", "lesson"),
        ("film", "movie"),
        ("theatre", "theater"),
        ("centre", "center"),
        ("online", "virtual"),
    )
    for word in (*words, *(f"{one}{'es' if one.endswith('s') else 's'}" for one in words))
}
"""Words with the same meaning in a query."""

TIME = (
    frozenset(WEEKDAYS)
    | frozenset(WEEKDAY_PLURALS)
    | frozenset(MONTHS)
    | frozenset(SEASONS)
    | frozenset(PARTS)
    | frozenset(PART_PLURALS)
    | frozenset(DAY_GROUPS)
    | frozenset({"weekend", "play", "show", "day", "week", "month", "year", "lunch", "road"})
    | frozenset({"first", "last", "next", "final"})
    | holidays.SINGLE
)
"""Words that may mean a time or be part of a name such as “Opening Night”."""

_BEGINNINGS = frozenset(
    "a after any around at about before beginning between by coming current during each early end every "  # noqa: SIM905
    "but except excluding final for from future in last late mid middle next no not on opener openers opening "
    "over past previous q1 q2 q3 q4 remainder rest road since start starting the this through till today tomorrow "
    "tonight until upcoming remaining left within without yesterday".split()
)
TIMELY = (
    TIME
    | _BEGINNINGS
    | CANCELLED
    | frozenset(ORDINALS)
    | frozenset(NUMBERS)
    | frozenset(MOMENTS)
    | frozenset(UNITS)
    | holidays.BEGINNINGS
)
"""Every word with which a time can begin; a time can also begin with a digit."""

FILLERS = (_BEGINNINGS | frozenset(NUMBERS) | frozenset(ORDINALS)) - {"opener", "openers", "opening"}
"""Words about time that are skipped if no time follows: “early Owls games in May”."""

COMING = frozenset({"upcoming", "future", "coming", "remaining", "left"})
FLEETING = (
    COMING | frozenset({"past", "now"}) | {name for name, unit in UNITS.items() if unit in {"minute", "hour"}}
)
"""Words whose meaning depends on the present moment; all others mean the same all day."""
