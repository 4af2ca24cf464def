"""Which tools a caller may see and call: by the server's selection, its key's selection, and its key's scopes."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, replace

from cis_mcp.auth.callers import Caller
from cis_mcp.mcp.listed import LISTED, TIERS, Listed, Tier
from engine.model.actors import Actor
from engine.refusals import Code, Refused

RENAMED = {
    "explain_send": "get_attendee",
    "list_proposals": "get_event",
    "accept_proposal": "answer_proposal",
    "decline_proposal": "answer_proposal",
}
"""Former tools, and what replaces them."""
_SLIP = 0.8
"""The similarity required to suggest a tool that changes something."""
_NAME_MAX = 60
"""The most characters of a misspelled name for which tools are suggested."""


@dataclass(frozen=True)
class Selection:
    """A selection of tools: those of a tier, or those that are named; without the excluded ones and, if
    `read_only`, without those that change something."""

    tier: Tier = "core"
    tools: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    read_only: bool = False

    @classmethod
    def of(cls, tier: Tier, tools: str = "", exclude: str = "", *, read_only: bool = False) -> Selection:
        """A selection from comma-separated names; raises Refused(INVALID_ARGUMENT) for a name that no tool has."""
        return cls(tier, names_in(tools), names_in(exclude), read_only)

    def has(self, tool: Listed, *, bounded: bool = False) -> bool:
        """True if `tool` is selected; `bounded`: for a caller whose key has bounds."""
        named = tool.name in self.tools if self.tools else TIERS.index(tool.tier) <= TIERS.index(self.tier)
        named = named or (bounded and tool.beside and not self.tools)
        return named and tool.name not in self.exclude and (tool.read_only or not self.read_only)

    def tier_with(self, tool: Listed) -> Tier | None:
        """The first tier in which this selection would include `tool`; None if it includes or excludes it."""
        if self.has(tool):
            return None
        return next((tier for tier in TIERS if replace(self, tier=tier).has(tool)), None)

    @property
    def listed(self) -> list[Listed]:
        """The selected tools, in the order of listing."""
        return [tool for tool in LISTED.values() if self.has(tool)]

    @property
    def served(self) -> list[Listed]:
        """The selected tools, and those that only callers whose key has bounds see."""
        return [tool for tool in LISTED.values() if self.has(tool, bounded=True)]


CORE = Selection()
EVERYTHING = Selection(tier="operator")


def granted(caller: Caller) -> Selection:
    """The tools that the key of `caller` may use."""
    return Selection(tier=caller.tier or EVERYTHING.tier, tools=caller.tools, read_only=caller.read_only)


def allowed(tool: Listed, selection: Selection, actor: Actor) -> bool:
    """True if `actor` may use `tool`: it is selected, and an agent's key has the scope that it needs."""
    open_to = actor.everywhere or tool.open_to(actor.verbs, attended=actor.attended)
    return open_to and selection.has(tool, bounded=bool(actor.chain))


def permitted(tool: Listed, served: Selection, key: Selection, actor: Actor) -> bool:
    """True if a server that has the tools `served` shows `tool` to `actor`, whose key may use those of `key`."""
    return served.has(tool, bounded=bool(actor.chain)) and allowed(tool, key, actor)


def names_in(text: str) -> tuple[str, ...]:
    """The tools of a comma-separated list; raises Refused(INVALID_ARGUMENT) for a name that no tool has."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    for name in names:
        if name not in LISTED:
            raise Refused(Code.INVALID_ARGUMENT, f"There is no tool “{name[:60]}”.", nearest(name, LISTED))
    return names


def _harmless(name: str) -> bool:
    return name in LISTED and LISTED[name].read_only


def _near(name: str, other: str) -> bool:
    """True for a mere misspelling, so that a call of create_page does not get create_event suggested."""
    return difflib.SequenceMatcher(None, name, other).ratio() >= _SLIP


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence on the tool that `name` may mean."""
    known = list(known)
    near = name.lower().replace("-", "_") if len(name) <= _NAME_MAX else ""
    close = difflib.get_close_matches(near, known, n=3, cutoff=0.5) if near else []
    close = [each for each in close if _harmless(each) or _near(near, each)]
    if close:
        return f"Did you mean {' or '.join(close)}?"
    return f"There are: {', '.join(known)}." if known else ""
