"""Read a caller's list of recipients; long lists and spreadsheets are read in a process with system limits."""

from __future__ import annotations

from engine.commands.tables import csvlist, xlsx
from engine.engine import Engine
from engine.model.list_rows import ListRow
from engine.process import pools
from engine.process.limited import LimitedProcesses

_CHEAP = 1 << 20
"""The longest list, in characters or bytes, that is read in a thread."""


async def read_list(engine: Engine, content: str | bytes) -> list[ListRow]:
    """The rows of a list of any permitted length.

    Raises Refused as `csvlist.read` does, and TOO_COSTLY, BUSY.
    """
    if len(content) <= _CHEAP:
        return await pools.LISTS.run(csvlist.read_file, content)
    return await pools.LISTS.run(_read_limited, engine.limited, content)


async def text_of(engine: Engine, upload: bytes) -> str:
    """The text of a list in a file; a spreadsheet is unpacked in a process with system limits.

    Raises Refused: CSV_UNREADABLE, TOO_LARGE, TOO_COSTLY, BUSY.
    """
    if xlsx.is_spreadsheet(upload):
        return await pools.LISTS.run(engine.limited.limiting(xlsx.as_csv), upload)
    return await pools.LISTS.run(csvlist.decode, upload)


def _read_limited(limited: LimitedProcesses, content: str | bytes) -> list[ListRow]:
    return csvlist.unpacked(limited.limiting(csvlist.read_packed)(content))
