"""Lists of people in AWS services: contact lists of SES, segments of Customer Profiles."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from engine.aws.chain import CredentialChain
from engine.aws.client import JsonClient
from engine.aws.connections import ServiceEndpoint

_JSON = {"content-type": "application/json"}
_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Contact:
    """One contact; `opted_out`: of the whole list, or of the requested topic."""

    address: str
    opted_out: bool


@dataclass(frozen=True, slots=True)
class SegmentSnapshot:
    """A snapshot of a segment: its state, and the S3 address below which it is stored once COMPLETED."""

    id: str
    state: str
    message: str = ""
    uri: str = ""


class ListServices:
    """Queries the services in one region. Each call raises AwsRefused, Unreached, Unanswered, NoCredentials."""

    def __init__(self, region: str, credentials: CredentialChain, clock: Callable[[], datetime]) -> None:
        self._region = region
        self._chain = credentials
        self._clock = clock

    async def contacts(self, name: str, topic: str, page: str = "") -> tuple[list[Contact], str]:
        """A page of an SES contact list and the token of the next page; SES allows one such call per second."""
        body: dict[str, object] = {"PageSize": _PAGE} | ({"NextToken": page} if page else {})
        path = f"/v2/email/contact-lists/{quote(name, safe='')}/contacts/list"
        found = await self._call("ses", "sesv2", "email", "POST", path, body)
        entries = [_contact(values, topic) for values in found.get("Contacts") or []]
        return entries, str(found.get("NextToken") or "")

    async def snapshot(self, domain: str, segment: str, to: str) -> SegmentSnapshot:
        """Start writing a Customer Profiles segment to an S3 address, as JSON lines."""
        body: dict[str, object] = {"DataFormat": "JSONL", "DestinationUri": to}
        found = await self._profiles("POST", _snapshots(domain, segment), body)
        return SegmentSnapshot(str(found.get("SnapshotId", "")), "IN_PROGRESS")

    async def snapshot_now(self, domain: str, segment: str, name: str) -> SegmentSnapshot:
        """The current state of a snapshot."""
        found = await self._profiles("GET", f"{_snapshots(domain, segment)}/{quote(name, safe='')}")
        state, said = str(found.get("Status", "")), str(found.get("StatusMessage") or "")
        return SegmentSnapshot(name, state, said, str(found.get("DestinationUri") or ""))

    async def _profiles(
        self, method: str, path: str, body: dict[str, object] | None = None
    ) -> dict[str, Any]:
        return await self._call("profile", "customer-profiles", "profile", method, path, body)

    async def _call(
        self, signed: str, service: str, prefix: str, method: str, path: str, body: dict[str, object] | None
    ) -> dict[str, Any]:
        url = await self._chain.url(service, prefix, self._region)
        client = JsonClient(signed, self._region, ServiceEndpoint.of(url), self._chain, self._clock)
        content = b"" if body is None else json.dumps(body).encode()
        try:
            return await client.call(method, path, headers=_JSON if content else None, body=content)
        finally:
            await client.close()


def _snapshots(domain: str, segment: str) -> str:
    return f"/domains/{quote(domain, safe='')}/segments/{quote(segment, safe='')}/snapshots"


def _contact(values: dict[str, Any], topic: str) -> Contact:
    """A contact; its own preference overrides the topic's default, and without either it counts as opted out."""
    out = bool(values.get("UnsubscribeAll"))
    if topic and not out:
        own = dict(_preferences(values.get("TopicDefaultPreferences")))
        own |= dict(_preferences(values.get("TopicPreferences")))
        out = own.get(topic) != "OPT_IN"
    return Contact(str(values.get("EmailAddress", "")), out)


def _preferences(values: Any) -> Iterator[tuple[str, str]]:
    for each in values or []:
        yield str(each.get("TopicName")), str(each.get("SubscriptionStatus"))
