"""The tools as listed, read from opening.json, so that a tool's module is imported only when it is called."""

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
"""The tiers of tools, each including the one before; the core is small since every model reads all its tools."""


@dataclass(frozen=True, eq=False)
class Listed:
    """A tool by its `Spec`, with the first tier that has it; `module` defines it, `shown` is what clients see."""

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
        """The tool in an entry of opening.json."""
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
    """The first answers to a client, as generated when the program was built (`make docs`)."""
    made: dict[str, Any] = json.loads(Path(__file__).with_name("opening.json").read_bytes())
    return made


LISTED: dict[str, Listed] = {one.name: one for one in map(Listed.of, opening()["tools"])}
"""Every tool by name, in the order of listing."""
