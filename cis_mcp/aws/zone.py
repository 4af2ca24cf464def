"""Records in a zone of Route 53: added where nothing stands, never over somebody else's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cis_mcp.aws import dns
from cis_mcp.aws.clients import Clients, code_of
from cis_mcp.aws.dns import Record


class Zone:
    """One hosted zone."""

    def __init__(self, clients: Clients, zone: str) -> None:
        self._route53 = clients.of("route53")
        self._zone = zone

    def compared(self, records: Sequence[Record]) -> tuple[list[Record], list[str]]:
        """Which records are missing, and a line about each; what stands there otherwise is left, and said."""
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

    def add(self, missing: Sequence[Record]) -> Iterator[str]:
        """Add records where nothing stands, and say each."""
        for record in missing:
            self._change(record, "CREATE")
            yield f"added {record.name} {record.type}"

    def remove(self, records: Sequence[Record]) -> Iterator[str]:
        """Delete the records that are exactly ours."""
        from botocore.exceptions import ClientError

        for record in records:
            if self._values(record) == [record.data]:
                try:
                    self._change(record, "DELETE")
                except ClientError as error:
                    if code_of(error) != "InvalidChangeBatch":
                        raise
                else:
                    yield f"{record.name} {record.type}"

    def _values(self, record: Record) -> list[str] | None:
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

    def _change(self, record: Record, action: str) -> None:
        batch = {"Changes": dns.changes([record], action)}
        self._route53.change_resource_record_sets(HostedZoneId=self._zone, ChangeBatch=batch)
