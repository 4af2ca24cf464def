"""Note that a table was exported with full addresses; this needs a verb and adds a row to the record."""

from __future__ import annotations

from engine.commands.base import Command, Done, Work
from engine.model.exports import Table


class ExportNoted(Done):
    """The tables that may be written with addresses now."""

    tables: tuple[Table, ...]


class NoteExport(Command[ExportNoted]):
    """Let an export show addresses; the record says who wrote it, and when."""

    tables: tuple[Table, ...]
    organizer: str = ""

    async def carry_out(self, work: Work) -> ExportNoted:
        """Raises Refused: NOT_ALLOWED."""
        work.require("read", "report")
        return ExportNoted(tables=self.tables)
