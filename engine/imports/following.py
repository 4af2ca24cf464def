"""Calendars that the server imports regularly: the operator lists them in `calendars.json` in the data folder.

Their addresses may be secrets, so they remain in that file and are not stored.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.engine import Engine
from engine.publicweb.addresses import PUBLIC_WEB, Way
from engine.refusals import Code, Refused

log = logging.getLogger(__name__)

FILE, _LOCK = "calendars.json", "calendars.lock"
CALENDARS_MAX = 100
EVERY_LEAST, EVERY_MOST = timedelta(minutes=15), timedelta(days=7)
_EVERY = timedelta(hours=6)
"""How often a calendar is imported if neither it nor the operator says."""
_FILE_MAX = 1_000_000
_DOUBLED_MAX = 5
_LOOK_S = 60.0


class FollowedCalendar(BaseModel):
    """One calendar, with the options of `cis-mcp import`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(max_length=2_000)
    organizer: str | None = Field(None, description="address of the owner; null: the local organizer")
    timezone: str | None = Field(None, description="IANA time zone for times that have none")
    gone: Literal["cancel", "keep"] = "cancel"
    every_hours: float | None = Field(None, ge=0.25, le=168, description="null: as the calendar says, else 6")


def read(path: Path) -> Mapping[str, FollowedCalendar]:
    """The calendars listed in a file; none if there is no file. Raises Refused: INVALID_ARGUMENT."""
    try:
        with path.open(encoding="utf-8") as file:
            named = json.loads(file.read(_FILE_MAX))
        found = {name: FollowedCalendar.model_validate(one) for name, one in named.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError, ValidationError):
        raise Refused(
            Code.INVALID_ARGUMENT,
            f"{path.name} cannot be read.",
            'Give a JSON object such as {"season": {"url": "https://…", "every_hours": 6}}.',
        ) from None
    if len(found) > CALENDARS_MAX:
        raise Refused(Code.INVALID_ARGUMENT, f"{path.name} names more than {CALENDARS_MAX} calendars.")
    return found


class Follower:
    """Imports each calendar when it is due, in only one of the processes that share a data folder."""

    def __init__(self, engine: Engine, way: Way = PUBLIC_WEB) -> None:
        self._engine = engine
        self._way = way
        self._path = engine.settings.data_dir / FILE
        self._lock: int | None = None
        self._due: dict[str, datetime] = {}
        self._refresh: dict[str, timedelta] = {}
        self._failures: dict[str, int] = {}

    async def run(self) -> None:
        """Import calendars until cancelled."""
        try:
            while True:
                try:
                    await self.step()
                except Exception:
                    log.exception("calendars cannot be looked at; trying again")
                await asyncio.sleep(_LOOK_S)
        finally:
            self.close()

    def close(self) -> None:
        """Let another process follow the calendars."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def step(self) -> int:
        """Import the calendars that are due, and return how many there were."""
        if not self._path.exists() or not self._alone():
            return 0
        try:
            named = await asyncio.to_thread(read, self._path)
        except Refused as refused:
            log.warning("%s No calendar is imported.", refused.message)
            return 0
        now = self._engine.clock()
        due = {name: one for name, one in named.items() if self._due.get(one.url, now) <= now}
        for name, one in due.items():
            await self._import(name, one)
        return len(due)

    def _alone(self) -> bool:
        """True if this process holds the lock."""
        if self._lock is None:
            descriptor = os.open(self._path.with_name(_LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(descriptor)
                return False
            self._lock = descriptor
        return True

    async def _import(self, name: str, one: FollowedCalendar) -> None:
        # Imported once a calendar is followed: a server without any does not need these modules.
        from engine.imports import feeds
        from engine.imports.imported import ImportOptions

        options = ImportOptions(organizer=one.organizer, timezone=one.timezone, gone=one.gone)
        again = False
        try:
            done = await feeds.import_url(self._engine, self._engine.local, one.url, options, way=self._way)
        except Refused as refused:
            log.warning("calendar %s was not imported: %s", name, refused.code)
            self._failed(one)
        except Exception:
            log.exception("calendar %s was not imported; trying again later", name)
            self._failed(one)
        else:
            again = done.left > 0
            self._failures.pop(one.url, None)
            if done.refresh_s:
                self._refresh[one.url] = timedelta(seconds=done.refresh_s)
        self._due[one.url] = self._engine.clock() + (timedelta() if again else self.pause(one))

    def _failed(self, one: FollowedCalendar) -> None:
        self._failures[one.url] = self._failures.get(one.url, 0) + 1

    def pause(self, one: FollowedCalendar) -> timedelta:
        """The time until the next import: as configured, not sooner than the calendar asks, longer after failures."""
        asked = timedelta(hours=one.every_hours) if one.every_hours else None
        said = self._refresh.get(one.url)
        base = max(asked, said) if asked and said else asked or said or _EVERY
        base = min(max(base, EVERY_LEAST), EVERY_MOST)
        doubled = min(self._failures.get(one.url, 0), _DOUBLED_MAX)
        return min(base * (1 << doubled), EVERY_MOST)
