"""Lists of recipients on AWS: objects of S3, segments of Customer Profiles, contact lists of SES."""

from __future__ import annotations

import asyncio
import fnmatch
import re
import zlib
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import parse_qsl

from engine.aws.chain import CredentialChain, NoCredentials
from engine.aws.errors import AwsRefused, Unanswered, Unreached
from engine.aws.lists import ListServices
from engine.aws.s3 import BUCKET, KEY_MAX, Bucket
from engine.commands.agents.reaching import ReadList
from engine.commands.tables import csvlist, jsonlist, table
from engine.engine import Engine, system_clock
from engine.imports.lists import read_list
from engine.model.actors import Actor
from engine.model.list_rows import ListRow
from engine.model.verbs import Verb
from engine.process import pools
from engine.refusals import Code, Refused

FORMS = "s3://bucket/key, customer-profiles:DOMAIN/SEGMENT?to=s3://bucket/folder/, ses-list:NAME[/TOPIC]"
URL_MAX = 2_000
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SNAPSHOT = re.compile(r"[a-f0-9]{32}")
_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+){1,3}-[0-9]{1,2}")
_BLANK = b"\xef\xbb\xbf \t\r\n"
_GZIP = b"\x1f\x8b"
_OBJECTS_MAX = 1_000
_PAGES_MAX = 60
"""The most pages of a contact list that one call reads: 60,000 contacts in a minute."""
_PAGE_S = 1.0
_LOOKS, _LOOK_S = 10, 2.0
_HINT = {
    "s3": "The server's role needs s3:GetObject, and for a folder s3:ListBucket, on it.",
    "customer-profiles": "The server's role needs profile:CreateSegmentSnapshot and profile:GetSegmentSnapshot.",
    "ses-list": "The server's role needs ses:ListContacts.",
}


@dataclass(frozen=True, slots=True)
class ListAddress:
    """The address of a list. `name` and `part`: bucket and key, domain and segment, or list and topic."""

    kind: Literal["s3", "customer-profiles", "ses-list"]
    name: str
    part: str
    region: str = ""
    to: str = ""
    snapshot: str = ""

    @classmethod
    def of(cls, text: str) -> ListAddress:
        """Parse the address of a list. Raises Refused: INVALID_ARGUMENT."""
        body, _, query = text.strip().partition("?")
        options = dict(parse_qsl(query, keep_blank_values=True))
        region = options.pop("region", "")
        if len(text) > URL_MAX or (region and not _REGION.fullmatch(region)):
            raise _unknown()
        if body.startswith("s3://"):
            bucket, _, key = body.removeprefix("s3://").partition("/")
            good = BUCKET.fullmatch(bucket) and 0 < len(key.encode()) <= KEY_MAX
            found = cls("s3", bucket, key, region)
        else:
            found, good = cls._named(body, region, options)
        if not good or options:
            raise _unknown()
        return found

    @classmethod
    def _named(cls, body: str, region: str, options: dict[str, str]) -> tuple[ListAddress, bool]:
        kind, _, rest = body.partition(":")
        name, slash, part = rest.partition("/")
        good = bool(_NAME.fullmatch(name)) and bool(_NAME.fullmatch(part) if slash else True)
        if kind == "ses-list":
            return cls("ses-list", name, part, region), good
        to, snapshot = options.pop("to", ""), options.pop("snapshot", "")
        good = good and bool(part) and kind == "customer-profiles" and (not to or to.startswith("s3://"))
        good = good and (bool(to) or bool(_SNAPSHOT.fullmatch(snapshot)))
        return cls("customer-profiles", name, part, region, to, snapshot), good


def _unknown() -> Refused:
    return Refused(
        Code.INVALID_ARGUMENT, "That is not a list on AWS.", f"Give one of: {FORMS}; a region by ?region=…"
    )


async def read(
    engine: Engine, actor: Actor, text: str, *, patient: bool = False, page_s: float = _PAGE_S
) -> list[ListRow]:
    """The rows of the list that `text` names; `patient`: wait as long as it takes.

    Raises Refused: INVALID_ARGUMENT, NOT_ALLOWED, OUT_OF_BOUNDS, URL_NOT_READABLE, EMPTY_LIST, TOO_LARGE, …
    """
    audience = ListAddress.of(text)
    for place in filter(None, (text, audience.to)):
        _refuse_unlisted(engine, actor, place)
    await engine.apply(ReadList(url=text, verb=Verb.BULK), actor)
    chain = CredentialChain()
    try:
        region = audience.region or await chain.region() or _region_of(engine)
        reader = _Reader(engine, replace(audience, region=region), chain, page_s, patient=patient)
        return await reader.rows()
    except AwsRefused as refused:
        message = f"The list cannot be read: {refused.code}."
        raise Refused(Code.URL_NOT_READABLE, message, _HINT[audience.kind]) from refused
    except (Unreached, Unanswered, NoCredentials) as error:
        message = f"The list cannot be read: {str(error)[:200]}."
        raise Refused(Code.URL_NOT_READABLE, message, "Try again.") from error


def _refuse_unlisted(engine: Engine, actor: Actor, text: str) -> None:
    """Refuse with NOT_ALLOWED a list that the operator has not permitted, since the server's own rights read it."""
    body = text.strip().partition("?")[0]
    named = (pattern.strip() for pattern in engine.settings.audiences.split(","))
    if actor.kind != "local" and not any(fnmatch.fnmatchcase(body, each) for each in named if each):
        raise Refused(
            Code.NOT_ALLOWED,
            "This list may not be read from here.",
            "The operator allows lists with CIS_AUDIENCES; or give the rows themselves.",
        )


def _region_of(engine: Engine) -> str:
    """The AWS region through which mail is sent."""
    host = engine.settings.outbox.get_secret_value().partition("ses://")[2]
    region = host.partition("?")[0].strip("/")
    if not _REGION.fullmatch(region):
        raise Refused(Code.INVALID_ARGUMENT, "No region is known for the list.", "Add ?region=eu-west-1.")
    return region


class _Reader:
    """Reads one list."""

    def __init__(
        self, engine: Engine, audience: ListAddress, chain: CredentialChain, page_s: float, *, patient: bool
    ) -> None:
        self._engine = engine
        self._audience = audience
        self._chain = chain
        self._page_s = page_s
        self._patient = patient
        self._lists = ListServices(audience.region, chain, system_clock)

    async def rows(self) -> list[ListRow]:
        if self._audience.kind == "s3":
            return await self._objects(self._audience.name, self._audience.part)
        if self._audience.kind == "ses-list":
            return await self._contacts()
        return await self._segment()

    async def _objects(self, name: str, key: str) -> list[ListRow]:
        """The rows of an object or, if the key ends with a slash, of all objects below it, in order."""
        bucket = Bucket(name, self._audience.region, "", self._chain, system_clock)
        try:
            keys = await _below(bucket, key) if key.endswith("/") else [key]
            rows: list[ListRow] = []
            left = csvlist.BYTES_MAX
            for each in keys:
                data = (await bucket.read(each, left)).data
                content = await pools.LISTS.run(_opened, data, left)
                left -= len(content)
                rows += await self._read(content, len(rows) + 1)
            return rows
        finally:
            await bucket.close()

    async def _read(self, content: bytes, first: int) -> list[ListRow]:
        if content.lstrip(_BLANK)[:1] in {b"{", b"["}:
            return await pools.LISTS.run(_of_json, content, first)
        rows = await read_list(self._engine, content)
        return [replace(row, number=row.number + first - 1) for row in rows] if first > 1 else rows

    async def _contacts(self) -> list[ListRow]:
        rows: list[ListRow] = []
        page, pages = "", 0
        while True:
            found, page = await self._lists.contacts(self._audience.name, self._audience.part, page)
            pages += 1
            for one in found:
                code = Code.ADDRESS_SUPPRESSED.value if one.opted_out else ""
                rows.append(ListRow(one.address, number=len(rows) + 1, code=code))
            table.refuse_too_many(len(rows), table.ROWS_MAX)
            if not page:
                return rows
            if pages >= _PAGES_MAX and not self._patient:
                raise Refused(
                    Code.TOO_LARGE,
                    f"The contact list has more than {len(rows):,} contacts, which SES hands out at 1,000 a second.",
                    "Ask the operator to read it at the command line, or put it into S3.",
                )
            await asyncio.sleep(self._page_s)

    async def _segment(self) -> list[ListRow]:
        """The rows of a segment, which Customer Profiles exports in minutes. Raises Refused(BUSY) if not patient."""
        one = self._audience
        name = one.snapshot or (await self._lists.snapshot(one.name, one.part, one.to)).id
        for look in range(10**9 if self._patient else _LOOKS):
            now = await self._lists.snapshot_now(one.name, one.part, name)
            if now.state == "COMPLETED":
                place = ListAddress.of(now.uri if now.uri.endswith("/") else f"{now.uri}/")
                return await self._objects(place.name, place.part)
            if now.state == "FAILED":
                why = f"The snapshot has failed: {now.message[:200]}."
                raise Refused(Code.URL_NOT_READABLE, why, _HINT["customer-profiles"])
            await asyncio.sleep(min(_LOOK_S, self._page_s) if look else 0)
        again = f"customer-profiles:{one.name}/{one.part}?snapshot={name}&region={one.region}"
        raise Refused(Code.BUSY, "The snapshot of the segment is being made.", f"Ask again with {again}")


async def _below(bucket: Bucket, prefix: str) -> list[str]:
    found: list[str] = []
    following = ""
    while True:
        objects, following = await bucket.page(prefix, following)
        found += [each.key for each in objects if each.size]
        if len(found) > _OBJECTS_MAX:
            raise Refused(Code.TOO_LARGE, f"More than {_OBJECTS_MAX} objects are there.", "Name one of them.")
        if not following:
            break
    if not found:
        raise Refused(Code.EMPTY_LIST, "Nothing is there.", "Give the key of an object, or of a folder.")
    return found


def _opened(data: bytes, most: int) -> bytes:
    """The content, decompressed if it is gzip, up to `most` bytes. Raises Refused: TOO_LARGE, CSV_UNREADABLE."""
    if not data.startswith(_GZIP):
        found = data
    else:
        try:
            found = _gunzipped(data, most)
        except zlib.error:
            raise table.unreadable("The list is no whole gzip file.") from None
    if len(found) > most:
        raise table.too_large(table.ROWS_MAX)
    return found


def _gunzipped(data: bytes, most: int) -> bytes:
    found = bytearray()
    while data.startswith(_GZIP) and len(found) <= most:
        member = zlib.decompressobj(zlib.MAX_WBITS | 16)
        found += member.decompress(data, most + 1 - len(found))
        if not member.eof and len(found) <= most:
            raise zlib.error("cut off")
        data = member.unused_data
    return bytes(found)


def _of_json(content: bytes, first: int) -> list[ListRow]:
    return jsonlist.read(csvlist.decode(content), first)
