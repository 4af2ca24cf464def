"""Keys of agents, and what a key may do now: within its own bounds and those of every key above it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Literal

from pydantic import Field

from engine.model.actors import Actor
from engine.model.addresses import Patterns, canonical, host_matches, patterns_of
from engine.model.base import Value
from engine.model.bounds import Approval, Bounds, Mode, least
from engine.model.links import hosts, outside
from engine.model.verbs import Verb, verbs_of

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
DEPTH_MAX = 3
"""Keys above one another, the first among them."""
TIERS = ("core", "extended", "operator")
"""Tiers of tools, each with those of the ones before."""


class Key(Value):
    """An agent's key as stored: its hash, the address it acts for, what it may do."""

    id: str
    name: str
    address: str
    scopes: frozenset[str] = Field(description="verbs, and of older keys the scopes that stand for several")
    digest: str = Field(description="SHA-256 of the key, hex")
    subject: str = Field(
        "", description="OAuth subject whose tokens these bounds are for; empty: it has a secret"
    )
    created: datetime
    revoked: datetime | None = None
    tier: Literal["", "core", "extended", "operator"] = Field("", description="empty: what the server has")
    tools: tuple[str, ...] = Field((), description="only these; empty: all of the tier")
    read_only: bool = False
    bounds: Bounds | None = Field(None, description="None: made before there were bounds, and unbounded")
    above: tuple[str, ...] = Field(
        (), description="ids of the keys under which it was made, the nearest last"
    )
    expires: datetime | None = Field(None, description="from then on it lets nobody in")
    stopped: datetime | None = Field(
        None, description="until it is resumed it changes nothing, and its mail waits"
    )
    stopped_by: str = Field("", description="who stopped it: local, owner or agent; empty: not told")
    probation: datetime | None = Field(None, description="until then what it asks waits for a yes")

    @property
    def chain(self) -> tuple[str, ...]:
        """The ids of the keys above it and its own, which is the last."""
        return (*self.above, self.id)

    @property
    def api(self) -> Literal["", "standard", "admin"]:
        """Which of the reference API's keys it is; empty: none of them."""
        if "api:admin" in self.scopes:
            return "admin"
        return "standard" if "api:standard" in self.scopes else ""

    @property
    def actor(self) -> Actor:
        """The actor that the key authenticates."""
        attended = self.bounds is not None and self.bounds.attended
        own = {"scopes": self.scopes, "key": self.id, "chain": self.chain, "attended": attended}
        return Actor(kind="agent", address=self.address, **own)

    @property
    def owner(self) -> str:
        """Who answers for it; empty: the operator."""
        return self.bounds.owner if self.bounds else ""

    @property
    def ends(self) -> datetime | None:
        """When it ends or ended: as it expires, or was revoked before that; None: never."""
        return min((at for at in (self.revoked, self.expires) if at), default=None)

    def ended(self, now: datetime) -> bool:
        """True once it is revoked or has expired."""
        return self.revoked is not None or (self.expires is not None and self.expires <= now)


@dataclass(frozen=True)
class Standing:
    """The keys whose bounds hold for a request or a message, as they are now; the one that acts is the last.

    What it may do is what all of them allow. `lists`: addresses of the lists that bounds name, by name.
    """

    keys: tuple[Key, ...]
    lists: Mapping[str, tuple[str, ...]]
    unkeyed: tuple[Key, ...] = ()
    """Mail of an address whose keys are these, none of them live: all that it asks waits for a yes."""

    @cached_property
    def bounds(self) -> list[Bounds]:
        """The bounds of those keys that have bounds."""
        return [key.bounds for key in self.keys if key.bounds]

    @cached_property
    def bounded(self) -> bool:
        """False if all these keys were made before there were bounds."""
        return bool(self.bounds or self.unkeyed)

    @property
    def verbs(self) -> frozenset[Verb]:
        """The verbs that all of them have."""
        found = frozenset(Verb)
        for key in self.keys:
            found &= verbs_of(key.scopes)
        return found

    def may_mail(self, address: str) -> bool:
        """True if all of them may mail `address`."""
        if not self._recipients:
            return True
        found = canonical(address)
        for to, not_to in self._recipients:
            if to is not None and (found is None or not to.name(*found)):
                return False
            if found is not None and not_to.name(*found):
                return False
        return True

    def denies(self, address: str) -> bool:
        """True if one of them may not mail `address` by its `not_to`."""
        found = canonical(address)
        return found is not None and any(not_to.name(*found) for _, not_to in self._recipients)

    @cached_property
    def _recipients(self) -> list[tuple[Patterns | None, Patterns]]:
        """Whom each key may and may not mail."""
        return [
            (None if one.to is None else self._named(one.to), self._named(one.not_to)) for one in self.bounds
        ]

    def _named(self, patterns: Sequence[str]) -> Patterns:
        """The patterns, with those of the lists that they name; a list that is not there is empty."""
        named = [self.lists.get(one[1:], ()) if one.startswith("@") else (one,) for one in patterns]
        return patterns_of(tuple(one for group in named for one in group))

    def outside_links(self, text: str) -> str:
        """The first host in `text` to which one of them may not link; empty if there is none."""
        return next((host for own in self.links if (host := outside(text, own))), "")

    def all_outside(self, text: str) -> tuple[str, ...]:
        """All hosts in `text` to which one of them may not link."""
        found = (host for host in hosts(text) if any(not host_matches(own, host) for own in self.links))
        return tuple(dict.fromkeys(found))

    def unasked(self) -> Standing:
        """These keys, each that has links wait for a yes linking only to the hosts that it names."""
        if Approval.LINKS not in self.approval:
            return self
        return replace(self, keys=tuple(map(_unasked, self.keys)))

    def linking(self, besides: Sequence[str]) -> Standing:
        """These keys, once a person has also allowed links to these hosts."""
        return replace(self, keys=tuple(_linking(key, besides) for key in self.keys)) if besides else self

    @cached_property
    def links(self) -> tuple[tuple[str, ...], ...]:
        """For each key whose links are limited, the hosts to which it may link."""
        return tuple(one.links for one in self.bounds if one.links is not None)

    @cached_property
    def bounds_links(self) -> bool:
        """True if one of them may not link everywhere."""
        return any(one.links is not None for one in self.bounds)

    def limit(self, name: str) -> int:
        """The narrowest of the limits with this name of `Bounds`; 0: no limit."""
        return least([getattr(one, name) for one in self.bounds])

    def mode(self, now: datetime) -> Mode:
        """The strictest mode, one on probation being `hold`."""
        if self.unkeyed:
            return Mode.HOLD
        modes = {Mode.HOLD if _on_probation(key, now) else key.bounds.mode for key in self.keys if key.bounds}
        return next((mode for mode in (Mode.HOLD, Mode.ACT, Mode.OBSERVE) if mode in modes), Mode.ACT)

    def in_force(self, now: datetime) -> Standing:
        """These keys with the bounds that are enforced, not only observed."""
        if not self.bounded or self.mode(now) is not Mode.OBSERVE:
            return self
        return Standing(tuple(key.model_copy(update={"bounds": None}) for key in self.keys), self.lists)

    @property
    def approval(self) -> frozenset[Approval]:
        """Everything for which one of them needs approval."""
        return frozenset(one for bounds in self.bounds for one in bounds.approval)

    @property
    def attended(self) -> bool:
        """True if all of them accept an approval that is given at the client."""
        return bool(self.bounds) and all(one.attended for one in self.bounds)

    @property
    def owner(self) -> str:
        """Who answers for what is asked: the owner of the first key; empty: the operator."""
        of_keys = (one.owner for one in self.bounds if one.owner)
        return next(of_keys, next((key.owner for key in self.unkeyed if key.owner), ""))

    def ended(self, now: datetime) -> bool:
        """True if one of them is revoked or has expired."""
        return self._end is not None and self._end <= now

    @cached_property
    def _end(self) -> datetime | None:
        """When the first of them ends; a key that was revoked has ended, whatever the clock says."""
        ends = [_LONG_AGO if key.revoked else key.expires for key in self.keys]
        return min((end for end in ends if end), default=None)

    @cached_property
    def stopped(self) -> bool:
        """True while one of them is stopped."""
        return any(key.stopped for key in self.keys)

    def opens(self, now: datetime) -> datetime:
        """When mail may leave by the hours of all of them; `now` if it may already."""
        return max((one.opens(now) for one in self._with_hours), default=now) if self._with_hours else now

    @cached_property
    def _with_hours(self) -> list[Bounds]:
        return [one for one in self.bounds if one.hours]


def _unasked(key: Key) -> Key:
    if key.bounds is None or key.bounds.links is not None or Approval.LINKS not in key.bounds.approval:
        return key
    return key.model_copy(update={"bounds": key.bounds.model_copy(update={"links": ()})})


def _linking(key: Key, besides: Sequence[str]) -> Key:
    if key.bounds is None or key.bounds.links is None:
        return key
    wider = key.bounds.model_copy(update={"links": (*key.bounds.links, *besides)})
    return key.model_copy(update={"bounds": wider})


def _on_probation(key: Key, now: datetime) -> bool:
    if key.probation is None or key.bounds is None:
        return False
    return now < key.probation or not key.bounds.probation_ends


UNBOUNDED = Standing((), {})
"""What holds for whoever acts without a key."""
