"""Opens the store that the settings name: the only module that names a backend."""

from __future__ import annotations

import asyncio

from engine.model.counters import Rates
from engine.model.searching import Expansion
from engine.process.private import keep_private
from engine.settings import Settings
from engine.store.protocol import Store
from engine.store.sqlite.store import SqliteStore


async def open_store(settings: Settings, expand: Expansion) -> Store:
    """The store, with its tables up to date. `expand` lists the instances of a series, for the search.

    Raises OSError; Refused: NOT_ALLOWED if others may read the data.
    """
    await asyncio.to_thread(keep_private, settings.data_dir, settings.database)
    rates = Rates(all=settings.send_rate, by_domain=settings.rates_by_domain, day=settings.day_limit)
    return await SqliteStore.open(settings.database, rates, expand)
