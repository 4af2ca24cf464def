"""Maintains the record: signs its head every hour, and cuts old rows if `CIS_RECORD_DAYS` is set."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from datetime import datetime, timedelta

from engine.commands.webhooks.feeding import PostCheckpoint
from engine.engine import SYSTEM, Engine
from engine.model.record import GENESIS, ChainRow, Cut, Head, moment
from engine.record.signing import HeadSigner
from engine.record.verifying import RecordChain
from engine.store.protocol import Unit

log = logging.getLogger(__name__)

_LOOK_S = 10.0
_FIRST_S = 60.0
_HOUR_S = 3600.0


async def run(engine: Engine) -> None:
    """Record repeated refusals once their minute is over and sign the head every hour, until cancelled."""
    due = time.monotonic() + _FIRST_S
    while True:
        await asyncio.sleep(_LOOK_S)
        try:
            await engine.record_repeats()
            if time.monotonic() >= due:
                due = time.monotonic() + _HOUR_S
                await keep(engine)
        except Exception:
            log.exception("the record cannot be looked after; trying again")


async def keep(engine: Engine) -> None:
    """Store the signed head beside the database, and cut rows older than `CIS_RECORD_DAYS`."""
    note = await engine.signed_head()
    for webhook in await engine.store.webhooks(None):
        await engine.apply(PostCheckpoint(webhook_id=webhook.id, note=note), SYSTEM)
    if engine.settings.record_days:
        gone = await cut(engine, engine.clock() - timedelta(days=engine.settings.record_days))
        if gone:
            log.info("cut %d rows from the beginning of the record", gone)


async def cut(engine: Engine, before: datetime) -> int:
    """Cut the rows before that moment except the newest row, and return how many; a broken chain is not cut."""
    gone = 0
    while some := await _older(engine, before):
        if not await _cut(engine, some):
            break
        gone += len(some)
    return gone


async def _older(engine: Engine, before: datetime) -> list[ChainRow]:
    begins = await _begins(engine)
    newest = (await engine.store.record_head()).seq
    rows = await engine.store.record_rows(begins.seq, engine.store.items_per_unit)
    limit = moment(before)
    return [row for row in rows if row.seq < newest and json.loads(row.body)["at"] < limit]


async def _begins(engine: Engine) -> Head:
    before = await engine.store.record_cut()
    return Head(before.seq, before.head) if before else Head(0, GENESIS)


async def _cut(engine: Engine, rows: list[ChainRow]) -> bool:
    chain = RecordChain(await _begins(engine))
    if not chain.follow((row.seq, row.body.encode(), row.head) for row in rows):
        log.error("the record is not cut: %s", chain.broken)
        return False
    note = await asyncio.to_thread(HeadSigner.of(engine.settings).note, chain.head, engine.clock())
    place = Cut(seq=chain.head.seq, head=chain.head.head, note=note)

    async def work(unit: Unit) -> None:
        await unit.cut_record(place)

    await engine.store.transact(work)
    return True
