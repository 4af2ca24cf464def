"""Lists of addresses that bounds name, and that change without touching a key."""

from __future__ import annotations

from pydantic import Field

from engine.commands.base import Command, Done, Work
from engine.commands.operators.operators import may_change_bounds
from engine.model.addresses import pattern
from engine.model.bounds import LIST_NAME, PATTERNS_MAX
from engine.refusals import Code, Refused


class AddressListDone(Done):
    """A list and the patterns in it."""

    name: str
    patterns: tuple[str, ...]


class SetAddressList(Command[AddressListDone]):
    """Make a list of address patterns, replace those of one, or show them; bounds name it as `@name`."""

    name: str
    patterns: tuple[str, ...] | None = Field(None, description="None: change nothing")

    async def carry_out(self, work: Work) -> AddressListDone:
        """Raises Refused: NOT_ALLOWED, INVALID_ARGUMENT, TOO_LARGE."""
        may_change_bounds(work.actor)
        name = self.name.removeprefix("@").lower()
        if not LIST_NAME.fullmatch(name):
            raise Refused(
                Code.INVALID_ARGUMENT,
                "The name of a list may have only letters, digits and hyphens.",
                "Choose such a name.",
            )
        if self.patterns is not None:
            await work.unit.save_address_list(name, self._read())
        found = await work.unit.address_lists([name])
        return AddressListDone(name=name, patterns=found.get(name, ()))

    def _read(self) -> tuple[str, ...]:
        assert self.patterns is not None, "there is something to read"
        if len(self.patterns) > PATTERNS_MAX:
            raise Refused(
                Code.TOO_LARGE, f"A list can have at most {PATTERNS_MAX} patterns.", "Name domains."
            )
        try:
            return tuple(dict.fromkeys(map(pattern, self.patterns)))
        except ValueError as error:
            raise Refused(Code.INVALID_ARGUMENT, str(error)) from None
