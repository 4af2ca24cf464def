"""Triggers are made as drafts, given secrets, made live by the operator, and stopped."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

from pydantic import Field

from engine.commands.agents.keys import stored_key, unknown_key
from engine.commands.base import Command, Done, Work
from engine.model.keys import Key
from engine.model.rules import Lookup, Reconciling, Rule
from engine.model.triggers import SECRETS_MAX, Proof, Sender, Trigger
from engine.model.verbs import Verb
from engine.refusals import Code, Refused
from engine.rules.admission import admit
from engine.rules.lookups import admit_lookups

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_SECRET_MIN, _SECRET_MAX = 8, 500
_OURS = {
    Sender.BEARER,
    Sender.HMAC,
    Sender.STANDARD,
    Sender.PIPEDRIVE,
    Sender.SALESFORCE_FLOW,
    Sender.SALESFORCE_MESSAGE,
}
"""Senders that take a secret which we choose; the others choose it."""


class TriggerDone(Done):
    """A trigger; `secret` is shown once, where we have chosen it."""

    trigger: Trigger
    secret: str = Field("", repr=False)


class CreateTrigger(Command[TriggerDone]):
    """Make a trigger as a draft: its hook keeps what is delivered, and nothing is done until it is made live."""

    name: str = Field(max_length=200)
    proof: Proof
    rules: tuple[Rule, ...]
    key: str = Field("", max_length=40, description="id of the key that it acts as; empty: the one that asks")
    starting_minutes: int = Field(1_440, ge=0, le=10_080)
    lookups: tuple[Lookup, ...] = Field((), description="the operator's: connections have credentials")
    reconciling: Reconciling | None = None
    sample: Any = Field(None, exclude=True, description="a payload to try the rules on")

    async def carry_out(self, work: Work) -> TriggerDone:
        """Raises Refused: NOT_ALLOWED, INVALID_ARGUMENT, INVALID_RULE, TOO_COSTLY, UNKNOWN_KEY, TRIGGER_STATE."""
        work.require(Verb.TRIGGER)
        if not _NAME.fullmatch(self.name):
            raise Refused(
                Code.INVALID_ARGUMENT,
                "A trigger's name is part of its address: up to 40 lower-case letters, digits and hyphens.",
                "Call it crm-deals, for example.",
            )
        if self.proof.sender is Sender.SALESFORCE_MESSAGE and not self.proof.organization:
            raise Refused(
                Code.INVALID_ARGUMENT,
                "The organization's id, which identifies its outbound messages, is missing.",
            )
        admit(self.rules, self.sample)
        if self.lookups or self.reconciling:
            _refuse_agents(work)
            admit_lookups(self.lookups, self.reconciling)
        key = await self._key(work)
        old = await work.unit.trigger_named(self.name)
        return await self._changed(work, old, key) if old else await self._made(work, key)

    async def _key(self, work: Work) -> Key:
        if work.actor.by_key and self.key not in {"", work.actor.key}:
            raise Refused(Code.NOT_ALLOWED, "A key can only make triggers that act with it.")
        name = self.key or work.actor.key
        if not name:
            raise Refused(Code.INVALID_ARGUMENT, "A trigger acts with a key, and none is named.")
        key = await stored_key(work, name)
        if not work.actor.owns(key.address):
            raise unknown_key(name)
        return key

    async def _made(self, work: Work, key: Key) -> TriggerDone:
        secret = _chosen(work, self.proof)
        trigger = Trigger(
            id=work.randomness.word(12),
            name=self.name,
            organizer=key.address,
            key=key.id,
            proof=self.proof,
            secrets=(secret,) if secret else (),
            rules=self.rules,
            created=work.now,
            starting_minutes=self.starting_minutes,
            lookups=self.lookups,
            reconciling=self.reconciling,
        )
        await work.unit.add_trigger(trigger)
        return TriggerDone(trigger=trigger, secret=secret)

    async def _changed(self, work: Work, old: Trigger, key: Key) -> TriggerDone:
        """New rules for a draft of one's own; its hook and secrets stay, or get their first one."""
        if not work.actor.everywhere and (old.key != work.actor.key or old.live):
            raise Refused(
                Code.TRIGGER_STATE,
                "A trigger of this name already exists, and is live or belongs to another key.",
                "Use another name.",
            )
        values = {
            "rules": self.rules,
            "proof": self.proof,
            "starting_minutes": self.starting_minutes,
            "lookups": self.lookups,
            "reconciling": self.reconciling,
            "key": key.id,
            "organizer": key.address,
            "live": False,
        }
        secret = "" if old.secrets else _chosen(work, self.proof)
        trigger = old.model_copy(update={**values, "secrets": (secret,) if secret else old.secrets})
        await work.unit.save_trigger(trigger)
        return TriggerDone(trigger=trigger, secret=secret)


def _chosen(work: Work, proof: Proof) -> str:
    """A new secret in the form that the sender takes; empty if the sender chooses."""
    word = work.randomness.word(40)
    if proof.sender is Sender.STANDARD:
        return f"whsec_{base64.b64encode(word.encode()).decode()}"
    if proof.sender is Sender.PIPEDRIVE:
        return f"cis:{word}"
    return word if proof.sender in _OURS else ""


class SetTriggerSecrets(Command[TriggerDone]):
    """Set the secrets that prove deliveries: the present one, and while it is being changed another."""

    name: str
    secrets: tuple[str, ...] = Field(repr=False)

    def committed(self) -> bytes:
        """The record does not commit to secrets."""
        return self.name.encode()

    async def carry_out(self, work: Work) -> TriggerDone:
        """Raises Refused: NOT_ALLOWED, UNKNOWN_TRIGGER, INVALID_ARGUMENT."""
        _refuse_agents(work)
        trigger = await named(work, self.name)
        if len(self.secrets) > SECRETS_MAX or not all(
            _SECRET_MIN <= len(one) <= _SECRET_MAX for one in self.secrets
        ):
            raise Refused(
                Code.INVALID_ARGUMENT,
                f"A hook has at most {SECRETS_MAX} secrets, each of {_SECRET_MIN} to {_SECRET_MAX} characters.",
            )
        trigger = trigger.model_copy(update={"secrets": self.secrets})
        await work.unit.save_trigger(trigger)
        return TriggerDone(trigger=trigger)


class SetTriggerLive(Command[TriggerDone]):
    """Make a trigger live, or stop it; what was stopped for a reason begins anew."""

    name: str
    live: bool
    rules: str = Field("", max_length=64, description="`digest` of what is made live; a key must name it")

    async def carry_out(self, work: Work) -> TriggerDone:
        """Raises Refused: NOT_ALLOWED, UNKNOWN_TRIGGER, TRIGGER_STATE. A key's waits for its owner's yes."""
        trigger = await named(work, self.name)
        if self.live:
            if not work.actor.everywhere:
                self._refuse_other(work, trigger)
            if trigger.proof.sender is Sender.EVENTS:
                # One that is live already has yet to read what has just happened.
                goes_on = trigger.live and not trigger.stopped
                trigger = trigger if goes_on else await _from_now_on(work, trigger)
            elif not trigger.secrets:
                raise Refused(
                    Code.TRIGGER_STATE,
                    "It has no secret, so no delivery can be verified.",
                    "Set its secret first.",
                )
        else:
            work.require(Verb.TRIGGER)
        trigger = trigger.model_copy(update={"live": self.live, "stopped": ""})
        await work.unit.save_trigger(trigger)
        return TriggerDone(trigger=trigger)

    def _refuse_other(self, work: Work, trigger: Trigger) -> None:
        """A key makes live what acts as itself, and as it is: what is approved is what was proposed."""
        work.require(Verb.TRIGGER)
        if trigger.key != work.actor.key:
            raise Refused(Code.NOT_ALLOWED, "It acts with another key.")
        if self.rules != digest(trigger):
            raise Refused(
                Code.TRIGGER_STATE, "Its rules have changed since it was proposed.", "Propose it again."
            )


async def _from_now_on(work: Work, trigger: Trigger) -> Trigger:
    """A trigger that starts from what happens here, from this moment on."""
    cursor = (await work.unit.changes_after(None, None, 1, ())).cursor
    return trigger.model_copy(update={"cursor": cursor, "looked": work.now})


def digest(trigger: Trigger) -> str:
    """SHA-256, hex, of what a trigger does, and as whom."""
    said = trigger.model_dump_json(include={"id", "key", "proof", "rules", "starting_minutes", "lookups"})
    return hashlib.sha256(said.encode()).hexdigest()


def _refuse_agents(work: Work) -> None:
    """A rule is standing authority: a key proposes it, and a person makes it live."""
    if not work.actor.everywhere:
        raise Refused(Code.NOT_ALLOWED, "Only the operator at the machine may do that.")


async def named(work: Work, name: str) -> Trigger:
    """The caller's trigger with this name. Raises Refused: UNKNOWN_TRIGGER."""
    trigger = await work.unit.trigger_named(name)
    if trigger is None or not work.actor.owns(trigger.organizer):
        raise unknown_trigger(name)
    return trigger


def refuse_other_key(work: Work, trigger: Trigger) -> None:
    """Refuse a key whose trigger acts with another one: none has another's authority carry something out."""
    if work.actor.by_key and trigger.key != work.actor.key:
        raise Refused(Code.NOT_ALLOWED, "It acts with another key.", "Only that key may do this.")


def unknown_trigger(name: str) -> Refused:
    """The refusal of a name that no trigger of the caller has (UNKNOWN_TRIGGER)."""
    return Refused(Code.UNKNOWN_TRIGGER, f"No trigger has the name “{name[:60]}”.")
