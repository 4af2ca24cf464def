"""Rules: read from YAML, admitted by counted steps, and what they make of a payload."""

from __future__ import annotations

from typing import Any

import pytest

from engine.model.rules import Deed, Rule
from engine.refusals import Code, Refused
from engine.rules.admission import admit
from engine.rules.mapping import Mapped, mapped
from engine.rules.reading import rules_of

RULES = """
- when: event.type in ["invoice.finalized", "invoice.updated"]
  do: invite
  object: "stripe:{{ event.data.object.id }}"
  version: event.created
  set:
    summary: "Invoice {{ event.data.object.number }} is due"
    start: "{{ event.data.object.due_date | in_zone('America/New_York') | date('day') }}"
    description: "{{ event.data.object.hosted_invoice_url | default('') }}"
  people:
    each: "[event.data.object]"
    email: "{{ item.customer_email | default('') }}"
    name: "{{ item.customer_name | default('') }}"
    fields: {currency: "{{ item.currency }}"}
  undo_s: 0
- when: event.type in ["invoice.paid", "invoice.voided"]
  do: cancel
  object: "stripe:{{ event.data.object.id }}"
  version: event.created
"""


def invoice(kind: str = "invoice.finalized", **values: Any) -> dict[str, Any]:
    thing = {
        "id": "in_1",
        "number": "A-7",
        "due_date": 1_804_086_000,
        "customer_email": "ann@example.com",
        "customer_name": "Ann",
        "currency": "usd",
        **values,
    }
    return {"id": "evt_1", "type": kind, "created": 1_800_000_000, "data": {"object": thing}}


def asked(payload: Any, rules: str = RULES) -> Mapped | None:
    return mapped(rules_of(rules), payload)


def test_the_first_rule_that_matches_says_what_is_done() -> None:
    found = asked(invoice())
    assert found is not None
    assert (found.rule, found.do, found.object, found.version) == (0, Deed.INVITE, "stripe:in_1", 1.8e9)
    assert found.values == {"summary": "Invoice A-7 is due", "start": "2027-03-03"}
    assert found.people is not None
    assert [(p.email, p.name, dict(p.fields)) for p in found.people] == [
        ("ann@example.com", "Ann", {"currency": "usd"})
    ]
    paid = asked(invoice("invoice.paid"))
    assert paid is not None
    assert (paid.do, paid.people) == (Deed.CANCEL, None)
    assert asked(invoice("customer.created")) is None


def test_a_value_of_the_payload_is_never_evaluated() -> None:
    found = asked(invoice(number="{{ event.id }}{% for %}"))
    assert found is not None
    assert found.values["summary"] == "Invoice {{ event.id }}{% for %} is due"


def test_who_is_not_named_is_left_out_and_nobody_is_named_twice() -> None:
    rule = rules_of(
        'when: "true"\ndo: invite\nobject: x\nset: {summary: a, start: "2027-01-01"}\n'
        'people: {each: event.people, email: "{{ item.mail }}"}'
    )
    people = [{"mail": "a@example.com"}, {"mail": ""}, {"mail": "A@example.com"}, {"mail": "b@example.com"}]
    found = mapped(rule, {"people": people})
    assert found is not None
    assert [p.email for p in found.people or ()] == ["a@example.com", "b@example.com"]


def test_nobody_is_taken_for_gone_because_a_list_was_cut() -> None:
    rule = rules_of('when: "true"\ndo: update\nobject: x\npeople: {each: event.people, email: "{{ item }}"}')
    with pytest.raises(Refused) as refused:
        mapped(rule, {"people": [f"p{n}@example.com" for n in range(201)]})
    assert refused.value.code is Code.TOO_LARGE


@pytest.mark.parametrize(
    ("version", "wanted"),
    [
        (7, 7.0),
        ("42", 42.0),
        (1.5, 1.5),
        ("2027-01-01T00:00:00Z", 1_798_761_600_000_000.0),
        ("2027-01-01T01:00:00+01:00", 1_798_761_600_000_000.0),
        ("2027-01-01T00:00:00.000001Z", 1_798_761_600_000_001.0),
    ],
)
def test_a_version_is_a_number_or_a_time(version: Any, wanted: float) -> None:
    rule = Rule(when="true", do=Deed.CANCEL, object="x", version="event.v")
    found = mapped([rule], {"v": version})
    assert found is not None
    assert found.version == wanted


@pytest.mark.parametrize(
    "version",
    [
        True,
        None,
        "",
        "yesterday",
        "2027-01-01T00:00:00",
        2**60,
        pytest.param(10**400, id="400 digits"),
        "--5",
        [1],
    ],
)
def test_what_does_not_grow_is_no_version(version: Any) -> None:
    rule = Rule(when="true", do=Deed.CANCEL, object="x", version="event.v")
    with pytest.raises(Refused):
        mapped([rule], {"v": version})


@pytest.mark.parametrize("when", ["event.a", "1", '"true"', "event", "event.list"])
def test_when_comes_to_true_or_false_and_nothing_else(when: str) -> None:
    with pytest.raises(Refused) as refused:
        mapped([Rule(when=when, do=Deed.NOTHING)], {"a": "yes", "list": [1]})
    assert refused.value.code is Code.INVALID_RULE


@pytest.mark.parametrize("thing", ["", " ", "x" * 201])
def test_an_object_is_named_and_not_cut(thing: str) -> None:
    with pytest.raises(Refused):
        mapped([Rule(when="true", do=Deed.CANCEL, object="{{ event.id }}")], {"id": thing})


def test_a_uid_is_not_cut_to_that_of_another_event() -> None:
    rule = Rule(when="true", do=Deed.CANCEL, object="one", uid="{{ event.uid }}")
    assert mapped([rule], {"uid": " a "}).uid == "a"  # type: ignore[union-attr]
    with pytest.raises(Refused, match="“uid” came to 201 characters"):
        mapped([rule], {"uid": "x" * 201})


def test_rules_of_the_docs_are_admitted() -> None:
    admit(rules_of(RULES), invoice())


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", Code.INVALID_RULE),
        ("when: 'true'", Code.INVALID_RULE),
        ("when: 'true'\ndo: explode", Code.INVALID_RULE),
        ("when: 'true'\ndo: nothing\nelse: 1", Code.INVALID_RULE),
        ("when: 'true'\nwhen: 'false'\ndo: nothing", Code.INVALID_RULE),
        ("when: &a 'true'\ndo: *a", Code.INVALID_RULE),
        ("when: !!python/object/apply:os.system ['id']\ndo: nothing", Code.INVALID_RULE),
        ("when: !!str x\ndo: nothing", Code.INVALID_RULE),
        ("- " * 20 + "a", Code.INVALID_RULE),
        ("[" * 20_000, Code.INVALID_RULE),
        ("a: [", Code.INVALID_RULE),
        ("\x00", Code.INVALID_RULE),
        ("#" * 50_001, Code.TOO_LARGE),
        ("- {when: 'true', do: nothing}\n" * 11, Code.INVALID_RULE),
        ("{when: 'true', do: nothing, undo_s: -1}", Code.INVALID_RULE),
        ("{when: 'true', do: nothing, ? [a] : b}", Code.INVALID_RULE),
    ],
)
def test_what_is_no_rule_is_refused(text: str, code: Code) -> None:
    with pytest.raises(Refused) as refused:
        rules_of(text)
    assert refused.value.code is code


@pytest.mark.parametrize(
    "text",
    [
        "{when: 'true', do: cancel}",
        "{when: 'true', do: invite, object: x}",
        "{when: 'true', do: cancel, object: x, set: {summary: a}}",
        "{when: 'item.x', do: nothing}",
        "{when: 'open(1)', do: nothing}",
        "{when: 'true', do: cancel, object: '{{ item.id }}'}",
        "{when: 'true', do: cancel, object: '{% if 1 %}'}",
        "{when: 'true', do: cancel, object: x, version: '1 +'}",
    ],
)
def test_a_rule_that_cannot_be_carried_out_is_not_admitted(text: str) -> None:
    with pytest.raises(Refused) as refused:
        admit(rules_of(text))
    assert refused.value.code is Code.INVALID_RULE


def test_a_rule_is_admitted_by_counted_steps_on_a_sample_of_the_greatest_size() -> None:
    costly = (
        "event.people | selectattr('a', 'in', event.people | map(attribute='a') | list) | list | length > 0"
    )
    rules = rules_of(f'when: "({costly}) and ({costly})"\ndo: nothing')
    with pytest.raises(Refused) as refused:
        admit(rules, {"people": [{"a": "x"}]})
    assert refused.value.code is Code.TOO_COSTLY
    admit(rules)
