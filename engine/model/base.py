"""The base of all model values."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """Base of all model values: immutable and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


V = TypeVar("V", bound=Value)


def known(cls: type[V], values: dict[str, object]) -> V:
    """Make a value of the model without validating it; all its fields are given, and were validated before.

    Validating them again would take eight times as long, for every message.
    """
    value = cls.__new__(cls)
    put = object.__setattr__
    put(value, "__dict__", values)
    put(value, "__pydantic_fields_set__", _all_fields(cls))
    put(value, "__pydantic_extra__", None)
    put(value, "__pydantic_private__", None)
    return value


@cache
def _all_fields(cls: type[Value]) -> set[str]:
    """The names of its fields: one set for all, since no value of the model is ever changed."""
    return set(cls.model_fields)


def varied(value: V, **own: object) -> V:
    """A copy with other values in some fields, which were validated before."""
    return known(type(value), {**value.__dict__, **own})


class Word(StrEnum):
    """Base of enums that are looked up for every message: a plain Enum's hash is a slow Python call."""

    __hash__ = str.__hash__
    if not TYPE_CHECKING:  # which would take it for a member
        # Read for each column of each row: an Enum's own is two calls of Python's.
        value = property(attrgetter("_value_"))
