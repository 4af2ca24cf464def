"""Agents' keys as data and text, and bounds as people enter them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pydantic import Field, ValidationError

from cis_mcp.views.base import Data
from cis_mcp.views.events import utc
from engine.commands.agents import digest_words
from engine.commands.agents.digests import KeyDay, left_lines, refused_lines
from engine.commands.agents.widening import widening
from engine.model.bounds import Bounds
from engine.model.keys import Key
from engine.refusals import Code, Refused

_PROGRAM = "cis-mcp "


def read_bounds(values: Mapping[str, Any]) -> Bounds:
    """Bounds from JSON values. Raises Refused(INVALID_ARGUMENT) with what is wrong."""
    try:
        return Bounds.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        name = ".".join(str(part) for part in first["loc"]) or "bounds"
        known = ", ".join(Bounds.model_fields)
        hint = f"Bounds are: {known}." if first["type"] == "extra_forbidden" else ""
        message = str(first["msg"]).removeprefix("Value error, ").replace("Input should", "it should")
        raise Refused(Code.INVALID_ARGUMENT, f"{name[:60]}: {message}", hint) from None


def state(key: Key, now: datetime, among: Iterable[Key] = ()) -> str:
    """`live`, `stopped`, `expired` or `revoked`; it has ended too if one of those above it, that are `among`, has."""
    above = (one for one in among if one.id in key.above) if key.above else ()
    ended = next((end for one in (key, *above) if (end := _end(one, now))), "")
    return ended or ("stopped" if key.stopped else "live")


def _end(key: Key, now: datetime) -> str:
    if key.revoked is not None:
        return "revoked"
    return "expired" if key.ended(now) else ""


def data(key: Key, now: datetime, among: Iterable[Key] = ()) -> dict[str, Any]:
    """A key as data, without its hash."""
    found = key.model_dump(mode="json", exclude={"digest", "scopes", "above"})
    found["bounds"] = bounds_data(key.bounds) if key.bounds else None
    return {**found, "verbs": verbs(key), "under": list(key.above), "state": state(key, now, among)}


def bounds_data(bounds: Bounds) -> dict[str, Any]:
    """Bounds as JSON values, by name."""
    return {**bounds.model_dump(mode="json"), "verbs": sorted(bounds.verbs)}


class KeyInfo(Data):
    """A key without its secret."""

    id: str
    name: str
    address: str = Field(description="the address it acts for")
    owner: str = Field(description="who answers for it; empty: no one")
    state: str = Field(description="live, stopped, expired or revoked")
    verbs: list[str]
    bounds: dict[str, Any] | None = Field(description="null: unbounded")
    under: list[str] = Field(description="ids of the keys above it")
    created: str
    expires: str | None
    probation: str | None = Field(description="until then everything it asks for waits for approval")


def key_info(key: Key, now: datetime, among: Iterable[Key] = ()) -> KeyInfo:
    """A key as data."""
    return KeyInfo(
        id=key.id,
        name=key.name,
        address=key.address,
        owner=key.owner,
        state=state(key, now, among),
        verbs=verbs(key),
        bounds=bounds_data(key.bounds) if key.bounds else None,
        under=list(key.above),
        created=utc(key.created),
        expires=utc(key.expires) if key.expires else None,
        probation=utc(key.probation) if key.probation else None,
    )


def verbs(key: Key) -> list[str]:
    """The names of what a key may do."""
    return sorted(key.actor.verbs)


def line(key: Key, now: datetime, among: Iterable[Key] = ()) -> str:
    """A key on one line."""
    name = f" “{key.name}”" if key.name else ""
    narrowed = [f"tier {key.tier}"] if key.tier else []
    narrowed += [f"only {','.join(key.tools)}"] if key.tools else []
    narrowed += ["read only"] if key.read_only else []
    narrowed += ["unbounded"] if key.bounds is None else []
    narrowed += [f"under {key.above[-1]}"] if key.above else []
    may = ", ".join([" ".join(verbs(key)), *narrowed])
    ends = f", expires {key.expires:%Y-%m-%d}" if key.expires and not key.revoked else ""
    found = state(key, now, among)
    ended = f", revoked {key.revoked:%Y-%m-%d}" if key.revoked else ""
    if not key.ended(now) and found in {"expired", "revoked"}:
        ended = ", ended with the key above"
    stopped = ", stopped" if found == "stopped" else ""
    return f"{key.id}{name} for {key.address}: {may}, made {key.created:%Y-%m-%d}{ends}{stopped}{ended}"


def bound_lines(key: Key) -> list[str]:
    """The bounds of a key, one per line."""
    if key.bounds is None:
        return ["  unbounded: it was made before keys had bounds"]
    return [f"  {name}: {_shown(value)}" for name, value in bounds_data(key.bounds).items()]


def _shown(value: object) -> str:
    if value is None:
        return "any"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value) if value != "" else "-"


def day_data(day: KeyDay) -> dict[str, Any]:
    """What a key did and its remaining limits, as data."""
    return {
        "left": {one.bound: one.left for one in day.limits if one.left is not None},
        "used": {one.bound: one.used for one in day.limits if one.used is not None},
        "refused": [
            {"bound": bound, "times": times, "widen": _typed(widening(day.key, bound))}
            for bound, times in day.refused
        ],
        "waits": [held.id for held in day.held],
        "last": [one.model_dump(mode="json") for one in day.last],
    }


def day_lines(day: KeyDay) -> list[str]:
    """What a key did, its remaining limits, and waiting requests with the command for each."""
    lines = left_lines(day.limits)
    lines += [f"Waits: {one.preview.action}: {_PROGRAM}approval approve {one.id}" for one in day.held]
    lines += refused_lines(day, _PROGRAM)
    for one in day.last:
        why = f" ({one.why})" if one.why else ""
        lines.append(f"Did: {one.at} {digest_words.command(one.command)}: {one.outcome}{why}")
    return lines


def _typed(command: str) -> str:
    return f"{_PROGRAM}{command}" if command else ""
