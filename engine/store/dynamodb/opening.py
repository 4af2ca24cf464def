"""Opens a table, and creates it if its address says so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from engine.aws.chain import CredentialChain, NoCredentials
from engine.aws.client import Credentials
from engine.aws.connections import ServiceEndpoint
from engine.aws.errors import AwsRefused
from engine.refusals import Code, Refused
from engine.store.dynamodb.address import Address
from engine.store.dynamodb.calls import Calls
from engine.store.dynamodb.names import MOVING
from engine.store.dynamodb.session import Context
from engine.store.dynamodb.store import DynamoStore
from engine.store.dynamodb.table import definition
from engine.store.dynamodb.wires import wire_key

_LOOK_S, _LOOKS = 1.0, 120
_MISSING, _IN_USE = "ResourceNotFoundException", "ResourceInUseException"


def _now() -> datetime:
    return datetime.now(UTC)


async def open_table(
    address: Address,
    context: Context,
    credentials: Credentials | None = None,
    clock: Callable[[], datetime] = _now,
    *,
    moving: bool = False,
) -> DynamoStore:
    """The store in a table. Raises Refused(NOT_ALLOWED) without table, region or credentials, or if it is incomplete.

    Also raises OSError. `moving`: it is opened to be filled from another store.
    """
    chain = CredentialChain()
    region = address.region or await chain.region()
    if not region:
        raise Refused(
            Code.NOT_ALLOWED, "no region is given for DynamoDB: write dynamodb://TABLE?region=eu-west-1"
        )
    url = address.endpoint or await chain.url("dynamodb", "dynamodb", region)
    calls = Calls(address.table, region, ServiceEndpoint.of(url), credentials or chain, clock)
    try:
        await _ready(calls, make=address.create)
        if not moving:
            await _refuse_unfinished(calls)
    except BaseException as error:
        await calls.close()
        if isinstance(error, NoCredentials):
            raise Refused(Code.NOT_ALLOWED, f"DynamoDB cannot be reached: {error}") from error
        if isinstance(error, AwsRefused):
            raise OSError(f"DynamoDB refuses what the store needs of {address.table}: {error}") from error
        raise
    return DynamoStore(calls, context)


async def _refuse_unfinished(calls: Calls) -> None:
    if await calls.get([wire_key(MOVING)]):
        raise Refused(
            Code.NOT_ALLOWED,
            f"the table {calls.table} contains part of another store, as a move into it was interrupted.",
            "Move that store here again: what is here is deleted first.",
        )


async def _ready(calls: Calls, *, make: bool) -> None:
    """Wait until the table accepts requests; create it if it is missing and `make` is true."""
    for _ in range(_LOOKS):
        try:
            found = await calls.call("DescribeTable", {})
        except AwsRefused as refused:
            if refused.code != _MISSING:
                raise
            if not make:
                raise Refused(
                    Code.NOT_ALLOWED,
                    f"there is no table {calls.table} in DynamoDB: add &create=yes to the address to make it",
                ) from refused
            await _make(calls)
            continue
        if found["Table"]["TableStatus"] in {"ACTIVE", "UPDATING"}:
            return
        await asyncio.sleep(_LOOK_S)
    raise OSError(f"the table {calls.table} does not become ready")


async def _make(calls: Calls) -> None:
    try:
        await calls.call("CreateTable", definition(calls.table))
    except AwsRefused as refused:
        if refused.code != _IN_USE:  # another process was quicker
            raise
