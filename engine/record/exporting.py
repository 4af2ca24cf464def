"""The record as lines of JSON: its starting point, each row exactly as hashed, and the signed head."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import datetime

from engine.model.record import GENESIS, Head, Leaf, leaf, node
from engine.record.signing import HeadSigner
from engine.store.protocol import RecordQuestions

_AT_ONCE = 5_000
_NOTE = '{"note":'


async def exported(store: RecordQuestions, signer: HeadSigner, now: datetime) -> AsyncIterator[str]:
    """The lines of the record, up to its head when reading starts."""
    cut, ends = await store.record_cut(), await store.record_head()
    at = Head(cut.seq, cut.head) if cut else Head(0, GENESIS)
    key = await asyncio.to_thread(lambda: signer.verifier)
    yield _line({"record": signer.name, "key": key, "after": at.seq, "head": at.head.hex()})
    while at.seq < ends.seq and (rows := await store.record_rows(at.seq, min(_AT_ONCE, ends.seq - at.seq))):
        for row in rows:
            yield row.body
        at = Head(rows[-1].seq, rows[-1].head)
    yield _line({"note": await asyncio.to_thread(signer.note, at, now)})


async def old_lines(store: RecordQuestions) -> AsyncIterator[str]:
    """The lines logged before the record existed, which no hash chain links."""
    after = 0
    while lines := await store.old_lines(after, _AT_ONCE):
        for line in lines:
            yield _line({"at": line.at, "actor": line.actor, "command": line.command, "event": line.subject})
        after = lines[-1].id


class ExportedRows:
    """The rows in an exported record's lines, with their expected heads; `note` is set once all are read."""

    def __init__(self, lines: Iterable[str], begins: Head) -> None:
        self.note = ""
        self.rows = self._read(lines, begins)

    def _read(self, lines: Iterable[str], begins: Head) -> Iterator[Leaf]:
        seq, head = begins
        for line in lines:
            body = line.rstrip("\n")
            if body.startswith(_NOTE):
                self.note = str(json.loads(body)["note"])
                return
            seq, head = seq + 1, node(head, leaf(body.encode()))
            yield seq, body.encode(), head


def _line(said: dict[str, object]) -> str:
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"))
