"""The address of a table: `dynamodb://TABLE?region=REGION[&endpoint=URL][&create=yes]`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from engine.aws.connections import ServiceEndpoint
from engine.refusals import Code, Refused

SCHEME = "dynamodb"
_NAME = re.compile(r"[A-Za-z0-9_.-]{3,255}")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_FORM = "give dynamodb://TABLE?region=REGION, with &endpoint=URL for another endpoint and &create=yes to make the table"


@dataclass(frozen=True, slots=True)
class Address:
    """A table, its location, and whether to create it if it is missing.

    `region`: empty for that of the environment; `endpoint`: empty for AWS's own.
    """

    table: str
    region: str = ""
    endpoint: str = ""
    create: bool = False

    @classmethod
    def of(cls, url: str) -> Address:
        """Parse an address. Raises Refused: NOT_ALLOWED, with what to write instead."""
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        unknown = set(options) - {"region", "endpoint", "create"}
        create = options.get("create", "no")
        if parts.scheme != SCHEME or parts.path.strip("/") or unknown or create not in {"yes", "no"}:
            raise Refused(Code.NOT_ALLOWED, f"the store's address {url!r} is not understood: {_FORM}")
        if not _NAME.fullmatch(parts.netloc):
            raise Refused(
                Code.NOT_ALLOWED,
                f"{parts.netloc!r} is not a table name: use 3 to 255 letters, digits and _.-",
            )
        region, endpoint = options.get("region", ""), options.get("endpoint", "")
        if region and not _REGION.fullmatch(region):
            raise Refused(Code.NOT_ALLOWED, f"{region!r} is not an AWS region such as eu-west-1")
        if endpoint:
            _checked(endpoint)
        return cls(parts.netloc, region, endpoint, create == "yes")


def _checked(endpoint: str) -> None:
    try:
        ServiceEndpoint.of(endpoint)
    except ValueError as error:
        raise Refused(Code.NOT_ALLOWED, f"endpoint={endpoint!r}: {error}") from error
