"""Rules: which deliveries they match, and what a match does."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

from pydantic import Field

from engine.model.base import Value

RULES_MAX = 10
LOOKUPS_MAX = 2
UNDO_MAX_S = 86_400
SOURCE_MAX = 1_000
"""Characters of an expression or a template."""


class Deed(StrEnum):
    """What a rule does."""

    INVITE = "invite"
    """Creates the event or changes it, and invites whom the object names."""
    UPDATE = "update"
    """Changes the event if the object has one."""
    CANCEL = "cancel"
    REMIND = "remind"
    """Reminds those of the event who have not answered, or those whom the rule names."""
    FORGET = "forget"
    """Drops what is kept of the object: its content and its deliveries'."""
    NOTHING = "nothing"


class Settable(StrEnum):
    """Fields of an event that a rule may set."""

    SUMMARY = "summary"
    START = "start"
    END = "end"
    DURATION_MINUTES = "duration_minutes"
    TIMEZONE = "timezone"
    LOCATION = "location"
    DESCRIPTION = "description"
    URL = "url"


class RulePeople(Value):
    """The people in a payload: a list, with an address and a name for each `item`."""

    each: str = Field(max_length=SOURCE_MAX, description="expression for a list")
    email: str = Field(max_length=SOURCE_MAX, description="template; empty: that item names nobody")
    name: str = Field("", max_length=SOURCE_MAX, description="template")
    fields: Mapping[str, str] = Field(default_factory=dict, max_length=20, description="name → template")
    others: Literal["leave", "stay"] = Field(
        "leave", description="who was named before and is not now: is taken out, or stays"
    )


class Rule(Value):
    """One rule: the first of a trigger's rules whose `when` is true is carried out."""

    when: str = Field(max_length=SOURCE_MAX, description="expression that is true or false")
    do: Deed
    object: str = Field(
        "", max_length=SOURCE_MAX, description="template: what identifies the thing over there"
    )
    version: str = Field(
        "", max_length=SOURCE_MAX, description="expression for a number or a time that grows; empty: none"
    )
    uid: str = Field(
        "",
        max_length=SOURCE_MAX,
        description="template: uid of an event that there is; empty: the object's own",
    )
    set: Mapping[Settable, str] = Field(default_factory=dict, description="field of the event → template")
    people: RulePeople | None = None
    undo_s: int | None = Field(
        None,
        ge=0,
        le=UNDO_MAX_S,
        description="seconds in which a newer version replaces it; None: the setting's",
    )


class Lookup(Value):
    """A GET request for data that a payload leaves out; rules read its response as `event.lookup.NAME`."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,19}$")
    connection: str = Field(max_length=40, description="name of the operator's connection")
    path: str = Field(max_length=500, description="with plain ids of the payload in {{ }}")
    when: str = Field("true", max_length=SOURCE_MAX, description="expression: whether this payload needs it")


class Reconciling(Value):
    """How to ask the system of record for deliveries that were missed."""

    connection: str = Field(max_length=40)
    path: str = Field(max_length=500)
    each: str = Field(max_length=SOURCE_MAX, description="expression for the list in the answer")
    payload: Mapping[str, str] = Field(
        max_length=20, description="name → template: each `item` as the sender would have posted it"
    )
