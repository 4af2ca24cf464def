"""Placeholders: plain names are filled in, anything else in braces is refused."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.itip import personal
from engine.model.events import Override
from engine.refusals import Code, Refused
from tests.itip.samples import START, event, span
from tests.support.waiting import DEADLINE_S


def test_placeholders_are_found_in_all_texts_and_overrides() -> None:
    override = Override(recurrence_id=START, span=span(), summary="For {{ company }}")
    template = event(
        summary="Hi {{name}}", location="{{room}}", description="{{name}}!", overrides=(override,)
    )
    assert personal.placeholders(template) == {"name", "room", "company"}


def test_values_are_filled_in() -> None:
    override = Override(recurrence_id=START, span=span(), summary="{{name}} again")
    template = event(summary="Hi {{name}} & {{ name }}", description="a\n{{x}}\n", overrides=(override,))
    filled = personal.personalize(template, {"name": "<Ann> {{x}}", "x": "b"})
    assert filled.summary == "Hi <Ann> {{x}} & <Ann> {{x}}"
    assert filled.description == "a\nb\n"
    assert filled.overrides[0].summary == "<Ann> {{x}} again"


def test_placeholders_are_found_in_any_case() -> None:
    template = event(summary="{{Name}} {{ NAME }} {{name}}", location="{{Größe}}")
    assert personal.placeholders(template) == {"name", "größe"}
    assert personal.personalize(template, {"name": "Ann", "größe": "M"}).summary == "Ann Ann Ann"


def test_a_value_that_is_empty_leaves_a_hole_where_it_is_handed_in() -> None:
    assert personal.personalize(event(summary="Hi {{name}}!"), {"name": ""}).summary == "Hi !"


def test_a_value_brings_no_control_characters_with_it() -> None:
    filled = personal.personalize(event(summary="a{{x}}b"), {"x": "\0\x1b\u202e\u2066\r\n\u2028ü\t"})
    assert filled.summary == "a\n\nü\tb"


def test_what_the_organizer_wrote_keeps_its_direction() -> None:
    assert (
        personal.personalize(event(summary="\u2067אב\u2069 {{x}}"), {"x": "y"}).summary == "\u2067אב\u2069 y"
    )


def test_an_event_without_placeholders_stays_the_same() -> None:
    plain = event(description="100 % {# of } it")
    assert personal.personalize(plain, {}) is plain
    assert personal.placeholders(plain) == frozenset()


def test_a_missing_value_is_named() -> None:
    with pytest.raises(Refused) as refusal:
        personal.personalize(event(summary="{{name}} {{company}}"), {"name": "Ann"})
    assert refusal.value.code is Code.MISSING_FIELD
    assert "company" in refusal.value.message


@pytest.mark.parametrize(
    "text",
    [
        "{{ name | upper }}",
        "{{ 1 + 1 }}",
        "{{ name.__class__ }}",
        "{{ f() }}",
        "{{ name['x'] }}",
        "{% for x in y %}{{ x }}{% endfor %}",
        "{% set a = 1 %}{{ a }}",
        "{{ name }}{# note #}",
        "{{ name",
        "{{}}",
        "{{ 'text' }}",
        "{{" * 2_000,
        "{{ " + "(" * 5_000,
    ],
)
def test_anything_but_a_plain_name_is_refused(text: str) -> None:
    with pytest.raises(Refused) as refusal:
        personal.check(event(description=text))
    assert refusal.value.code is Code.INVALID_TEMPLATE


def test_a_text_that_grows_too_long_is_refused() -> None:
    with pytest.raises(Refused) as refusal:
        personal.personalize(event(summary="{{a}}" * 200), {"a": "x" * 1_000})
    assert refusal.value.code is Code.TOO_LARGE


def test_texts_without_braces_do_not_load_the_template_library() -> None:
    code = "import sys, engine.itip.personal; sys.exit('jinja2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=DEADLINE_S).returncode == 0


@given(st.text(alphabet="{}%# abn\n|.()'", max_size=40))
def test_any_text_is_a_template_or_refused(text: str) -> None:
    try:
        names = personal.placeholders(event(description=text))
    except Refused as refusal:
        assert refusal.code is Code.INVALID_TEMPLATE
    else:
        assert personal.personalize(event(description=text), dict.fromkeys(names, "v")).uid
