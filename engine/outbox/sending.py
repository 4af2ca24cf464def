"""What a dispatcher needs of an engine; a process that only sends opens no more, and imports no commands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from engine.commands.randomness import Randomness, SystemRandomness
from engine.itip.recurrence import instances
from engine.model.times import system_clock
from engine.observe.observer import Observer
from engine.settings import Settings
from engine.signals import Signal
from engine.store.opening import open_store
from engine.store.protocol import Store


class Sends(Protocol):
    """What a dispatcher asks of whoever it sends for, as an engine has it."""

    @property
    def settings(self) -> Settings: ...
    @property
    def store(self) -> Store: ...
    @property
    def clock(self) -> Callable[[], datetime]: ...
    @property
    def randomness(self) -> Randomness: ...
    @property
    def observer(self) -> Observer: ...
    @property
    def owed(self) -> Signal:
        """Tells that messages may be owed."""
        ...

    @property
    def answered(self) -> Signal:
        """Tells that answers of mail servers were written down."""
        ...

    async def close(self) -> None:
        """Close the store."""
        ...


class SendingProcess:
    """The part of an engine that a dispatcher needs, over the store that the settings name."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings, self.store = settings, store
        self.clock: Callable[[], datetime] = system_clock
        self.randomness: Randomness = SystemRandomness()
        self.observer, self.owed, self.answered = Observer(), Signal(), Signal()

    @classmethod
    async def open(cls, settings: Settings) -> SendingProcess:
        """Open the store. Raises OSError; Refused: NOT_ALLOWED."""
        return cls(settings, await open_store(settings, instances))

    async def close(self) -> None:
        """Close the store."""
        await self.store.close()
