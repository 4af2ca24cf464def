"""Settings of an installation that consists of several machines, which share no disk."""

from __future__ import annotations

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

_SECRET_LEAST = 32


class MachineSettings(BaseSettings):
    """What the machines of one installation know of each other."""

    streams_url: str = Field(
        "", description="where a function of AWS Lambda sends those who need a connection that stays open"
    )
    secret: SecretStr = Field(
        SecretStr(""),
        description="secret that all machines of an installation share, of 32 characters or more; empty: files "
        "in the data folder",
    )

    @field_validator("secret")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if 0 < len(value.get_secret_value()) < _SECRET_LEAST:
            raise ValueError(f"must have {_SECRET_LEAST} characters or more, as of “openssl rand -hex 32”")
        return value
