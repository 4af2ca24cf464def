"""The tools as they are listed, from opening.json: nothing of a tool is imported until it is called."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from engine.model.verbs import Verb

Tier = Literal["core", "extended", "operator"]
TIERS: tuple[Tier, ...] = ("core", "extended", "operator")
"""Every model that connects reads all tools of its tier, so the core stays small; each tier holds the one before."""


@dataclass(frozen=True, eq=False)
class Listed:
    """A tool as its `Spec` says, with the first tier that has it; `module` defines it, `shown` is what clients see."""

    name: str
    tier: Tier
    module: str
    verbs: frozenset[Verb]
    acting: bool
    beside: bool
    attended: bool
    shown: Mapping[str, Any]

    @classmethod
    def of(cls, one: Mapping[str, Any]) -> Listed:
        """The tool of a line of opening.json."""
        verbs = frozenset(map(Verb, one["verbs"]))
        flags = {name: bool(one[name]) for name in ("acting", "beside", "attended")}
        return cls(one["tool"]["name"], one["tier"], one["module"], verbs, shown=one["tool"], **flags)

    @property
    def read_only(self) -> bool:
        """True if it changes nothing."""
        return self.shown["annotations"]["readOnlyHint"] is True

    def open_to(self, verbs: frozenset[Verb], *, attended: bool = False) -> bool:
        """True if a key with these verbs may use it."""
        if attended and self.attended:
            return True
        acts = not self.acting or bool(verbs - {Verb.READ, Verb.REPORT})
        return acts and self.verbs <= verbs


@cache
def opening() -> dict[str, Any]:
    """What a client is answered first, as it was written down when the program was built (`make docs`)."""
    made: dict[str, Any] = json.loads(Path(__file__).with_name("opening.json").read_bytes())
    return made


LISTED: dict[str, Listed] = {one.name: one for one in map(Listed.of, opening()["tools"])}
"""Every tool by its name, in the order in which they are listed."""
