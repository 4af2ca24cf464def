"""The settings in force, line by line, and what is wrong with invalid ones, without secrets."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from pydantic import SecretStr, ValidationError
from pydantic_settings import DotEnvSettingsSource

from engine.settings import Settings

_PREFIX = "CIS_"
_NEXT_URL = re.compile(r",\s*(?=[a-z]+://)")
_URLS = frozenset({"outbox", "inbox"})
"""Secrets of which all but name and password is shown; of any other, only that it is set."""
_CREDENTIALS = re.compile(r"(?<=://).*@")


def lines(settings: Settings) -> Iterator[str]:
    """A line `CIS_NAME=value` for every setting, then one for each CIS_ variable that nothing reads."""
    derived = {
        "organizer": settings.local_organizer,
        "organizers": settings.organizers or f"*@{settings.domain}",
        "store": settings.store if settings.in_table else f"sqlite:{settings.database}",
    }
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        yield f"{_PREFIX}{name.upper()}={derived.get(name) or _shown(name, value)}"
    known = {f"{_PREFIX}{name.upper()}" for name in type(settings).model_fields}
    given = {*os.environ, *(name.upper() for name in DotEnvSettingsSource(type(settings)).env_vars)}
    for name in sorted(given):
        if name.startswith(_PREFIX) and name not in known:
            yield f"# {name} is set, but there is no such setting"


def problems_in(error: ValueError | OSError) -> list[str]:
    """A line for each problem, without the rejected value, which may hold a password."""
    if isinstance(error, OSError):
        return [f"The settings cannot be read: {error.strerror}: {error.filename}."]
    if not isinstance(error, ValidationError):
        return [f"The settings cannot be read: {type(error).__name__}."]
    details = error.errors(include_url=False, include_input=False, include_context=False)
    return [
        _name(detail["loc"])
        + detail["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
        for detail in details
    ]


def _name(place: tuple[int | str, ...]) -> str:
    """The name of the invalid setting and a colon; empty for a problem between several, which its sentence names."""
    return f"{_PREFIX}{'.'.join(map(str, place)).upper()}: " if place else ""


def _shown(name: str, value: object) -> str:
    if not isinstance(value, SecretStr):
        return str(value)
    secret = value.get_secret_value()
    return masked(secret) if name in _URLS else "***" * bool(secret)


def masked(url: str) -> str:
    """`url` with name and password as ***, in each of a comma-separated list."""
    return ",".join(_CREDENTIALS.sub("***@", one) for one in _NEXT_URL.split(url))
