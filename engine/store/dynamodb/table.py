"""The definition of the table: its keys and its global indexes, which contain only keys."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class Index(StrEnum):
    """The global indexes: each is the name of the attribute that is its partition key."""

    DUE = "due"
    """Waiting messages, by shard, in the order of sending (`turn`)."""
    TOKEN = "token"
    """Attendees by their receipt token."""
    PERSON = "person"
    """Items of a person, by address."""
    MESSAGE = "mid"
    """Messages by Message-ID."""
    TRANSPORT = "tid"
    """Messages by the id that a mail service gave them."""


SORTED = {Index.DUE: "turn"}
"""Indexes with a sort key, and its attribute."""


def definition(name: str) -> Mapping[str, Any]:
    """The table's definition for CreateTable, with on-demand capacity, which costs nothing while unused."""
    attributes = ["pk", "sk", *Index, *SORTED.values()]
    return {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": n, "AttributeType": "S"} for n in attributes],
        "KeySchema": _keys("pk", "sk"),
        "GlobalSecondaryIndexes": [
            {
                "IndexName": index.value,
                "KeySchema": _keys(index.value, SORTED.get(index)),
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
            for index in Index
        ],
    }


def _keys(partition: str, sort: str | None) -> list[dict[str, str]]:
    found = [{"AttributeName": partition, "KeyType": "HASH"}]
    return [*found, {"AttributeName": sort, "KeyType": "RANGE"}] if sort else found
