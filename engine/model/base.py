"""The base of all model values."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """Base of all model values: immutable and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Word(StrEnum):
    """Base of words of the model that are looked up for every message: an Enum's own hash is a call of Python's."""

    __hash__ = str.__hash__
