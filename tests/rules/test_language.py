"""Expressions of rules: what they can do, that nothing leaks, and that nothing hangs."""

from __future__ import annotations

from typing import Any

import pytest

from engine.refusals import Code, Refused
from engine.rules.evaluation import STEPS_MAX, Evaluation, StepBudget
from engine.rules.language import expression, template
from engine.rules.values import Pruning

DEAL: dict[str, Any] = {
    "type": "deal.changed",
    "stage": "demo_scheduled",
    "id": 123,
    "amount": "4200",
    "price": 12.5,
    "open": True,
    "nothing": None,
    "items": "a field of this name",
    "start": "2027-03-02T15:00:00Z",
    "local": "2027-03-02T15:00:00",
    "unix": 1_804_086_000,
    "millis": 1_804_086_000_000,
    "contacts": [{"email": f"p{n}@acme.example", "name": f"P{n}"} for n in range(3)] + [{"name": "No Mail"}],
    "tags": ["Red", "red", "blue"],
    "hostile": "{{ event.id }}{% for x in event %}",
}


def value(source: str, event: Any = None, budget: StepBudget | None = None) -> Any:
    names = {"event": DEAL if event is None else event}
    return Evaluation(names, budget or StepBudget()).value(expression(source))


def text(source: str) -> str:
    return Evaluation({"event": DEAL}, StepBudget()).text(template(source))


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ('event.type == "deal.changed" and event.stage in ["demo_scheduled", "demo_booked"]', True),
        ("event.items", "a field of this name"),
        ('event["items"]', "a field of this name"),
        ("event.contacts[0].email", "p0@acme.example"),
        ("event.contacts[-1].name", "No Mail"),
        ("event.missing is defined", False),
        ("event.missing.deeper is undefined", True),
        ('event.missing | default("x")', "x"),
        ('event.nothing | default("x")', "x"),
        ('event.contacts | map(attribute="name") | join(", ")', "P0, P1, P2, No Mail"),
        ('event.contacts | selectattr("email", "defined") | list | length', 3),
        ('event.contacts | rejectattr("email", "defined") | map(attribute="name") | first', "No Mail"),
        (
            'event.contacts | selectattr("name", "in", ["P1"]) | map(attribute="email") | last',
            "p1@acme.example",
        ),
        ("event.tags | unique | length", 2),
        ('event.tags | map("lower") | join("-")', "red-red-blue"),
        ("event.id + 1", 124),
        ("event.id - -1", 124),
        ("event.amount | int > 4000", True),
        ("event.price | int", 12),
        ('"x" | int(7)', 7),
        ('event.stage ~ ":" ~ event.id', "demo_scheduled:123"),
        ('"yes" if event.open else "no"', "yes"),
        ("not event.open", False),
        ("1 == true", False),
        ("0 == false", False),
        ("event.open == true", True),
        ("1 < 2 < 3", True),
        ('"a" < "b"', True),
        ("event.nothing is none", True),
        ('{"a": event.id}.a', 123),
        ("event.start | date", "2027-03-02T15:00:00+00:00"),
        ('event.start | in_zone("America/New_York")', "2027-03-02T10:00:00-05:00"),
        ('event.local | in_zone("America/New_York")', "2027-03-02T15:00:00-05:00"),
        ('event.unix | in_zone("Europe/Paris") | date("day")', "2027-03-03"),
        ("event.unix | date == (event.millis | date)", True),
        ("event.start | plus_minutes(45)", "2027-03-02T15:45:00+00:00"),
        ('event.local | plus_minutes("45")', "2027-03-02T15:45:00"),
    ],
)
def test_an_expression_comes_to_its_value(source: str, wanted: Any) -> None:
    assert value(source) == wanted
    assert type(value(source)) is type(wanted)


def test_a_template_is_text_with_values_and_is_evaluated_once() -> None:
    assert text("Demo: {{ event.stage }} of {{ event.id }}") == "Demo: demo_scheduled of 123"
    assert text("{{ event.hostile }}") == DEAL["hostile"]
    assert text("{# a comment #}a") == "a"
    assert text("") == ""


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("event.missing", Code.MISSING_FIELD),
        ('event.missing == "x"', Code.MISSING_FIELD),
        ("event.contacts[9]", Code.MISSING_FIELD),
        ("event.stage > 5", Code.INVALID_RULE),
        ("event.stage + 1", Code.INVALID_RULE),
        ("event.contacts == event.contacts", Code.INVALID_RULE),
        ("event.contacts | lower", Code.INVALID_RULE),
        ("event.contacts | map", Code.INVALID_RULE),
        ('event.contacts | join(",")', Code.INVALID_RULE),
        ('event.contacts | selectattr("name", "eval")', Code.INVALID_RULE),
        ("event.stage | trim(1, 2, 3)", Code.INVALID_RULE),
        ("event.local | date", Code.INVALID_TIME),
        ("event.id | date", None),
        ('event.start | in_zone("Mars/Base")', Code.UNKNOWN_TIMEZONE),
        ('event.start | in_zone("../../etc/passwd")', Code.UNKNOWN_TIMEZONE),
        ('"2027-03-14T02:30:00" | in_zone("America/New_York")', Code.INVALID_TIME),
        ('"2027-03-02" | date', Code.INVALID_TIME),
        ('"0001-01-01T00:00:00" | in_zone("Europe/Paris")', Code.INVALID_TIME),
        ('"0001-01-01T00:00:00Z" | in_zone("America/New_York")', Code.INVALID_TIME),
        ('"9999-12-31T23:59:59Z" | in_zone("Europe/Paris")', Code.INVALID_TIME),
        ('"9999-12-31T23:59:59" | in_zone("America/New_York")', Code.INVALID_TIME),
        ('event.start | plus_minutes("--5")', Code.INVALID_RULE),
        ("event.start | plus_minutes(1e300)", Code.INVALID_RULE),
        ("event.start | plus_minutes(event.id - 1000001)", None),
        ("-event.stage", Code.INVALID_RULE),
        ("1e300 + 1", Code.INVALID_RULE),
    ],
)
def test_what_does_not_fit_is_refused_with_a_code(source: str, code: Code | None) -> None:
    if code is None:
        value(source)
        return
    with pytest.raises(Refused) as refused:
        value(source)
    assert refused.value.code is code


@pytest.mark.parametrize(
    "source", ["{{ event.contacts }}", "{{ event.nothing }}", "{{ event.missing }}", "{{ event }}"]
)
def test_a_template_shows_neither_objects_nor_null(source: str) -> None:
    with pytest.raises(Refused):
        text(source)


HOSTILE = [
    "event.__class__",
    'event["__class__"]',
    "event.__class__.__mro__[1].__subclasses__()",
    "event.items()",
    "event.keys()",
    "event.get('id')",
    "event.stage.upper()",
    "event.stage.format(event)",
    "event.stage.__init__.__globals__",
    "''.__class__.__base__",
    "''.__class__.__mro__",
    "[].__class__",
    "{}.__class__",
    "().__class__",
    "(1).__class__",
    "event|attr('__class__')",
    "event|attr('id')",
    "'%s'|format(event)",
    "'%c'%97",
    "'a'*1000000",
    "event.stage*9",
    "9**9**9",
    "9//0",
    "9/0",
    "9%0",
    "range(10)",
    "range(999999999)",
    "cycler.__init__.__globals__.os",
    "joiner()",
    "namespace(a=1)",
    "lipsum.__globals__",
    "dict(a=1)",
    "self",
    "self._TemplateReference__context",
    "config",
    "request",
    "caller()",
    "varargs",
    "loop",
    "import('os')",
    "__import__('os').system('id')",
    "().__class__.__bases__[0].__subclasses__()[0]",
    "event.contacts|map(attribute='__class__.__mro__')|first",
    "event.contacts|map('attr','__class__')|list",
    "event.contacts|map('format')|list",
    "event.contacts|selectattr('__class__')|first",
    "event.contacts|groupby('__class__')",
    "event.contacts|sort(attribute='__class__')",
    "event.contacts|tojson",
    "event|pprint",
    "event|xmlattr",
    "event|string",
    "event.contacts|sum(attribute='id')",
    "event.contacts[0:2]",
    "event[::1]",
    "event.stage|replace('a','b'*99999)",
    "event.stage|center(99999999)",
    "event.stage|indent(99999999)",
    "event.stage|wordwrap(1)",
    "event.stage|escape",
    "event.stage|safe",
    "event.stage is callable",
    "event.stage is sameas event",
    "event.stage is filter",
    "event | map(attribute=event)",
    "(1,2)",
    "event.id.real",
    "event.id.__add__",
    "true.__class__",
    "none.__class__",
    "*event",
    "event.a(**event)",
    "event.stage|default(*event.tags)",
    "event.stage|default(**event)",
    "x := 1",
    "lambda: 1",
    "[x for x in event]",
    "event }}{% for x in event %}{{ x",
    "{{ event }}",
    "((((((((((((((((((((((((((event))))))))))))))))))))))))))",
    "-" * 300 + "1",
    "not " * 200 + "true",
    "[" * 400 + "]" * 400,
    "(" * 499 + "1" + ")" * 499,
    "1" * 999,
    "1e99999",
    "event" + ".a" * 400,
    "event" + "|lower" * 150,
    "~".join(["event.stage"] * 80),
    "'" + "a" * 2000 + "'",
    "\x00",
    "event\u202e.id",
    "event.\N{FULLWIDTH LOW LINE}_class__",
]
HARMLESS = (str, int, float, bool, type(None))


@pytest.mark.parametrize("source", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_expression_is_refused_or_comes_to_a_plain_value(source: str) -> None:
    try:
        found = value(source)
    except Refused as refused:
        assert refused.code in Code
        return
    assert type(found) in {*HARMLESS, list, dict}
    assert "class" not in str(found)
    assert "object at" not in str(found)


@pytest.mark.parametrize("source", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_template_is_refused_or_is_text(source: str) -> None:
    for form in (source, f"{{{{ {source} }}}}", f"{{% set a = {source} %}}", f"{{% include {source} %}}"):
        try:
            found = Evaluation({"event": DEAL}, StepBudget()).text(template(form))
        except Refused:
            continue
        assert "<class" not in found
        assert "object at" not in found


def big() -> dict[str, Any]:
    return {
        "s": "a" * 2_000,
        "l": [{"e": "a" * 2_000, "l": list(range(200))} for _ in range(200)],
        "n": [str(n) for n in range(200)],
    }


@pytest.mark.parametrize(
    "source",
    [
        " ~ ".join(["event.s"] * 60),
        'event.l | map(attribute="e") | join(event.s)',
        " ~ ".join(['(event.l | map(attribute="e") | join(event.s))'] * 15),
        'event.l | selectattr("e", "in", event.n) | list | length',
        " or ".join(['(event.n | join(",") in event.n)'] * 20),
        " ~ ".join(['(event.l | selectattr("e", "in", event.n) | list | length)'] * 10),
        "event.s|upper" + "|lower|upper" * 60,
    ],
)
def test_no_rule_takes_more_steps_than_it_may_and_no_text_grows(source: str) -> None:
    budget = StepBudget()
    try:
        found = value(source, big(), budget)
    except Refused as refused:
        assert refused.code in {Code.TOO_COSTLY, Code.TOO_LARGE, Code.INVALID_RULE}
    else:
        assert len(str(found)) <= 20_000
    assert budget.spent <= STEPS_MAX + 50_000  # the last step may take what it has before it is counted


def test_a_payload_is_cut_to_the_limits_and_that_it_was_is_told() -> None:
    deep: Any = "x"
    for _ in range(40):
        deep = {"d": deep}
    pruning = Pruning()
    found = pruning.pruned({"long": "a" * 5_000, "many": list(range(500)), "deep": deep})
    assert len(found["long"]) == 2_000
    assert len(found["many"]) == 200
    assert pruning.lists_cut
    assert "event.long" in pruning.cut
    assert "event.many" in pruning.cut
    with pytest.raises(Refused) as refused:
        Pruning().pruned([[0] * 200] * 200)
    assert refused.value.code is Code.TOO_LARGE
