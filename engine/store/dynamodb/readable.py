"""What is kept of a person, as they read it: of an item that holds many people only what is about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.model.forgetting import Column, names


def without_others(said: Any, address: str) -> Any:
    """The value without those elements of its lists that name others and not this address.

    An item may hold many people: hundreds of rows of a list, or all changes of a unit of work.
    """
    if isinstance(said, Mapping):
        return {name: without_others(value, address) for name, value in said.items()}
    if isinstance(said, list):
        return [without_others(value, address) for value in said if not _of_others(value, address)]
    return said


def _of_others(value: Any, address: str) -> bool:
    found = list(texts(value))
    return any("@" in text for text in found) and not any(names(text, address) for text in found)


def columns(said: Mapping[str, Any]) -> dict[str, Column]:
    """The fields of a value for the person to read, with nested models flattened."""
    found: dict[str, Column] = {}
    for name, value in said.items():
        if isinstance(value, Mapping):
            found |= columns(value)
        elif isinstance(value, list):
            found[name] = ", ".join(texts(value))
        else:
            found[name] = value
    return found


def texts(said: Any) -> Iterator[str]:
    """All texts in a JSON value, including names."""
    if isinstance(said, str):
        yield said
    elif isinstance(said, Mapping):
        for name, value in said.items():
            yield name
            yield from texts(value)
    elif isinstance(said, list):
        for value in said:
            yield from texts(value)
