"""The base of all model values."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from typing import TypeVar

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """Base of all model values: immutable and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


V = TypeVar("V", bound=Value)


def known(cls: type[V], values: dict[str, object]) -> V:
    """A value of the model whose fields are all given, and were let in by the model before.

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
    """The same with other values in some fields, which were let in by the model before."""
    return known(type(value), {**value.__dict__, **own})


class Word(StrEnum):
    """Base of words of the model that are looked up for every message: an Enum's own hash is a call of Python's."""

    __hash__ = str.__hash__
