"""Fields and results about triggers, the same in every face."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from cis_mcp.views.base import Data
from cis_mcp.views.triggers import DeliveryInfo, Trial, TriggerInfo
from engine.commands.triggers.triggers import CreateTrigger
from engine.model.triggers import HmacForm, Proof, Sender
from engine.rules.reading import rules_of
from engine.triggers import asking

RULES_MAX = 50_000


class TriggerFields(BaseModel):
    """A trigger to be proposed."""

    name: str = Field(
        description="lower-case letters, digits and hyphens; the hook is /hooks/{name}",
        max_length=200,
        examples=["crm-deals"],
    )
    sender: Sender = Field(
        description="whose signature the hook expects; hmac and bearer fit any sender; events: what happens on this "
        "server"
    )
    rules: str = Field(
        description="YAML: one rule, or up to 10, of which the first whose `when` is true applies. Fields: when, do "
        "(invite, update, cancel, remind, forget, nothing), object, version, uid, set, "
        "people {each, email, name, fields, others}, undo_s",
        max_length=RULES_MAX,
        examples=[
            'when: event.stage == "demo"\ndo: invite\nobject: "deal:{{ event.id }}"\nversion: event.updated_at\n'
            'set: {summary: "Demo: {{ event.title }}", start: "{{ event.start }}", duration_minutes: "45"}\n'
            'people: {each: event.people, email: "{{ item.email }}"}'
        ],
    )
    key: str = Field("", description="id of the key that it acts with; empty: yours", max_length=40)
    header: str = Field(
        "", description="for salesforce-flow and bearer: the header that carries the secret", max_length=100
    )
    organization: str = Field("", description="for salesforce-message: the organization's id", max_length=40)
    form: HmacForm | None = Field(None, description="for hmac: where the signature is and what it covers")
    starting_minutes: int = Field(
        1_440,
        ge=0,
        le=10_080,
        description="for events: how long before its start an event counts as starting",
    )
    sample: dict[str, Any] | None = Field(None, description="a payload to try the rules on")


class TrialFields(BaseModel):
    """Rules to be tried, and on what."""

    rules: str | None = Field(
        None, description="YAML to try; default: the trigger's own rules", max_length=RULES_MAX
    )
    body: dict[str, Any] | None = Field(None, description="a payload; default: the newest deliveries")
    limit: int = Field(10, ge=1, le=asking.TRIED_MAX, description="how many deliveries")


class FiringFields(BaseModel):
    """A payload, as the trigger's sender would post it."""

    payload: dict[str, Any] = Field(description="as its sender would post it")
    delivery_id: str = Field(
        "", description="id by which a repetition is recognized; empty: the payload itself", max_length=190
    )


class ProposedTrigger(Data):
    """A trigger that is a draft."""

    trigger: TriggerInfo
    secret: str = Field(description="for the sender, shown only once; empty: the sender chooses it")


class TriggerList(Data):
    """Triggers by name."""

    triggers: list[TriggerInfo]
    next_cursor: str | None


class Trials(Data):
    """What rules would do; nothing was done."""

    tried: list[Trial]


class DeliveryList(Data):
    """Deliveries, newest first."""

    deliveries: list[DeliveryInfo]
    next_cursor: str | None


def proposed(asked: TriggerFields) -> CreateTrigger:
    """The command that proposes a trigger. Raises Refused: INVALID_RULE, TOO_LARGE."""
    form = asked.form or HmacForm()
    proof = Proof(sender=asked.sender, header=asked.header, organization=asked.organization, form=form)
    return CreateTrigger(
        name=asked.name,
        proof=proof,
        rules=rules_of(asked.rules),
        key=asked.key,
        starting_minutes=asked.starting_minutes,
        sample=asked.sample,
    )
