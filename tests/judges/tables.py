"""Tables of DynamoDB on ministack: one emulator for all tests of a process, a table for each store."""

from __future__ import annotations

import atexit
import tempfile
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from functools import cache
from itertools import count
from pathlib import Path

from engine.aws.signing import SigningKeys
from engine.store.dynamodb.address import Address
from engine.store.dynamodb.opening import open_table
from engine.store.dynamodb.session import Context
from engine.store.dynamodb.store import DynamoStore
from tests.judges.ministack import KEYS, REGION, ministack

_NUMBERS = count(1)


class Fixed:
    """Credentials that the emulator takes."""

    async def keys(self) -> SigningKeys:
        return SigningKeys(KEYS["AWS_ACCESS_KEY_ID"], KEYS["AWS_SECRET_ACCESS_KEY"])

    def forget(self) -> None:
        """There are no others."""


@cache
def emulator() -> str:
    """The address of ministack, which runs until this process ends."""
    stack = ExitStack()
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    atexit.register(stack.close)
    return stack.enter_context(ministack(Path(folder)))


def new_address(endpoint: str = "") -> str:
    """The address of a table that is not there yet."""
    return f"dynamodb://store{next(_NUMBERS)}?region={REGION}&endpoint={endpoint or emulator()}&create=yes"


@asynccontextmanager
async def new_table(context: Context, endpoint: str = "") -> AsyncIterator[DynamoStore]:
    """A store with nothing in it."""
    store = await open_table(Address.of(new_address(endpoint)), context, Fixed())
    try:
        yield store
    finally:
        await store.close()
