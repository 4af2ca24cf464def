"""Which tools a caller may see and call: by the server's selection, by its key's, and by what its key may do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from cis_mcp.auth.callers import Caller
from cis_mcp.mcp.tools.base import Spec
from cis_mcp.mcp.tools.catalog import EVERY, SPECS, Tier
from engine.model.actors import Actor
from engine.refusals import Code, Refused

_NAMES = {tier: frozenset(spec.name for spec in specs) for tier, specs in SPECS.items()}
_SLIP = 0.8
"""How alike a name has to be to that of a tool that changes something."""
_NAME_MAX = 60
"""Characters of a name that may have been meant to be one of ours."""


@dataclass(frozen=True)
class Selection:
    """Some of the tools: those of a tier, or those that are named; without the excluded ones and, where
    `read_only`, without all that change something."""

    tier: Tier = "core"
    tools: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    read_only: bool = False

    @classmethod
    def of(cls, tier: Tier, tools: str = "", exclude: str = "", *, read_only: bool = False) -> Selection:
        """A selection from comma-separated names; raises Refused(INVALID_ARGUMENT) for a name that no tool has."""
        return cls(tier, names_in(tools), names_in(exclude), read_only)

    def has(self, spec: Spec[Any], *, bounded: bool = False) -> bool:
        """True where `spec` is one of these; `bounded`: for a caller whose key has bounds."""
        named = spec.name in (self.tools or _NAMES[self.tier])
        named = named or (bounded and spec.beside and not self.tools)
        return (
            named
            and spec.name not in self.exclude
            and (spec.hints.read_only_hint is True or not self.read_only)
        )

    def tier_with(self, spec: Spec[Any]) -> Tier | None:
        """The first tier in which this selection would have `spec`; None if it has it, or leaves it out."""
        if self.has(spec):
            return None
        tiers = (tier for tier in SPECS if spec.name in _NAMES[tier])
        return next((tier for tier in tiers if replace(self, tier=tier).has(spec)), None)

    @property
    def specs(self) -> list[Spec[Any]]:
        """These tools, in the order in which they are listed."""
        return [spec for spec in EVERY.values() if self.has(spec)]

    @property
    def served(self) -> list[Spec[Any]]:
        """These tools, and those that only callers whose key has bounds see."""
        return [spec for spec in EVERY.values() if self.has(spec, bounded=True)]


EVERYTHING = Selection(tier="operator")


def granted(caller: Caller) -> Selection:
    """The tools that the key of `caller` may use."""
    return Selection(tier=caller.tier or EVERYTHING.tier, tools=caller.tools, read_only=caller.read_only)


def allowed(spec: Spec[Any], selection: Selection, actor: Actor) -> bool:
    """True where `actor` may use `spec`: it is selected, and an agent's key has the scope that it needs."""
    open_to = actor.everywhere or spec.open_to(actor.verbs, attended=actor.attended)
    return open_to and selection.has(spec, bounded=bool(actor.chain))


def names_in(text: str) -> tuple[str, ...]:
    """The tools of a comma-separated list; raises Refused(INVALID_ARGUMENT) for a name that no tool has."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    for name in names:
        if name not in EVERY:
            raise Refused(Code.INVALID_ARGUMENT, f"There is no tool “{name[:60]}”.", nearest(name, EVERY))
    return names


def _harmless(name: str) -> bool:
    return name in EVERY and bool(EVERY[name].hints.read_only_hint)


def _near(name: str, other: str) -> bool:
    """True for a slip of the pen: whoever wants create_page is not led to make an event."""
    return difflib.SequenceMatcher(None, name, other).ratio() >= _SLIP


def nearest(name: str, known: Iterable[str]) -> str:
    """What `name` may have been meant to be, in a sentence."""
    known = list(known)
    near = name.lower().replace("-", "_") if len(name) <= _NAME_MAX else ""
    close = difflib.get_close_matches(near, known, n=3, cutoff=0.5) if near else []
    close = [each for each in close if _harmless(each) or _near(near, each)]
    if close:
        return f"Did you mean {' or '.join(close)}?"
    return f"There are: {', '.join(known)}." if known else ""
