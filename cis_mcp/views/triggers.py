"""Triggers and deliveries as lines of text."""

from __future__ import annotations

from collections.abc import Iterator

from engine.model.triggers import Delivery, Trigger
from engine.triggers.asking import Tried, unordered, weakness


def state(trigger: Trigger) -> str:
    """Live, draft or stopped."""
    return f"stopped ({trigger.stopped})" if trigger.stopped else "live" if trigger.live else "draft"


def warnings(trigger: Trigger) -> Iterator[str]:
    """What to know before it is made live."""
    if not trigger.secrets:
        yield "It has no secret, so nothing can prove a delivery."
    if weak := weakness(trigger):
        yield f"Weak proof: {weak}"
    if unordered(trigger):
        yield "A rule has no version, so a late delivery can undo a newer one."


def line(trigger: Trigger, unproven: int) -> str:
    """A trigger on one line."""
    rules = f"{len(trigger.rules)} rule{'s' if len(trigger.rules) != 1 else ''}"
    sender = trigger.proof.sender.value
    return f"{trigger.name}  {state(trigger)}  {sender}  {rules}  key {trigger.key}  unproven requests: {unproven}"


def delivery_line(one: Delivery) -> str:
    """A delivery on one line."""
    counts = [f"{one.invited} invited", f"{one.withdrawn} taken out", f"{len(one.refused)} refused"]
    parts = [f"{one.received:%Y-%m-%d %H:%M:%S}Z", one.id, one.state.value, one.code, one.object]
    said = ", ".join(count for count in counts if not count.startswith("0 "))
    return "  ".join(part for part in (*parts, said, one.detail) if part)


def tried_lines(one: Tried) -> Iterator[str]:
    """What rules would do with a payload."""
    matched = f"rule {one.rule}: {one.do} {one.object}" if one.do else "no rule matches"
    yield f"{one.delivery or 'this body'}: {one.outcome}, {one.code + ': ' + one.detail if one.code else matched}"
    for name, value in one.values.items():
        yield f"  {name}: {value[:200]}"
    for said, people in (("would invite", one.invites), ("would take out", one.withdraws)):
        if people:
            yield f"  {said}: {', '.join(people)}"
    for person in one.refused:
        yield f"  refused: {person.email} ({person.code})"
    if one.cut:
        yield f"  cut, because too large: {', '.join(one.cut)}"
