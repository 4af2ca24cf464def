"""What every record is made of that a face shows as data."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Data(BaseModel):
    """Base of what tools and REST answer with."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
