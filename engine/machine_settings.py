"""Settings of an installation that may consist of several machines: the store, and what they share."""

from __future__ import annotations

import re

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from engine.setting_values import WebAddress

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
_SECRET_LEAST = 32


class MachineSettings(BaseSettings):
    """The settings that the machines of one installation share."""

    store: str = Field(
        "",
        description=(
            "sqlite:/path, or dynamodb://TABLE?region=REGION[&endpoint=URL][&create=yes]; "
            "empty: a file in the data folder"
        ),
    )
    streams_url: WebAddress = Field(
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

    @field_validator("store")
    @classmethod
    def _known_store(cls, value: str) -> str:
        """Refuse a store of an unknown kind, which would otherwise become the name of a file."""
        scheme = _SCHEME.match(value.strip())
        if scheme and scheme.group(1).lower() not in {"sqlite", "dynamodb"}:
            raise ValueError(
                f"{scheme.group(1)} is not a kind of store; give sqlite:/path, a path, or dynamodb://TABLE?region=…"
            )
        return value.strip()

    @property
    def in_table(self) -> bool:
        """True if the store is a table of DynamoDB."""
        return self.store.startswith("dynamodb:")
