"""Bounds as one typed model, and what several keys together allow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cis_mcp.views.keys import read_bounds
from engine.commands.agents.narrowing import refuse_wider
from engine.model.bounds import Approval, Bounds, Mode
from engine.model.keys import Key, Standing
from engine.model.verbs import STANDS_FOR, Verb, verbs_of
from engine.refusals import Code, Refused
from tests.support.clock import START


def key(key_id: str = "k1", above: tuple[str, ...] = (), **bounds: object) -> Key:
    found = read_bounds(bounds)
    return Key(
        id=key_id,
        name="",
        address="agent@cis.test",
        scopes=frozenset(found.verbs),
        digest=key_id,
        created=START,
        bounds=found,
        above=above,
        expires=START + timedelta(days=found.expires_days),
    )


def test_bounds_that_nobody_names_are_those_that_are_settled() -> None:
    bounds = Bounds()
    assert bounds.verbs == verbs_of(["read", "create", "send", "bulk", "update", "report"])
    assert (bounds.to, bounds.links) == (None, None)
    numbers = (bounds.day, bounds.minute, bounds.new_people_day, bounds.person_day, bounds.bulk_max)
    assert numbers == (500, 60, 100, 20, 100)
    assert (bounds.events_max, bounds.horizon_days, bounds.expires_days) == (200, 400, 90)
    assert (bounds.hours, bounds.approval, bounds.mode) == ("", (), Mode.ACT)


@pytest.mark.parametrize(
    "values",
    [
        {"colour": "red"},
        {"verbs": ["fly"]},
        {"to": ["nonsense"]},
        {"to": ["@no such list"]},
        {"links": ["com"]},
        {"day": -1},
        {"hours": "8-20"},
        {"hours": "08:00-08:00"},
        {"timezone": "Mars/Olympus"},
        {"approval": ["perhaps"]},
        {"approval": ["bulk"]},
        {"mode": "maybe"},
    ],
)
def test_bounds_that_cannot_be_read_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(Refused) as refused:
        read_bounds(values)
    assert refused.value.code is Code.INVALID_ARGUMENT
    assert next(iter(values)) in refused.value.message or "bounds" in refused.value.message


def test_set_but_empty_allows_nobody_and_deny_wins() -> None:
    assert not Standing((key(to=[]),), {}).may_mail("ann@example.com")
    assert Standing((key(),), {}).may_mail("ann@example.com")
    both = Standing((key(to=["*@example.com"], not_to=["ann@example.com"]),), {})
    assert both.may_mail("bob@example.com")
    assert not both.may_mail("ann@example.com")


def test_a_list_is_named_and_changes_by_itself() -> None:
    bounded = key(to=["@customers"])
    assert Standing((bounded,), {"customers": ("*@example.com",)}).may_mail("ann@example.com")
    assert not Standing((bounded,), {}).may_mail("ann@example.com")


def test_what_several_keys_allow_is_what_all_of_them_allow() -> None:
    above = key("a", to=["*@example.com"], day=10, bulk_max=0, hours="08:00-20:00", approval=["links"])
    below = key("b", ("a",), to=["*"], day=0, bulk_max=7, mode="hold")
    found = Standing((above, below), {})
    assert not found.may_mail("ann@elsewhere.org")
    assert (found.limit("day"), found.limit("bulk_max"), found.limit("minute")) == (10, 7, 60)
    assert found.mode(START) is Mode.HOLD
    assert found.approval == {Approval.LINKS}
    night = datetime(2026, 3, 1, 22, tzinfo=UTC)
    assert found.opens(night) == datetime(2026, 3, 2, 8, tzinfo=UTC)


def test_hours_are_those_of_their_zone_and_may_pass_midnight() -> None:
    bounds = read_bounds({"hours": "22:00-06:00", "timezone": "Europe/Paris"})
    assert bounds.open_at(datetime(2026, 1, 1, 22, tzinfo=UTC))
    assert not bounds.open_at(datetime(2026, 1, 1, 12, tzinfo=UTC))


def test_a_probation_holds_and_ends_if_the_owner_lets_it() -> None:
    one = key(probation_days=7).model_copy(update={"probation": START + timedelta(days=7)})
    assert Standing((one,), {}).mode(START) is Mode.HOLD
    assert Standing((one,), {}).mode(START + timedelta(days=8)) is Mode.ACT
    stays = key(probation_days=7, probation_ends=False).model_copy(update={"probation": START})
    assert Standing((stays,), {}).mode(START + timedelta(days=80)) is Mode.HOLD


def test_older_scopes_are_names_for_verbs() -> None:
    assert verbs_of(["events", "invites", "campaigns"]) == frozenset().union(*STANDS_FOR.values())
    assert read_bounds({"verbs": "events"}).verbs == {Verb.READ, Verb.CREATE, Verb.UPDATE}


@pytest.mark.parametrize(
    ("own", "above", "wider"),
    [
        ({"verbs": "approve"}, {"verbs": "create"}, "verbs"),
        ({"to": ["*@a.com", "*@b.com"]}, {"to": ["*@a.com"]}, "to"),
        ({}, {"to": ["*@a.com"]}, "to"),
        ({}, {"not_to": ["*@a.com"]}, "not_to"),
        ({}, {"links": ["a.com"]}, "links"),
        ({"links": ["a.b.com", "b.com"]}, {"links": ["*.b.com"]}, "links"),
        ({"day": 0}, {"day": 5}, "day"),
        ({"person_day": 6}, {"person_day": 5}, "person_day"),
        ({"hours": "07:00-20:00"}, {"hours": "08:00-20:00"}, "hours"),
        ({}, {"approval": ["links"]}, "approval"),
        ({"attended": True}, {}, "attended"),
        ({"mode": "act"}, {"mode": "hold"}, "mode"),
        ({"expires_days": 91}, {"expires_days": 90}, "expires_days"),
    ],
)
def test_a_key_under_another_lies_within_its_bounds(
    own: dict[str, object], above: dict[str, object], wider: str
) -> None:
    with pytest.raises(Refused) as refused:
        refuse_wider(key(**own), key(**above))
    assert (refused.value.code, refused.value.bound) == (Code.OUT_OF_BOUNDS, wider)


def test_narrower_bounds_lie_within() -> None:
    above = key(to=["*@*.a.com", "*@b.com"], links=["*.a.com"], day=5, approval=["links"])
    own = key(
        to=["*@x.a.com", "ann@b.com"], links=["x.a.com"], day=5, approval=["links", "changes"], mode="hold"
    )
    refuse_wider(own, above)
