"""Opens the store that the settings name: the only module that names a backend."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from engine.model.counters import Rates
from engine.model.searching import Expansion
from engine.process.private import keep_private
from engine.refusals import Code, Refused
from engine.settings import Settings
from engine.store.protocol import Store
from engine.store.protocol.moving import Movable
from engine.store.sqlite.store import SqliteStore

_SQLITE = (3, 38)
"""The oldest SQLite that has what is asked of it, such as STRICT tables, full-text search by trigrams, and `->>`."""


async def open_store(settings: Settings, expand: Expansion) -> Store:
    """The store, with its tables up to date. `expand` lists the instances of a series, for the search.

    Raises OSError; Refused: NOT_ALLOWED if others may read the data, for an address that names no table, or if the
    library with which both stores search is too old.
    """
    if sqlite3.sqlite_version_info < _SQLITE:
        raise Refused(
            Code.NOT_ALLOWED,
            f"SQLite {sqlite3.sqlite_version} is too old.",
            "Use a Python whose SQLite is 3.38 or newer.",
        )
    await asyncio.to_thread(keep_private, settings.data_dir, settings.database)
    rates = Rates(all=settings.send_rate, by_domain=settings.rates_by_domain, day=settings.day_limit)
    if settings.in_table:
        return await _in_table(settings, rates, expand)
    return await SqliteStore.open(settings.database, rates, expand)


async def _in_table(settings: Settings, rates: Rates, expand: Expansion) -> Store:
    """The store on DynamoDB."""
    # Who keeps to SQLite does not wait for these imports.
    from engine.store.dynamodb.address import Address
    from engine.store.dynamodb.opening import open_table
    from engine.store.dynamodb.session import Context
    from engine.store.dynamodb.snapshots import Images
    from engine.store.sqlite.search_file import SearchFile

    where = settings.search_snapshot
    images = await Images.of(where, lambda: datetime.now(UTC)) if where else None
    context = Context(rates, expand, SearchFile.open, images=images)
    return await open_table(Address.of(settings.store), context)


async def open_movable(address: str, expand: Expansion, clock: Callable[[], datetime]) -> Movable:
    """The store at an address of the form of `CIS_STORE`, to be moved. Raises Refused: NOT_ALLOWED; OSError."""
    if not address.startswith("dynamodb:"):
        from engine.store.sqlite.moving import MovableFile

        return MovableFile(Path(address.removeprefix("sqlite:")), expand, clock)
    from engine.store.dynamodb.address import Address
    from engine.store.dynamodb.moving import MovableTable
    from engine.store.dynamodb.opening import open_table
    from engine.store.dynamodb.session import Context

    store = await open_table(Address.of(address), Context(), moving=True)
    return MovableTable(store, clock)
