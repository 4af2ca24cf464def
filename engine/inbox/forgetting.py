"""Forget a person, and show what is kept of them: rows of the store, raw mails, mails in the Maildir outbox."""

from __future__ import annotations

import asyncio
import email
import email.policy
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from engine.commands import text
from engine.commands.approvals.delivering import VoidForgotten
from engine.commands.operators.forgetting import ForgetPerson, ForgetRows, WithdrawForgotten
from engine.commands.operators.operators import may_administer
from engine.commands.triggers.deliveries import HandleDelivery
from engine.engine import SYSTEM, Engine
from engine.inbox import keeping
from engine.inbox.spool import departed
from engine.inbox.spool.spool import Spool
from engine.model.actors import Actor
from engine.model.forgetting import Trace, names
from engine.refusals import Code, Refused
from engine.settings import Settings

_ROUNDS = 10
_AT_ONCE = 500
_HANDLED = ("inbox/done", "inbox/quarantine")
_UNDER_WAY = ("inbox/new", "inbox/tmp", "inbox/journal")
_OUTBOX = ("outbox/new", "outbox/cur", "outbox/tmp")
_IN_BUCKET = "raw mails in the bucket of CIS_INBOX, which deletes them by their age"
_SECRET = frozenset({"token", "code", "digest", "salt", "rowid", "id"})


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was deleted: rows and mails; where others still name the address; whether deleted rows are overwritten."""

    rows: int
    mails: int
    left: tuple[str, ...]
    erased: bool
    beyond: str = ""
    """What was not looked at."""


@dataclass(frozen=True, slots=True)
class KeptOfPerson:
    """What is kept of a person: rows by table, mails by the name of their file, and where others name them."""

    rows: dict[str, list[dict[str, object]]]
    mails: list[str]
    left: list[str]


async def forget(engine: Engine, address: str, actor: Actor) -> Forgotten:
    """Forget a person; safe to repeat. Raises Refused: NOT_ALLOWED, INVALID_ADDRESS, INVALID_ARGUMENT, BUSY."""
    may_administer(actor)
    folder, plain = engine.settings.data_dir, text.address(address)
    if await asyncio.to_thread(_under_way, folder, plain):
        raise Refused(
            Code.BUSY, "A mail that names this person is about to be handled.", "Try again in a minute."
        )
    begun = await engine.apply(ForgetPerson(address=address), actor)
    while (await engine.apply(WithdrawForgotten(address=begun.address), SYSTEM)).worked:
        pass
    await _void_held(engine, begun.address, begun.alias)
    rows = await _forget_rows(engine, begun.address, begun.alias)
    mails = await _forget_mails(engine, folder, begun.address)
    left, beyond = await engine.store.named_by_others(begun.address), out_of_reach(engine.settings)
    return Forgotten(rows, mails, tuple(left), await engine.store.erase_remains(), beyond)


def out_of_reach(settings: Settings) -> str:
    """Where raw mails may still name a person: no disk knows all that processes over a table took from a bucket."""
    inbox = settings.inbox.get_secret_value()
    return _IN_BUCKET if settings.in_table and "sqs://" in inbox and "bucket=" in inbox else ""


def _under_way(folder: Path, address: str) -> bool:
    """True while a mail that names the person waits, or lies in the journal of a server, where it stays a minute."""
    if (folder / "inbox").is_dir():
        spool = Spool(folder / "inbox")
        try:
            spool.settle()
        finally:
            spool.close()
    return next(_naming(folder, _UNDER_WAY, address), None) is not None


async def _void_held(engine: Engine, address: str, alias: str) -> None:
    """Void what deliveries that name the person wait for, and fail them."""
    before = None
    while page := await engine.store.held_actions(None, waiting=True, limit=_AT_ONCE, before=before):
        for held in page:
            if held.command.name == HandleDelivery.__name__ and names(held.command.arguments, address):
                await engine.apply(VoidForgotten(held_id=held.id, address=address, alias=alias), SYSTEM)
        before = (page[-1].created.timestamp(), page[-1].id)


async def _forget_rows(engine: Engine, address: str, alias: str) -> int:
    """Go over all rows until none names the person: others may write meanwhile."""
    gone = 0
    for _ in range(_ROUNDS):
        traces = await engine.store.traces(address)
        done = 0
        while done < len(traces):
            some = tuple(traces[done : done + _AT_ONCE])
            done += (await engine.apply(ForgetRows(address=address, alias=alias, traces=some), SYSTEM)).rows
        gone += done
        if not traces:
            break
    else:
        if await engine.store.traces(address):
            raise Refused(
                Code.BUSY, "A mail that names this person is being sent right now.", "Try again in a minute."
            )
    await engine.apply(ForgetRows(address=address, alias=alias, traces=(), ends=True), SYSTEM)
    return gone


async def _forget_mails(engine: Engine, folder: Path, address: str) -> int:
    def delete() -> list[Path]:
        found = list(_naming(folder, (*_HANDLED, *_OUTBOX), address))
        departed.note(folder / "inbox", [path.name for path in found if path.parent.parent.name == "inbox"])
        for path in found:
            path.unlink(missing_ok=True)
        return found

    gone = await asyncio.to_thread(delete)
    handled = [path.name for path in gone if path.parent.parent.name == "inbox"]
    for first in range(0, len(handled), _AT_ONCE):
        await keeping.forget(engine, handled[first : first + _AT_ONCE])
    return len(gone)


async def kept_of(engine: Engine, address: str, actor: Actor) -> KeptOfPerson:
    """What is kept of a person, for them to read. Raises Refused: NOT_ALLOWED, INVALID_ADDRESS."""
    may_administer(actor)
    plain = text.address(address)
    rows: dict[str, list[dict[str, object]]] = {}
    for trace in await engine.store.traces(plain):
        rows.setdefault(trace.table, []).append(_shown(trace))
    folder = engine.settings.data_dir
    parts = (*_UNDER_WAY, *_HANDLED, *_OUTBOX)
    mails = await asyncio.to_thread(
        lambda: [str(path.relative_to(folder)) for path in _naming(folder, parts, plain)]
    )
    return KeptOfPerson(rows, mails, await engine.store.named_by_others(plain))


def _shown(trace: Trace) -> dict[str, object]:
    return {
        n: v
        for n, v in trace.row.items()
        if n not in _SECRET and v not in (None, "") and type(v) is not bytes
    }


def _naming(folder: Path, parts: tuple[str, ...], address: str) -> Iterator[Path]:
    """The mails that name the address, in their heads or in any part of their text."""
    for part in parts:
        for path in sorted((folder / part).glob("*")):
            if path.is_file() and _names(path.read_bytes(), address):
                yield path


def _names(raw: bytes, address: str) -> bool:
    if names(raw.decode("utf-8", errors="replace"), address):
        return True
    if b"Content-Transfer-Encoding" not in raw and b"=?" not in raw:
        return False
    return any(names(part, address) for part in _decoded(raw))


def _decoded(raw: bytes) -> Iterator[str]:
    """What a mail says once its parts are decoded; the line that the spool keeps before it is passed over."""
    first, _, rest = raw.partition(b"\n")
    message = email.message_from_bytes(rest if b"{" in first[:20] else raw, policy=email.policy.compat32)
    for part in message.walk():
        content = part.get_payload(decode=True)
        if isinstance(content, bytes):
            yield from _read(content, part.get_content_charset())


def _read(content: bytes, charset: str | None) -> Iterator[str]:
    """A part as text; one that is not UTF-8 by its charset, and as programs of offices write it."""
    yield content.decode("utf-8", errors="replace")
    if not content.isascii():
        for name in dict.fromkeys((charset or "cp1252", "cp1252", "utf-16")):
            with suppress(LookupError, ValueError):
                yield content.decode(name, errors="replace")
