"""Records in a Route 53 zone: added only where none exist, never in place of others.

A TXT record beside them, `_cis-records.DOMAIN`, names those that a stack added; it is written in the same change as
they are, so that records older than an installation are never taken for its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cis_mcp.aws import dns
from cis_mcp.aws.clients import Clients, code_of
from cis_mcp.aws.dns import DnsRecord
from cis_mcp.aws.options import InstallationOptions

MARK = "_cis-records"


class Zone:
    """One hosted zone."""

    def __init__(self, clients: Clients, options: InstallationOptions) -> None:
        self._route53 = clients.of("route53")
        self._zone = options.zone
        self._stack, self._domain = options.stack, options.domain

    def compared(self, records: Sequence[DnsRecord]) -> tuple[list[DnsRecord], list[str]]:
        """Which records are missing, and a line about each record; those that differ are reported and left alone."""
        missing, lines = [], []
        for record in records:
            values = self._values(record)
            if values is None:
                missing.append(record)
                lines.append(f"record to add: {record.name} {record.type} {record.data}")
            elif record.data in values:
                lines.append(f"{record.name} {record.type} is there")
            else:
                others = ", ".join(values)[:200]
                lines.append(f"LEFT: {record.name} {record.type} is {others}; add {record.data} to it")
        return missing, lines

    def add(self, missing: Sequence[DnsRecord]) -> Iterator[str]:
        """Add records where none exist, mark them as ours, and report each."""
        if not missing:
            return
        marks = self._marks()
        after = list(dict.fromkeys([*marks, *map(self._mark, missing)]))
        self._change([*dns.changes(missing, "CREATE"), *self._marked(marks, after)])
        for record in missing:
            yield f"added {record.name} {record.type}"

    def ours(self, records: Sequence[DnsRecord]) -> list[DnsRecord]:
        """The records that this stack added, and that are unchanged since."""
        marks = self._marks()
        return [one for one in records if self._mark(one) in marks and self._values(one) == [one.data]]

    def remove(self, records: Sequence[DnsRecord]) -> Iterator[str]:
        """Delete those of `records` that this stack added; what was there before, or was changed since, stays."""
        from botocore.exceptions import ClientError

        for record in self.ours(records):
            marks = self._marks()
            after = [one for one in marks if one != self._mark(record)]
            try:
                self._change([*dns.changes([record], "DELETE"), *self._marked(marks, after)])
            except ClientError as error:
                if code_of(error) != "InvalidChangeBatch":
                    raise
            else:
                yield f"{record.name} {record.type}"

    def _mark(self, record: DnsRecord) -> str:
        """The name of a record in the list of ours, without the domain, so that it fits into one TXT string."""
        own = record.name.removesuffix(self._domain).rstrip(".") or "@"
        return f'"{self._stack} {record.type} {own}"'

    def _marks(self) -> list[str]:
        return self._values(DnsRecord(name=f"{MARK}.{self._domain}", type="TXT", value="")) or []

    def _marked(self, before: Sequence[str], after: Sequence[str]) -> list[dict[str, object]]:
        """The changes from one list of ours to the next; none if it stays the same."""
        if list(before) == list(after):
            return []
        name = f"{MARK}.{self._domain}"
        return [dns.change("UPSERT" if after else "DELETE", name, "TXT", after or before)]

    def _values(self, record: DnsRecord) -> list[str] | None:
        found: dict[str, Any] = self._route53.list_resource_record_sets(
            HostedZoneId=self._zone,
            StartRecordName=f"{record.name}.",
            StartRecordType=record.type,
            MaxItems="1",
        )
        for one in found.get("ResourceRecordSets") or []:
            if one["Name"].rstrip(".") == record.name and one["Type"] == record.type:
                return [each["Value"] for each in one.get("ResourceRecords") or []]
        return None

    def _change(self, changes: Sequence[dict[str, object]]) -> None:
        """Apply all changes, or none."""
        self._route53.change_resource_record_sets(
            HostedZoneId=self._zone, ChangeBatch={"Changes": list(changes)}
        )
