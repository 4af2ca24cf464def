"""What stays of others' values once a person is forgotten who is named in them. Pure; no I/O."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from engine.model.base import Value
from engine.model.counters import Intake
from engine.model.forgetting import names, without
from engine.model.held import HeldAction, HeldState
from engine.model.messages import Notice
from engine.model.undo import Undoable
from engine.model.webhooks import Outgoing, PostingState

V = TypeVar("V", bound=Value)

_WHY = "a person whom it concerns was forgotten"


def held_without(held: HeldAction, address: str, alias: str, now: datetime) -> HeldAction:
    """A held action without the person; void if it waits and is about them, since what was shown is gone."""
    preview = held.preview.model_copy(update={"first": _others(held, address), "differences": ()})
    if held.preview.sample and names(held.preview.sample.model_dump_json(), address):
        preview = preview.model_copy(update={"sample": None})
    values: dict[str, Any] = {"preview": preview}
    if names(held.command.arguments, address):
        emptied = held.command.model_copy(update={"arguments": "{}"})
        cleared = preview.model_copy(update={"sample": None})
        values |= {"command": emptied, "digest": emptied.digest, "words": (), "preview": cleared}
        if held.state is HeldState.WAITING:
            values |= {"state": HeldState.VOID, "decided": now, "why": _WHY}
    return _renamed(held.model_copy(update=values), address, alias)


def _others(held: HeldAction, address: str) -> tuple[str, ...]:
    return tuple(one for one in held.preview.first if not names(one, address))


def posting_without(one: Outgoing, address: str, alias: str) -> Outgoing | None:
    """A posting without the person; None if it is about them and was settled, so that it can be deleted."""
    if not _about(one, address):
        return _renamed(one, address, alias)
    if one.posting.state is not PostingState.WAITING:
        return None
    said: dict[str, Any] = json.loads(one.body)
    data = {name: value for name, value in said["data"].items() if name != "words"}
    if "email" in data:
        data["email"] = alias
    body = json.dumps({**said, "data": data}, ensure_ascii=False, separators=(",", ":"))
    return _renamed(one.model_copy(update={"body": body}), address, alias)


def _about(one: Outgoing, address: str) -> bool:
    said = json.loads(one.body)
    data = said.get("data") if isinstance(said, Mapping) else None
    return isinstance(data, Mapping) and address in {one.posting.about, data.get("email")}


def undo_without(undoable: Undoable, address: str, alias: str) -> Undoable:
    """What can be undone without what the person said in proposals that it closed, and what they were called."""
    silent = {"name": "", "comment": "", "location": ""}
    proposals = [one.model_copy(update=silent) if one.email == address else one for one in undoable.proposals]
    nameless = {"name": "", "fields": {}}
    guests = [one.model_copy(update=nameless) if one.email == address else one for one in undoable.guests]
    without = {"proposals": tuple(proposals), "guests": tuple(guests)}
    return _renamed(undoable.model_copy(update=without), address, alias)


def intake_without(intake: Intake, address: str, alias: str) -> Intake:
    """What became of a mail, without words that name the person, which may quote it."""
    detail = "" if names(intake.detail, address) else intake.detail
    return _renamed(intake.model_copy(update={"detail": detail}), address, alias)


def notice_without(notice: Notice, address: str, alias: str) -> Notice | None:
    """A notice without the person's rows in its table; None if its words name them."""
    words = (notice.subject, notice.text, notice.html, notice.warning)
    if any(names(text, address) for text in words):
        return None
    return _renamed(
        notice.model_copy(update={"outcomes": _other_rows(notice.outcomes, address)}), address, alias
    )


def _other_rows(table: str, address: str) -> str:
    if not names(table, address):
        return table
    written = io.StringIO()
    rows = csv.reader(io.StringIO(table, newline=""))
    csv.writer(written).writerows(row for row in rows if not names("\n".join(row), address))
    return written.getvalue()


def _renamed(value: V, address: str, alias: str) -> V:
    return type(value).model_validate_json(without(value.model_dump_json(), address, alias))
