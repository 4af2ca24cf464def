"""Values of rules: only JSON; a payload that is too large is cut first, and the cuts are recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.refusals import Code, Refused

STRING_MAX = 2_000
LIST_MAX = 200
KEYS_MAX = 200
DEPTH_MAX = 16
TEXT_MAX = 20_000
"""The most characters of a text that a rule makes."""
VALUES_MAX = 20_000
"""The most values in a payload."""


@dataclass(frozen=True)
class Missing:
    """A value that an expression did not find; only `default`, `is defined` and `is undefined` accept it."""

    what: str

    def refused(self) -> Refused:
        return Refused(Code.MISSING_FIELD, f"There is no {self.what} in the delivery.")


MISSING = Missing("value")


def look_up(value: Any, name: Any) -> Any:
    """The value of a name in a dict, or of an index in a list; never an attribute."""
    if isinstance(value, Missing):
        return value
    if isinstance(value, dict) and isinstance(name, str):
        return value[name] if name in value else Missing(f"“{name[:60]}”")
    if isinstance(value, list) and isinstance(name, int) and not isinstance(name, bool):
        return value[name] if -len(value) <= name < len(value) else Missing(f"item {name}")
    return Missing(f"“{str(name)[:60]}”")


def scalar_text(value: Any) -> str:
    """A text or number as text. Raises Refused: INVALID_RULE, MISSING_FIELD."""
    if isinstance(value, str):
        return value
    if isinstance(value, Missing):
        raise value.refused()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if value is None:
        raise Refused(Code.MISSING_FIELD, "A value is null where a text is needed; give a default.")
    raise Refused(Code.INVALID_RULE, f"{shown(value)} is not text.")


def shown(value: Any) -> str:
    """A value as shown in a sentence, without content that may be long."""
    match value:
        case Missing():
            return value.what
        case None:
            return "null"
        case dict():
            return "an object"
        case list():
            return f"a list of {len(value)}"
        case str():
            return f"“{value[:40]}”"
        case _:
            return str(value)[:40]


class Pruning:
    """Cuts a payload to the limits; `cut` lists what was cut, and `lists_cut` is true if items of lists were lost."""

    def __init__(self) -> None:
        self.cut: list[str] = []
        self.lists_cut = False
        self._values = 0

    def pruned(self, value: Any, path: str = "event", depth: int = 0) -> Any:
        """`value`, cut to the limits. Raises Refused: TOO_LARGE."""
        self._values += 1
        if self._values > VALUES_MAX:
            raise Refused(Code.TOO_LARGE, f"The payload has more than {VALUES_MAX} values.")
        if isinstance(value, str):
            return self._string(value, path)
        if not isinstance(value, list | dict):
            return value
        if depth >= DEPTH_MAX:
            self._note(path)
            self.lists_cut = True
            return None
        if isinstance(value, list):
            return self._items(value, path, depth)
        return self._named(value, path, depth)

    def _string(self, value: str, path: str) -> str:
        if len(value) <= STRING_MAX:
            return value
        self._note(path)
        return value[:STRING_MAX]

    def _items(self, value: list[Any], path: str, depth: int) -> list[Any]:
        if len(value) > LIST_MAX:
            self._note(path)
            self.lists_cut = True
        return [self.pruned(one, f"{path}[{n}]", depth + 1) for n, one in enumerate(value[:LIST_MAX])]

    def _named(self, value: dict[str, Any], path: str, depth: int) -> dict[str, Any]:
        if len(value) > KEYS_MAX:
            self._note(path)
            self.lists_cut = True
        kept = list(value.items())[:KEYS_MAX]
        return {name: self.pruned(one, f"{path}.{name[:40]}", depth + 1) for name, one in kept}

    def _note(self, path: str) -> None:
        if len(self.cut) < 10:
            self.cut.append(path[:120])
