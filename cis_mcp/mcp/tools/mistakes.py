"""Describes what is wrong with a caller's arguments so that it can repair the call, without repeating values."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from cis_mcp.mcp.tools.schema import argument_schema
from engine.refusals import Code, Refused

PROBLEMS_SHOWN = 3
_NAME_SHOWN = 60
_HINT = "Correct that and call again; nothing was done."

_MEANT = {
    "address": ("email", "organizer", "to"),
    "attendee": ("email",),
    "attendees": ("recipients",),
    "body": ("description",),
    "calendar_url": ("url",),
    "content": ("description", "csv"),
    "dtend": ("end",),
    "dtstart": ("start",),
    "emails": ("recipients", "email"),
    "end_date": ("end", "before"),
    "end_time": ("end",),
    "event": ("uid",),
    "event_id": ("uid", "uids"),
    "event_ids": ("uids",),
    "event_uid": ("uid",),
    "file": ("csv_path", "path"),
    "filter": ("query", "status"),
    "from": ("after", "start"),
    "id": ("uid", "campaign_id", "key_id"),
    "ids": ("uids",),
    "link": ("url",),
    "message": ("note", "description"),
    "name": ("summary", "organizer_name"),
    "notes": ("description",),
    "notify": ("audience",),
    "page": ("cursor",),
    "page_size": ("limit",),
    "page_token": ("cursor",),
    "path": ("csv_path",),
    "people": ("recipients",),
    "place": ("location",),
    "q": ("query",),
    "recipient": ("email", "recipients"),
    "recipient_email": ("email",),
    "reason": ("note",),
    "repeat": ("recurrence",),
    "rows": ("recipients",),
    "rrule": ("recurrence",),
    "search": ("query",),
    "send_updates": ("audience",),
    "start_date": ("start", "after"),
    "start_time": ("start",),
    "text": ("description", "query"),
    "timeout": ("wait_s",),
    "title": ("summary",),
    "to": ("email", "before"),
    "token": ("confirm_token", "cursor"),
    "tz": ("timezone",),
    "until": ("before", "end"),
    "venue": ("location",),
    "wait": ("wait_s",),
    "when": ("start",),
    "zone": ("timezone",),
}
"""Names from other servers that models use for our arguments; the first one that the tool has is meant."""
_MAKING = frozenset({"create_event", "update_event"})
_GUESTS = frozenset(
    {"attendee", "attendees", "email", "emails", "guests", "invitees", "participants", "recipients"}
)
"""Arguments that other servers accept with an event, but that other tools of ours take afterwards."""


class CallMistake(BaseModel):
    """One thing that is wrong with a call."""

    field: str
    expected: str
    example: Any = None


class WrongArguments(Refused):
    """A call with wrong arguments; `problems` describe, field by field, how to repair it."""

    def __init__(self, sentences: Sequence[str], problems: Sequence[CallMistake]) -> None:
        super().__init__(Code.INVALID_ARGUMENT, " ".join(sentences), _HINT)
        self.problems = tuple(problems)


def wrong_arguments(
    tool: str, model: type[BaseModel], errors: Iterable[ErrorDetails], *, unknown: int = 0
) -> WrongArguments:
    """pydantic's errors in our own words: the first of them, with those of unknown names before others.

    `unknown`: how many names are unknown in total; `errors` may have only the first few.
    """
    schema = argument_schema(model)
    found = sorted(errors, key=lambda error: error["type"] != "extra_forbidden")
    strange = [error for error in found if _unknown(error)]
    meant = {_meant(_last(error), _names_at(schema, error)) for error in strange[:PROBLEMS_SHOWN]}
    found = [error for error in found if not (error["type"] == "missing" and _last(error) in meant)]
    found = list({_place(schema, error): error for error in reversed(found)}.values())[::-1]
    described = [_described(tool, schema, error) for error in found[:PROBLEMS_SHOWN]]
    sentences = [sentence for sentence, _ in described]
    sentences += [_all_names(schema, error) for error in found[:1] if _unknown(error)]
    more = len(found) + max(0, unknown - len(strange)) - len(described)
    if more > 0:
        sentences.append(f"And {more} more problems.")
    return WrongArguments(sentences, [problem for _, problem in described])


def _described(tool: str, schema: Mapping[str, Any], error: ErrorDetails) -> tuple[str, CallMistake]:
    """A sentence about one problem, and the same as data."""
    where = _place(schema, error)
    place = ".".join(str(part) for part in where)[:_NAME_SHOWN] or "arguments"
    if _unknown(error):
        return _said_of_unknown(tool, place, _last(error), _names_at(schema, error))
    node = _node(schema, where)
    expected = _expected(node) + _bound(error)
    example = _example(node)
    shown = "" if example is None else f" Example: {json.dumps(example, ensure_ascii=False)}."
    about = f" ({node['description']})" if node.get("description") else ""
    verb = "is missing" if error["type"] == "missing" else "is wrong"
    sentence = f"“{place}” {verb}: it should be {expected}{about}.{shown}"
    return sentence, CallMistake(field=place, expected=expected, example=example)


def _place(schema: Mapping[str, Any], error: ErrorDetails) -> tuple[int | str, ...]:
    """The place of the error; for an argument with several forms, the argument itself."""
    place = error["loc"]
    forms = (n for n in range(1, len(place)) if "anyOf" in _node(schema, place[:n]))
    return place[: next(forms, len(place))]


def _said_of_unknown(tool: str, place: str, name: str, known: Sequence[str]) -> tuple[str, CallMistake]:
    meant = _meant(name, known)
    guess = f" Did you mean “{meant}”?" if meant else ""
    owner = tool if place == name[:_NAME_SHOWN] else f"“{place.rpartition('.')[0]}”"
    if not meant and tool in _MAKING and name.lower() in _GUESTS:
        guess = " People are invited afterwards: send_invite (one), bulk_send (a list)."
    sentence = f"{owner} has no argument “{name[:_NAME_SHOWN]}”.{guess}"
    expected = f"no such argument; {meant} is meant" if meant else "no such argument"
    return sentence, CallMistake(field=place, expected=expected)


def _all_names(schema: Mapping[str, Any], error: ErrorDetails) -> str:
    return f"Its arguments are: {', '.join(_names_at(schema, error)) or 'none'}."


def _unknown(error: ErrorDetails) -> bool:
    return error["type"] == "extra_forbidden"


def _last(error: ErrorDetails) -> str:
    return str(error["loc"][-1]) if error["loc"] else ""


def _meant(name: str, known: Sequence[str]) -> str:
    """The argument that an unknown name may mean; empty if none is similar."""
    return "" if len(name) > _NAME_SHOWN else _nearest(name, tuple(known))


@lru_cache(maxsize=1024)
def _nearest(name: str, known: tuple[str, ...]) -> str:
    plain = name.lower().replace("-", "_")
    for other in _MEANT.get(plain, ()):
        if other in known:
            return other
    close = difflib.get_close_matches(plain, known, n=1) or difflib.get_close_matches(
        plain.replace("_", ""), known, n=1
    )
    return close[0] if close else ""


def _names_at(schema: Mapping[str, Any], error: ErrorDetails) -> list[str]:
    """The names that are known at the place of an unknown one."""
    return list(_node(schema, error["loc"][:-1]).get("properties", {}))


def _node(schema: Mapping[str, Any], place: Iterable[int | str]) -> Mapping[str, Any]:
    """The part of the schema for a place; empty if there is none."""
    node: Mapping[str, Any] = schema
    for part in place:
        if isinstance(part, int):
            node = node.get("items", {})
        elif part in node.get("properties", {}):
            node = node["properties"][part]
        elif isinstance(values := node.get("additionalProperties"), Mapping):
            node = values
    return node


def _expected(node: Mapping[str, Any]) -> str:
    """What the schema requires, as text."""
    if "anyOf" in node:
        return ", or ".join(map(_expected, node["anyOf"]))
    if "enum" in node:
        return "one of " + ", ".join(json.dumps(value) for value in node["enum"])
    match node.get("type"):
        case "string":
            return "text"
        case "boolean":
            return "true or false"
        case "integer" | "number" as kind:
            return ("a whole number" if kind == "integer" else "a number") + _range(node)
        case "array":
            return f"a list, each of it {_expected(node.get('items', {}))}"
        case "object":
            return _object(node)
        case _:
            return "as described"


def _object(node: Mapping[str, Any]) -> str:
    names = list(node.get("properties", {}))
    return f"an object with {', '.join(names)}" if names else "an object of names and texts"


def _range(node: Mapping[str, Any]) -> str:
    low, high = node.get("minimum"), node.get("maximum")
    if low is not None and high is not None:
        return f" from {low:g} to {high:g}"
    return f" of at least {low:g}" if low is not None else ""


def _bound(error: ErrorDetails) -> str:
    """The length that was exceeded, which the listed schema does not state."""
    context = error.get("ctx", {})
    most, least = context.get("max_length"), context.get("min_length")
    what = "characters" if error["type"].startswith("string") else "items"
    if error["type"] == "greater_than":
        return f" above {context.get('gt', 0):g}"
    if error["type"].endswith("too_long"):
        return f" of at most {most} {what}"
    return f" of at least {least} {what}" if error["type"].endswith("too_short") else ""


def _example(node: Mapping[str, Any]) -> Any:
    """A valid example value; None if the text must suffice."""
    if node.get("examples"):
        return node["examples"][0]
    if node.get("enum"):
        return node["enum"][0]
    default = node.get("default")
    if isinstance(default, bool | int | float) or (isinstance(default, str) and default):
        return default
    if node.get("type") in {"integer", "number"}:
        return node.get("minimum", 1)
    return None
