"""The base of every record that a face returns as data."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Data(BaseModel):
    """Base of what tools and REST answer with."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
