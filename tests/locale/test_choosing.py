"""Which language somebody means, and how dates and numbers are written in it."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from cis_mcp.locale.languages import language as of_faces
from engine.mail.locale.choosing import accepted, matched, require
from engine.mail.locale.language import TAGS, language
from engine.mail.outgoing import words
from engine.model.times import Span
from engine.refusals import Code, Refused

MAY = date(2027, 5, 1)


@pytest.mark.parametrize(
    ("tag", "found"),
    [
        *((tag, tag) for tag in TAGS),
        ("de-AT", "de"),
        ("DE", "de"),
        ("pt", "pt-BR"),
        ("pt_PT", "pt-BR"),
        ("pt-br", "pt-BR"),
        ("ja-JP", "ja"),
        ("tlh", ""),
        ("", ""),
        ("d", ""),
        ("de" * 30, ""),
    ],
)
def test_a_tag_means_the_nearest_language(tag: str, found: str) -> None:
    assert matched(tag) == found


def test_a_setting_that_means_no_language_is_refused_with_those_there_are() -> None:
    assert require("de_CH") == "de"
    with pytest.raises(Refused) as refused:
        require("Klingon")
    assert refused.value.code is Code.INVALID_ARGUMENT
    assert "pt-BR" in refused.value.hint


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("", "en"),
        ("de", "de"),
        ("tlh, de-CH;q=0.9, fr;q=0.95", "fr"),
        ("fr;q=0.5, de;q=0.8, *;q=0.1", "de"),
        ("de;q=0, it", "it"),
        ("xx, *", "en"),
        ("de;q=nonsense, nl", "nl"),
        ("," * 900 + "de", "en"),
    ],
)
def test_a_browser_gets_what_it_likes_best_of_what_there_is(header: str, found: str) -> None:
    assert accepted(header) == found


@pytest.mark.parametrize(
    ("tag", "day", "short", "month", "number"),
    [
        ("en", "Saturday, 1 May 2027", "Sat 1 May", "May 2027", "2,430"),
        ("de", "Samstag, 1. Mai 2027", "Sa, 1. Mai", "Mai 2027", "2.430"),
        ("es", "sábado, 1 de mayo de 2027", "sáb, 1 may", "mayo de 2027", "2.430"),
        ("fr", "samedi 1 mai 2027", "sam. 1 mai", "mai 2027", "2\u202f430"),
        ("pt-BR", "sábado, 1 de maio de 2027", "sáb., 1 de mai.", "maio de 2027", "2.430"),
        ("it", "sabato 1 maggio 2027", "sab 1 mag", "maggio 2027", "2.430"),
        ("nl", "zaterdag 1 mei 2027", "za 1 mei", "mei 2027", "2.430"),
        ("ja", "2027年5月1日 土曜日", "5月1日(土)", "2027年5月", "2,430"),
        ("ar", "السبت، 1 مايو 2027", "السبت 1 مايو", "مايو 2027", "2,430"),
    ],
)
def test_days_and_numbers_are_written_as_the_language_writes_them(
    tag: str, day: str, short: str, month: str, number: str
) -> None:
    spoken = language(tag)
    assert words.day(MAY, spoken) == day
    assert words.short_day(MAY, spoken) == short
    assert words.month(MAY, spoken) == month
    assert spoken.number(2430) == number
    assert spoken.direction == ("rtl" if tag == "ar" else "ltr")


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        ("de", "alle 2 Wochen am Montag, Mittwoch und Freitag, 10-mal"),
        ("fr", "toutes les 2 semaines (lundi, mercredi et vendredi), 10 fois"),
        ("ar", "كل أسبوعين (الاثنين، الأربعاء والجمعة)، 10 مرات"),
    ],
)
def test_a_rule_is_told_in_the_language_and_its_plural_forms(tag: str, text: str) -> None:
    zone = ZoneInfo("Europe/Berlin")
    start = datetime(2027, 5, 3, 19, tzinfo=zone)
    span = Span(start=start, end=start.replace(hour=20), timezone="Europe/Berlin")
    rule = "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE,FR;COUNT=10"
    assert words.recurrence(rule, span, language(tag)) == text


def test_the_gender_of_a_weekday_decides_how_it_is_numbered() -> None:
    start = datetime(2027, 5, 3, 19, tzinfo=ZoneInfo("Europe/Rome"))
    span = Span(start=start, end=start.replace(hour=20), timezone="Europe/Rome")
    rule = "FREQ=MONTHLY;BYDAY=1SU,-1FR"
    assert words.recurrence(rule, span, language("it")) == "ogni mese (prima domenica e ultimo venerdì)"
    assert "primeiro domingo e última sexta-feira" in words.recurrence(rule, span, language("pt-BR"))


def test_the_faces_know_what_mails_say_too() -> None:
    assert of_faces("de").say("Monday") == "Montag"
    assert of_faces("de").say("Show") == "Anzeigen"
