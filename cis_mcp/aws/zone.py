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

    def write(self, records: Sequence[Record]) -> Iterator[str]:
        """Add what is missing; what stands there otherwise is left, and said."""
        for record in records:
            values = self._values(record)
            if values is None:
                self._change(record, "CREATE")
                yield f"added {record.name} {record.type}"
            elif record.data in values:
                yield f"{record.name} {record.type} is there"
            else:
                yield f"LEFT: {record.name} {record.type} is {', '.join(values)[:200]}; add {record.data} to it"

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
