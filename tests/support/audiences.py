"""Where lists lie on AWS, for tests: a bucket, a contact list of SES, segments of Customer Profiles."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support import awsmodels
from tests.support.httpstub import Asked, Told, answering
from tests.support.s3 import S3
from tests.support.ses import unsigned

SNAPSHOT = "0123456789abcdef0123456789abcdef"


@dataclass
class Aws:
    """Answers by the service for which a request is signed; requests are held against botocore's models."""

    url: str = ""
    bucket: S3 = field(default_factory=lambda: S3(name="my-lists"))
    contacts: list[dict[str, Any]] = field(default_factory=list)
    page: int = 1_000
    snapshots: list[dict[str, Any]] = field(default_factory=list)
    looks: int = 1
    """How often a snapshot is under way before it is made."""
    state: str = "COMPLETED"

    @property
    def environment(self) -> dict[str, str]:
        return {"AWS_ENDPOINT_URL": self.url, "AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1"}

    async def answer(self, asked: Asked) -> Told:
        if "/s3/" in asked.headers.get("authorization", ""):
            return await self.bucket.answer(asked)
        body = json.loads(asked.body or b"{}")
        if found := re.fullmatch(r"/v2/email/contact-lists/(\w+)/contacts/list", asked.path):
            wrong = unsigned(asked) or _wrong("ListContacts", "sesv2", {"ContactListName": found[1], **body})
            return _error(wrong) if wrong else self._contacts(body)
        found = re.fullmatch(r"/domains/(\w+)/segments/(\w+)/snapshots(?:/(\w+))?", asked.path)
        assert found, asked.path
        values = {"DomainName": found[1], "SegmentDefinitionName": found[2], **body}
        name = "GetSegmentSnapshot" if found[3] else "CreateSegmentSnapshot"
        values |= {"SnapshotId": found[3]} if found[3] else {}
        wrong = unsigned(asked, "profile") or _wrong(name, "customer-profiles", values)
        return _error(wrong) if wrong else self._snapshot(values)

    def _contacts(self, body: dict[str, Any]) -> Told:
        first = int(body.get("NextToken", "0"))
        last = first + min(self.page, body["PageSize"])
        more = {"NextToken": str(last)} if len(self.contacts) > last else {}
        return _told({"Contacts": self.contacts[first:last]} | more)

    def _snapshot(self, values: dict[str, Any]) -> Told:
        if "SnapshotId" not in values:
            self.snapshots.append(values)
            return _told({"SnapshotId": SNAPSHOT})
        self.looks -= 1
        state = "IN_PROGRESS" if self.looks >= 0 else self.state
        uri = self.snapshots[-1]["DestinationUri"] if self.snapshots else "s3://my-lists/segments/"
        about = {"DataFormat": "JSONL", "DestinationUri": uri, "StatusMessage": "no"}
        return _told({"SnapshotId": SNAPSHOT, "Status": state, **about})


def _wrong(name: str, service: str, values: dict[str, Any]) -> str:
    return awsmodels.complaints(values, awsmodels.operation(name, service).input_shape)


def _told(values: dict[str, Any]) -> Told:
    return Told(200, {"content-type": "application/json"}, json.dumps(values).encode())


def _error(why: str) -> Told:
    return Told(400, {"x-amzn-errortype": "BadRequestException"}, json.dumps({"message": why}).encode())


@asynccontextmanager
async def aws() -> AsyncIterator[Aws]:
    """The services at a port of this machine."""
    services = Aws()
    async with answering(services.answer) as stub:
        services.url = stub.url
        yield services
