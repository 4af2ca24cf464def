"""Make, change, stop, rotate and revoke agents' keys."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal

from pydantic import Field

from engine.commands import bulk_changes, text
from engine.commands.agents import narrowing
from engine.commands.agents.readable import read_by_a_key
from engine.commands.agents.standing import live
from engine.commands.base import Command, Done, Work
from engine.commands.operators.operators import may_administer, may_change_bounds
from engine.commands.repeating import conflict, digest_of, made_before, remember
from engine.model.bounds import Bounds
from engine.model.bulk_changes import BulkAction, BulkChange
from engine.model.keys import DEPTH_MAX, Key
from engine.model.verbs import NAMES, Verb, verbs_of
from engine.refusals import Code, Refused

KEY_PREFIX = "cis_"


class KeyDone(Done):
    """A key; `secret` is shown once, when it is made, and stored nowhere."""

    key: Key
    secret: str = ""


def digest(secret: str) -> str:
    """The hash that is stored of a key's secret, which has 200 random bits, so one SHA-256 is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def subject_digest(issuer: str, subject: str) -> str:
    """The value stored in place of a secret's hash for a subject of an OAuth issuer, who has no secret."""
    return f"oauth:{hashlib.sha256(repr((issuer, subject)).encode()).hexdigest()}"


class CreateKey(Command[KeyDone]):
    """Make a key with which an agent acts for one address, inside its bounds."""

    name: str
    address: str | None = None
    bounds: Bounds | None = Field(None, description="None: the bounds of a new key that names none")
    scopes: frozenset[str] | None = Field(
        None, description="verbs, or older scopes, in place of those of `bounds`"
    )
    under: str = Field(
        "", description="id of the key under which it is made; empty: the one that asks, if any"
    )
    oauth_issuer: str = Field(
        "", max_length=500, description="OAuth issuer of `subject`; empty: the key has a secret"
    )
    oauth_subject: str = Field(
        "", max_length=500, description="`sub` of the tokens for which these bounds hold"
    )
    tier: Literal["", "core", "extended", "operator"] = ""
    tools: tuple[str, ...] = ()
    read_only: bool = False
    api: Literal["", "standard", "admin"] = Field(
        "", description="a key of the reference API: for all organizers, on its paths alone"
    )
    idempotency_key: str | None = Field(None, max_length=200)

    async def carry_out(self, work: Work) -> KeyDone:
        """Raises Refused: NOT_ALLOWED, INVALID_ADDRESS, INVALID_ARGUMENT, UNKNOWN_KEY, OUT_OF_BOUNDS,
        IDEMPOTENCY_CONFLICT."""
        parent = await self._parent(work)
        if before := await made_before(work, self.idempotency_key, digest_of(self)):
            return KeyDone(key=await self._again(work, before, parent))
        if self.api and (parent or self.oauth_subject or self.scopes is not None):
            raise Refused(
                Code.INVALID_ARGUMENT,
                "A key of the reference API has no parent and no scopes of its own.",
                "Give only its name, its kind and its bounds.",
            )
        address = await self._address(work, parent)
        bounds = await self._bounds(work, parent, address)
        secret = "" if self.oauth_subject else KEY_PREFIX + work.randomness.word(40)
        key = Key(
            id=work.randomness.word(10),
            name=text.name(self.name),
            address=address,
            scopes=frozenset({f"api:{self.api}"}) if self.api else frozenset(bounds.verbs),
            digest=digest(secret) if secret else subject_digest(self.oauth_issuer, self.oauth_subject),
            subject=self.oauth_subject,
            created=work.now,
            **self._face(parent),
            bounds=bounds,
            above=parent.chain if parent else (),
            expires=_ends(bounds, work.now, parent),
            probation=work.now + timedelta(days=bounds.probation_days) if bounds.probation_days else None,
        )
        if parent:
            narrowing.refuse_other_tools(key, parent)
            narrowing.refuse_wider(key, parent)
        if work.actor.key:
            narrowing.refuse_beyond(key, work.bounds, work.verbs)
        if self.oauth_subject:
            await self._replace_revoked(work, key)
        await work.unit.add_key(key)
        await remember(work, self.idempotency_key, digest_of(self), key.id)
        return KeyDone(key=key, secret=secret)

    async def _again(self, work: Work, key_id: str, parent: Key | None) -> Key:
        """The key that the first request made; that of another key is none of its business."""
        key = await stored_key(work, key_id)
        if key.above != (parent.chain if parent else ()):
            raise conflict("another key")
        return key

    def _face(self, parent: Key | None) -> dict[str, Any]:
        """Which tools it may use: where that is not said, those of the key above."""
        return {
            "tier": self.tier or (parent.tier if parent else ""),
            "tools": self.tools or (parent.tools if parent else ()),
            "read_only": self.read_only or bool(parent and parent.read_only),
        }

    async def _replace_revoked(self, work: Work, key: Key) -> None:
        """Bounds of a subject that were revoked make room for new ones; others are changed."""
        before = await work.unit.key_with(key.digest)
        if before and before.revoked is None:
            raise Refused(Code.INVALID_ARGUMENT, "This subject already has bounds.", "Change those.")
        if before:
            # They stay in the list, under a hash that no token has.
            await work.unit.save_key(before.model_copy(update={"digest": f"{before.digest}:{before.id}"}))

    async def _parent(self, work: Work) -> Key | None:
        """The key under which this one is made: another than its own only the operator may name."""
        own = work.actor.key
        if not own and not work.actor.everywhere:
            raise Refused(Code.NOT_ALLOWED, "Only the operator at the machine may do that.")
        if own:
            work.require(Verb.DELEGATE)
        name = self.under or own
        if not name:
            return None
        if own and name != own:
            raise Refused(Code.NOT_ALLOWED, "A key can only make keys under itself.")
        parent = await stored_key(work, name)
        if not await live(work.unit, [parent], work.now):
            raise Refused(Code.NOT_ALLOWED, "The key above has ended.")
        if len(parent.chain) >= DEPTH_MAX:
            raise Refused(Code.OUT_OF_BOUNDS, f"Keys can be nested at most {DEPTH_MAX} deep.", bound="depth")
        return parent

    async def _address(self, work: Work, parent: Key | None) -> str:
        """Whom it acts for: a key under another acts for the same address."""
        if self.address and self.address.startswith("@"):
            return self._domain(self.address, parent)
        address = text.address(self.address or (parent.address if parent else work.settings.local_organizer))
        if parent and address != parent.address:
            raise Refused(Code.NOT_ALLOWED, "A key under another must act for the same address.")
        return address

    def _domain(self, owner: str, parent: Key | None) -> str:
        """The owner of a domain, as `@example.com`: sees all organizers there, and changes nothing."""
        domain = text.address(f"postmaster{owner}").rpartition("@")[2]
        verbs = _verbs(self.scopes) if self.scopes is not None else (self.bounds or Bounds()).verbs
        if parent or self.api or not frozenset(verbs) <= narrowing.OF_DOMAIN:
            raise narrowing.beyond_domain(domain)
        return f"@{domain}"

    async def _bounds(self, work: Work, parent: Key | None, address: str) -> Bounds:
        bounds = _under(parent, self.bounds) if parent else self.bounds or Bounds()
        if self.scopes is not None:
            bounds = bounds.model_copy(update={"verbs": _verbs(self.scopes)})
        elif work.actor.key and "verbs" not in (self.bounds or Bounds()).model_fields_set:
            # A token with fewer scopes than its bounds has verbs gives on what it has.
            bounds = bounds.model_copy(update={"verbs": bounds.verbs & work.verbs})
        if not bounds.owner:
            bounds = bounds.model_copy(update={"owner": parent.owner if parent else work.settings.owner})
        return await _owned(work, bounds, "" if self.api else address)


def _under(parent: Key, given: Bounds | None) -> Bounds:
    """The bounds of a key under another: what is not given is as above; it ends with that."""
    above = (parent.bounds or Bounds()).model_dump(exclude={"expires_days"})
    return Bounds.model_validate({**above, **(given.model_dump(exclude_unset=True) if given else {})})


def _ends(bounds: Bounds, now: datetime, parent: Key | None) -> datetime | None:
    """When it ends: by itself, and where its bounds do not say, no later than the key above."""
    own = now + timedelta(days=bounds.expires_days) if bounds.expires_days else None
    return own if "expires_days" in bounds.model_fields_set else _within(own, parent)


def _within(own: datetime | None, parent: Key | None) -> datetime | None:
    """An end, or that of the key above if it is earlier; None: never."""
    if parent is None or parent.expires is None:
        return own
    return min(own, parent.expires) if own else parent.expires


def _until(key: Key, bounds: Bounds, name: Literal["expires", "probation"], now: datetime) -> datetime | None:
    """When a key or its probation ends under other bounds: when it did, if they say as many days as before.

    The days of a key that had no bounds begin now: counted from its making they may be over.
    """
    days: int = getattr(bounds, f"{name}_days")
    if key.bounds and getattr(key.bounds, f"{name}_days") == days:
        return key.expires if name == "expires" else key.probation
    since = key.created if key.bounds else now
    return since + timedelta(days=days) if days else None


def _verbs(scopes: frozenset[str]) -> frozenset[Verb]:
    unknown = scopes - NAMES
    if unknown or not scopes:
        raise Refused(
            Code.INVALID_ARGUMENT,
            f"Unknown scopes: {', '.join(sorted(unknown)) or 'none given'}.",
            f"Choose from {', '.join(sorted(NAMES))}.",
        )
    return verbs_of(scopes)


async def _owned(work: Work, bounds: Bounds, address: str) -> Bounds:
    """`bounds` of a key for `address`, the owner's in order; Refused(INVALID_ARGUMENT) if a key reads the owner's mail.

    A key that has ended reads nothing, nor does one of the reference API, for which `address` is empty.
    """
    if not bounds.owner:
        return bounds
    owner = text.address(bounds.owner)
    if owner == address or work.settings.is_own_mailbox(owner) or await read_by_a_key(work, owner):
        raise Refused(
            Code.INVALID_ARGUMENT,
            "An owner must be a person; this is an address of the server or one that a key acts for.",
            "Name an address that no agent reads.",
        )
    return bounds.model_copy(update={"owner": owner})


class ChangeKey(Command[KeyDone]):
    """Change the bounds of a key; they apply to its queued mail from the next claim on."""

    key_id: str
    bounds: Bounds

    async def carry_out(self, work: Work) -> KeyDone:
        """Raises Refused: NOT_ALLOWED, UNKNOWN_KEY, OUT_OF_BOUNDS, INVALID_ARGUMENT."""
        may_change_bounds(work.actor)
        key = await _unrevoked(work, self.key_id)
        narrowing.refuse_fixed(key, self.bounds)
        above = await stored_key(work, key.above[-1]) if key.above else None
        bounds = await _owned(work, self.bounds, "" if key.api else key.address)
        changed = key.model_copy(
            update={
                "bounds": bounds,
                "scopes": key.scopes if key.api else frozenset(bounds.verbs),
                "expires": _within(_until(key, bounds, "expires", work.now), above),
                "probation": _until(key, bounds, "probation", work.now),
            }
        )
        if above:
            narrowing.refuse_wider(changed, above)
        await work.unit.save_key(changed)
        await leave_earlier(work, key, changed)
        return KeyDone(key=changed)


async def leave_earlier(work: Work, before: Key, after: Key) -> None:
    """Let mail that waits for a key's hours leave earlier, if its hours now begin earlier."""
    until = before.bounds.opens(work.now) if before.bounds else work.now
    if until > work.now and (after.bounds is None or after.bounds.opens(work.now) < until):
        await bulk_changes.begin(work, BulkChange(action=BulkAction.DUE_NOW, key=after.id, due=until))


class StopKey(Command[KeyDone]):
    """Stop a key and those under it until it is resumed: it changes nothing, and what it owes waits."""

    free: ClassVar[bool] = True

    key_id: str
    stopped: bool = True

    async def carry_out(self, work: Work) -> KeyDone:
        """Raises Refused: NOT_ALLOWED, UNKNOWN_KEY."""
        key = await _governed(work, self.key_id)
        if bool(key.stopped) != self.stopped:
            if not self.stopped:
                _refuse_lifting(work, key)
            by = work.actor.kind if self.stopped else ""
            key = key.model_copy(update={"stopped": work.now if self.stopped else None, "stopped_by": by})
            await work.unit.save_key(key)
            if not self.stopped:
                released = BulkChange(action=BulkAction.RELEASE, key=key.id)
                await bulk_changes.begin(work, released)
        elif self.stopped and key.stopped_by == "agent" and not work.actor.by_key:
            # From now on a person's stop, which no key lifts.
            key = key.model_copy(update={"stopped_by": work.actor.kind})
            await work.unit.save_key(key)
        return KeyDone(key=key)


def _refuse_lifting(work: Work, key: Key) -> None:
    """A key lifts what a key stopped; what a person stopped, a person lifts."""
    if work.actor.by_key and key.stopped_by != "agent":
        raise Refused(
            Code.NOT_ALLOWED,
            "A person stopped this key, so no key can resume it.",
            "Its owner or the operator can.",
        )


class RotateKey(Command[KeyDone]):
    """Give a key a new secret; the old one stops working at once."""

    key_id: str

    async def carry_out(self, work: Work) -> KeyDone:
        """Raises Refused: NOT_ALLOWED, UNKNOWN_KEY."""
        may_change_bounds(work.actor)
        key = await _unrevoked(work, self.key_id)
        if key.subject:
            raise Refused(Code.NOT_ALLOWED, "An OAuth subject has only bounds and no secret.")
        secret = KEY_PREFIX + work.randomness.word(40)
        key = key.model_copy(update={"digest": digest(secret)})
        await work.unit.save_key(key)
        return KeyDone(key=key, secret=secret)


class RevokeKey(Command[KeyDone]):
    """End a key, and those under it, at once and for good; safe to repeat."""

    key_id: str

    async def carry_out(self, work: Work) -> KeyDone:
        """Raises Refused: NOT_ALLOWED, UNKNOWN_KEY."""
        key = await _governed(work, self.key_id)
        if key.revoked is None:
            key = key.model_copy(update={"revoked": work.now})
            await work.unit.save_key(key)
        return KeyDone(key=key)


async def _governed(work: Work, key_id: str) -> Key:
    """The key, where the actor may stop or end it: an operator, its owner, a key with `approve`, or one above it.

    Raises Refused: NOT_ALLOWED, UNKNOWN_KEY.
    """
    if work.actor.key:
        key = await work.unit.key(key_id)
        own = key is not None and work.actor.key in key.chain
        if key is None or not (own or (_may_stop(work) and key.address == work.actor.address)):
            may_administer(work.actor)
    elif work.actor.kind == "owner":
        await refuse_not_owner(work, key_id)
    else:
        may_administer(work.actor)
    return await stored_key(work, key_id)


async def refuse_not_owner(work: Work, key_id: str) -> None:
    """Refuse with UNKNOWN_KEY an owner of other keys, and one whose mail a key reads."""
    key = await work.unit.key(key_id)
    if key is None or key.owner != work.actor.address or await read_by_a_key(work, key.owner):
        raise unknown_key(key_id)


def _may_stop(work: Work) -> bool:
    return Verb.APPROVE in work.verbs


async def _unrevoked(work: Work, key_id: str) -> Key:
    """The key, unless it was revoked, which is for good. Raises Refused: UNKNOWN_KEY, NOT_ALLOWED."""
    key = await stored_key(work, key_id)
    if key.revoked is not None:
        raise Refused(Code.NOT_ALLOWED, "This key has ended.", "Make a new one.")
    return key


async def stored_key(work: Work, key_id: str) -> Key:
    """The key with this id. Raises Refused: UNKNOWN_KEY."""
    key = await work.unit.key(key_id)
    if key is None:
        raise unknown_key(key_id)
    return key


def unknown_key(key_id: str) -> Refused:
    """The refusal of an id that names no key of the caller's (UNKNOWN_KEY)."""
    return Refused(Code.UNKNOWN_KEY, f"No key has the id “{key_id[:40]}”.")
