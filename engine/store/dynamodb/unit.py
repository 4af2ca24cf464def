"""The unit of work of the store on DynamoDB, put together from its parts."""

from __future__ import annotations

from engine.store.dynamodb.claims import Claims
from engine.store.dynamodb.events import Events
from engine.store.dynamodb.tallies import Counting


class DynamoUnit(
    Claims,
    Events,
    Counting,
):
    """Everything a unit of work can do."""
