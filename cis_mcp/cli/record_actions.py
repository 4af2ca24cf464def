"""What `cis-mcp record …` does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator, Sequence
from email import message_from_bytes, policy
from itertools import islice
from pathlib import Path

import click

from cis_mcp.run.runtime import opened
from engine.model.record import Head
from engine.record import signing
from engine.record.exporting import ExportedRows
from engine.record.verifying import RecordChain, Verified
from engine.refusals import Code, Refused
from engine.settings import Settings

_CHUNK = 5_000


async def export(settings: Settings) -> int:
    """Print the record, and the signed head at its end."""
    async with opened(settings, existing=True) as engine:
        async for line in engine.exported():
            click.echo(line)
    return 0


async def export_old(settings: Settings) -> int:
    """Print the audit lines from before there was a record."""
    async with opened(settings, existing=True) as engine:
        async for line in engine.old_lines():
            click.echo(line)
    return 0


async def head(settings: Settings) -> int:
    """Print the signed head."""
    async with opened(settings, existing=True) as engine:
        click.echo(await engine.signed_head(), nl=False)
    return 0


async def key(settings: Settings) -> int:
    """Print the public key in one line."""
    click.echo(await asyncio.to_thread(lambda: signing.HeadSigner.of(settings).verifier))
    return 0


async def verify(settings: Settings, heads: Sequence[Path], public: str | None) -> int:
    """Verify the record of this installation; 1 on any difference."""
    async with opened(settings, existing=True) as engine:
        wanted = await asyncio.to_thread(_signed, heads, public or engine.signer.verifier)
        found = await engine.verified(wanted)
        if not found.differences:
            await engine.signed_head()
    return _report(found)


async def verify_file(file: Path, heads: Sequence[Path], public: str | None) -> int:
    """Verify an exported record; 1 on any difference."""
    return await asyncio.to_thread(_verify_file, file, heads, public)


def _verify_file(file: Path, heads: Sequence[Path], public: str | None) -> int:
    with file.open(encoding="utf-8", newline="\n") as lines:
        begins, own_key = _beginning(next(lines, ""))
        chain, rest = RecordChain(begins, _signed(heads, public or own_key)), ExportedRows(lines, begins)
        while some := list(islice(rest.rows, _CHUNK)):
            if not chain.follow(some):
                break
    differences = chain.differences()
    if not chain.broken:
        differences += _end(rest.note, public or own_key, chain.head)
    if public is None:
        click.echo(
            "The key is the one that the file names: give --key to hold it against one you know.", err=True
        )
    return _report(Verified(chain.rows, chain.head, tuple(differences), len(heads) + 1))


def _end(note: str, public: str, ends: Head) -> Iterator[str]:
    """What is wrong with the signed head at the end of an exported record."""
    if not note:
        yield "record: the file has no signed head at its end: it was cut off"
    elif signing.opened(note, public).head != ends:
        yield "record: the file ends with another row than its signed head says"


def _beginning(line: str) -> tuple[Head, str]:
    try:
        fields = json.loads(line)
        return Head(int(fields["after"]), bytes.fromhex(fields["head"])), str(fields["key"])
    except (ValueError, KeyError, TypeError):
        raise Refused(Code.INVALID_ARGUMENT, "That file is not an exported record.") from None


def _signed(files: Iterable[Path], public: str) -> list[Head]:
    """The heads in files, each checked to be signed by the key. Raises OSError, Refused: INVALID_ARGUMENT."""
    return [signing.opened(_readable(f.read_bytes()), public).head for f in files]


def _readable(raw: bytes) -> str:
    """The text of a file; if it is an encoded mail, its decoded text parts."""
    text = raw.decode(errors="replace")
    if b"\nContent-Transfer-Encoding:" not in raw:
        return text
    mail = message_from_bytes(raw, policy=policy.default)
    parts = [part.get_content() for part in mail.walk() if part.get_content_type() == "text/plain"]
    return "\n".join(map(str, parts)) or text


def _report(found: Verified) -> int:
    for difference in found.differences:
        click.echo(difference)
    if found.differences:
        return 1
    heads = found.signed
    known = f", {heads} signed {'head' if heads == 1 else 'heads'} in it" if heads else ""
    click.echo(f"{found.rows} rows follow one another up to row {found.head.seq}{known}.")
    return 0
