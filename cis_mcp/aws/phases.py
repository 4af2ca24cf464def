"""The phases: bootstrap, deploy and destroy; each can be repeated, shows what it would do, and asks before doing it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cis_mcp.aws import bundle, dns, template
from cis_mcp.aws.clients import Clients, code_of
from cis_mcp.aws.code_bucket import CodeBucket
from cis_mcp.aws.continuing import continued, kept
from cis_mcp.aws.dns import DnsRecord
from cis_mcp.aws.options import InstallationOptions
from cis_mcp.aws.rules import Rules
from cis_mcp.aws.stack import Stack
from cis_mcp.aws.zone import Zone
from engine.refusals import Code, Refused

Confirm = Callable[[str], bool]
"""Asks whether to go on; True with `--yes`, False with `--dry-run`."""
Say = Callable[[str], None]
_RETAINED = ("MailBucket", "DataVolume", "Identity", "Table", "SharedSecret")
_SERVERS = ("Machine", "WebFunction")


class Installation:
    """One installation on one account."""

    def __init__(
        self,
        clients: Clients,
        options: InstallationOptions,
        say: Say,
        confirm: Confirm,
        *,
        look_s: float = 2.0,
    ) -> None:
        self._clients = clients
        self._options = options
        self._say = say
        self._confirm = confirm
        self._look_s = look_s
        self._installed: dict[str, str] = {}
        self.stack = Stack(clients, options.stack, look_s=look_s)

    def bootstrap(self) -> bool:
        """Create queues, bucket, identity, receipt rule and DNS records. False if it was not confirmed."""
        self._go_on()
        if self._server():
            self._say("The server is there already: its stack is changed by deploy.")
        elif not self._changed(template.text(machine=False), self._plain()):
            return False
        return self._mail()

    def deploy(self) -> bool:
        """Upload the code, create the machine, and last the receipt rule. False if it was not confirmed."""
        if not self._options.machine:
            return self.bootstrap()
        self._go_on()
        wanted = "WebFunction" if self._options.serverless else "Machine"
        if self._server() not in {"", wanted}:
            raise Refused(
                Code.INVALID_ARGUMENT,
                f"{self._options.stack} has the other form, which keeps its data elsewhere.",
                "Install this form under another --project, and move the data there.",
            )
        if (place := self._uploaded()) is None:
            return False
        bucket, key = place
        code = {"CodeBucket": bucket, "CodeKey": key, "Organizers": self._options.organizers}
        if self._options.serverless:
            parameters = {**self._plain(), **self._functions(), **code}
            body = template.text(serverless=True)
            return self._changed(body, parameters) and self._mail() and self._addressed()
        parameters = {**self._plain(), **self._placed(), **code, "VolumeSize": self._size()}
        parameters["InstanceType"] = self._options.instance_type
        return self._changed(template.text(), parameters) and self._mail()

    def destroy(self, *, data: bool) -> bool:
        """Remove what is ours; with `data` also mail, volume and identity. False if it was not confirmed."""
        found = self.stack.resources()
        if not found:
            self._say(f"There is no stack {self._options.stack}.")
            return True
        going = self._going_records(found, data=data)
        for line in self._fates(found, data=data):
            self._say(line)
        if not self._confirm(f"Remove {self._options.stack}?"):
            return False
        for line in Rules(self._clients, self._options).remove():
            self._say(f"removed {line}")
        self.stack.remove()
        if "Identity" in [name for name, _, _ in found] and not data:
            self._free_identity()
        if self._options.zone:
            for line in Zone(self._clients, self._options).remove(going):
                self._say(f"removed {line}")
        if data:
            self._remove_data({name: physical for name, _, physical in found})
        return True

    def _free_identity(self) -> None:
        """The identity that stays names the configuration set that went: whoever mails as the domain is refused."""
        from botocore.exceptions import ClientError

        domain = self._options.domain
        try:
            self._clients.of("sesv2").put_email_identity_configuration_set_attributes(EmailIdentity=domain)
        except ClientError as error:
            again = f"aws sesv2 put-email-identity-configuration-set-attributes --email-identity {domain}"
            self._say(f"the identity still names its configuration set ({code_of(error)}): {again}")

    def records(self) -> list[DnsRecord]:
        """The records that the domain needs, with the DKIM names that SES asks for."""
        return dns.records(self._options, self._dkim())

    def _mail(self) -> bool:
        """Set the receipt rule, once all it refers to exists, and the DNS records, if a zone is given.

        Shows what would change, and asks before changing it. False if it was not confirmed.
        """
        found, rules = self.stack.outputs(), Rules(self._clients, self._options)
        bucket, topic = found["Bucket"], found["TopicArn"]
        self._say(rules.plan())
        zone, missing = self._missing_records()
        if one := self._options.table:
            region = self._options.region
            self._say(
                f"bring its events over, on the server: cis-mcp import 'dynamodb://{one}?region={region}'"
            )
        if rules.stands(bucket, topic) and not missing:
            return True
        if not self._confirm("Make this receipt rule, and these records?" if missing else "Make this rule?"):
            return False
        rules.put(bucket, topic)
        if zone:
            for line in zone.add(missing):
                self._say(line)
        return True

    def _missing_records(self) -> tuple[Zone | None, list[DnsRecord]]:
        """The zone to write to, if one is named, and the records it lacks; reports a line about each record."""
        if not self._options.zone:
            return None, []
        zone = Zone(self._clients, self._options)
        missing, lines = zone.compared(self.records())
        for line in lines:
            self._say(line)
        return zone, missing

    def _going_records(self, found: list[tuple[str, str, str]], *, data: bool) -> list[DnsRecord]:
        """The records to remove with the stack: those that it added, but only the MX if the identity stays."""
        if not self._options.zone:
            return []
        all_of_them = self.records()
        ours = Zone(self._clients, self._options).ours(all_of_them)
        goes = data and "Identity" in [name for name, _, _ in found]
        going = ours if goes else dns.of_receiving(ours, self._options.domain)
        for one in all_of_them:
            self._say(f"{'removes' if one in going else 'keeps  '} {one.name} {one.type} (DNS)")
        return going

    def _go_on(self) -> None:
        """Take what was not given as it was installed."""
        self._installed = self.stack.parameters()
        whole = continued(self._options, self._installed)
        for line in kept(self._options, whole):
            self._say(f"as installed: {line}")
        self._options = whole

    def _changed(self, body: str, parameters: dict[str, str]) -> bool:
        """Show a change set, and run it if that is confirmed. Raises Refused if it would replace what holds data."""
        changes = self.stack.propose(body, parameters)
        for change in changes:
            self._say(change.line)
        if lost := [one.resource for one in changes if one.replaced and one.resource in _RETAINED]:
            self.stack.forget()
            raise Refused(
                Code.INVALID_ARGUMENT,
                f"An empty one would take the place of {', '.join(lost)}.",
                "Give what the first installation was given, or install under another --project.",
            )
        if not changes:
            self._say("The stack is as it should be.")
            return True
        if not self._confirm(f"Make these {len(changes)} changes?"):
            self.stack.forget()
            return False
        # A new table is protected: a rollback that had to delete it would fail.
        self.stack.carry_out(keep_new="Table" in [one.resource for one in changes if one.action == "Add"])
        return True

    def _plain(self) -> dict[str, str]:
        one = self._options
        return {
            "DomainName": one.domain,
            "OwnIdentity": "true" if one.own_identity else "false",
            "ImportedBucket": one.bucket,
            "AlarmEmail": one.alarm_email,
            "NightlyExport": "true" if one.nightly_export else "false",
            "DeliveryEvents": "true" if one.delivery_events else "false",
            "ImportedTable": one.table,
        }

    def _server(self) -> str:
        """The logical name of the server in the stack; empty if it has none."""
        found = [name for name, _, _ in self.stack.resources()]
        return next((name for name in _SERVERS if name in found), "")

    def _functions(self) -> dict[str, str]:
        """The parameters of the serverless form; its network is that of its subnets."""
        one = self._options
        found = self._subnets(one.subnet.split(",") if one.subnet else [])
        vpc = str(found[0]["VpcId"])
        subnets = [str(each["SubnetId"]) for each in found if each["VpcId"] == vpc]
        if len({each["AvailabilityZone"] for each in found if each["VpcId"] == vpc}) < _ZONES:
            raise Refused(Code.INVALID_ARGUMENT, "Subnets in two zones are needed.", "Give --subnet A,B.")
        return {
            "ContainerImage": one.image,
            "Certificate": one.certificate,
            "Vpc": vpc,
            "ProxyNetworks": ",".join(self._networks(vpc)),
            "Subnets": ",".join(subnets),
            "RateLimit": str(one.rate),
            "BurstLimit": str(one.burst),
        }

    def _addressed(self) -> bool:
        """Report the addresses of the functions, and the names that lead there."""
        found, domain = self.stack.outputs(), self._options.domain
        self._say(f"MCP at {found['PublicUrl']}/mcp")
        for name, output in (("api", "ApiTarget"), ("live", "LiveTarget")):
            if target := found.get(output):
                self._say(f"record to enter: {name}.{domain} CNAME {target}")
        secret = secret_of(found["SecretArn"], self._options.region)
        self._say(
            f"make a key where your credentials are: CIS_STORE='{found['Store']}' CIS_DOMAIN={domain} "
            f"CIS_SECRET={secret} cis-mcp key create --name me --for you@{domain}"
        )
        return True

    def _size(self) -> str:
        """The GB of the volume. Raises Refused if they are fewer than it has: EBS makes no volume smaller."""
        wanted, there = self._options.volume_gb, int(self._installed.get("VolumeSize", 0))
        if wanted < there:
            raise Refused(Code.INVALID_ARGUMENT, f"The data volume has {there} GB, and can only grow.")
        return str(wanted)

    def _placed(self) -> dict[str, str]:
        """The subnet, its network and its zone. Raises Refused for another zone than that of the volume."""
        found = self._subnets([self._options.subnet] if self._options.subnet else [])
        first = min(found, key=lambda one: str(one["AvailabilityZone"]))
        if (zone := self._installed.get("Zone", first["AvailabilityZone"])) != first["AvailabilityZone"]:
            raise Refused(
                Code.INVALID_ARGUMENT,
                f"The data volume is in {zone}, and {first['SubnetId']} is not.",
                f"Give --subnet with a public subnet in {zone}.",
            )
        return {"Subnet": first["SubnetId"], "Vpc": first["VpcId"], "Zone": first["AvailabilityZone"]}

    def _subnets(self, wanted: list[str]) -> list[dict[str, Any]]:
        """The subnets that are named, or those of the default network. Raises Refused: INVALID_ARGUMENT."""
        how: dict[str, Any] = {"SubnetIds": wanted} if wanted else {"Filters": _DEFAULTS}
        found = list(self._clients.of("ec2").describe_subnets(**how).get("Subnets") or [])
        if not found:
            raise Refused(Code.INVALID_ARGUMENT, "There is no default subnet.", "Give --subnet.")
        return found

    def _networks(self, vpc: str) -> list[str]:
        """The address ranges of a VPC."""
        (found,) = self._clients.of("ec2").describe_vpcs(VpcIds=[vpc])["Vpcs"]
        four = [(one, "CidrBlock", "CidrBlockState") for one in found.get("CidrBlockAssociationSet") or []]
        six = [
            (one, "Ipv6CidrBlock", "Ipv6CidrBlockState")
            for one in found.get("Ipv6CidrBlockAssociationSet") or []
        ]
        networks = [
            str(one[block])
            for one, block, state in four + six
            if one.get(state, {}).get("State", "associated") == "associated"
        ] or [str(found["CidrBlock"])]
        return list(dict.fromkeys(networks))

    def _uploaded(self) -> tuple[str, str] | None:
        """Bucket and key of the code, which is not uploaded again under the same hash. None if it was not confirmed."""
        bucket = CodeBucket(self._clients, self._options.region)
        with tempfile.TemporaryDirectory(prefix="cis-code-") as folder:
            wheels, target = Path(folder) / "wheels", Path(folder) / "code.zip"
            wheels.mkdir()
            self._say("downloading the locked wheels for the machine's platform")
            key = f"code/{self._written(wheels, target)}.zip"
            self._say(f"code: s3://{bucket.name}/{key}, {target.stat().st_size / 1e6:.1f} MB")
            done = bucket.put(key, target, lambda: self._may_upload(bucket.name, key))
            return (bucket.name, key) if done else None

    def _may_upload(self, name: str, key: str) -> bool:
        self._say(f"to upload: {key}, into the private bucket {name}, which is made if it is not there")
        confirmed = self._confirm(f"Put the code into s3://{name}?")
        if not confirmed:
            self._say(
                "The change set names the code, so it is shown after the upload; say yes to that first."
            )
        return confirmed

    def _written(self, wheels: Path, target: Path) -> str:
        """Download the wheels and write the zip; returns its hash. A machine's zip also has what exports need."""
        if self._options.serverless:
            if self._options.nightly_export:
                self._say(
                    "The nightly export has Parquet if the image was built with --build-arg PARQUET=yes."
                )
            bundle.download(wheels, python=bundle.FUNCTION_PYTHON)
            return bundle.write_unpacked(wheels, target)
        more = [bundle.PARQUET] if self._options.nightly_export else []
        bundle.download(wheels, *more)
        return bundle.write(wheels, target, *more)

    def _dkim(self) -> dict[str, str]:
        from botocore.exceptions import ClientError

        domain = self._options.domain
        try:
            found = self._clients.of("sesv2").get_email_identity(EmailIdentity=domain)
        except ClientError as error:
            if code_of(error) == "NotFoundException":
                return {}
            raise
        return dns.dkim(domain, found)

    def _fates(self, found: list[tuple[str, str, str]], *, data: bool) -> Iterator[str]:
        for name, kind, physical in found:
            stays = name in _RETAINED and not data
            yield f"{'keeps  ' if stays else 'removes'} {name} ({kind}) {physical}"
        if "DataVolume" in [name for name, _, _ in found]:
            yield "keeps   snapshots of the volume, and the code in its bucket"

    def _remove_data(self, names: dict[str, str]) -> None:
        if bucket := names.get("MailBucket"):
            _emptied(self._clients.of("s3"), bucket)
            self._say(f"removed bucket {bucket}")
        if volume := names.get("DataVolume"):
            self._clients.of("ec2").delete_volume(VolumeId=volume)
            self._say(f"removed volume {volume}")
        if table := names.get("Table"):
            dynamodb = self._clients.of("dynamodb")
            dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)
            # While the table is UPDATING it cannot be deleted.
            often = {"Delay": self._look_s, "MaxAttempts": _LOOKS_MAX}
            dynamodb.get_waiter("table_exists").wait(TableName=table, WaiterConfig=often)
            dynamodb.delete_table(TableName=table)
            self._say(f"removed table {table}")
        if secret := names.get("SharedSecret"):
            self._clients.of("secretsmanager").delete_secret(SecretId=secret)
            self._say(f"removed secret {secret}, in 30 days for good")
        if identity := names.get("Identity"):
            self._clients.of("sesv2").delete_email_identity(EmailIdentity=identity)
            self._say(f"removed identity {identity}")


def secret_of(arn: str, region: str) -> str:
    """A shell expression that reads a secret, so that the secret itself is never printed."""
    asked = f"aws secretsmanager get-secret-value --region {region} --secret-id {arn}"
    return f'"$({asked} --query SecretString --output text)"'


_LOOKS_MAX = 150
"""How often to look whether a table may be deleted: for five minutes."""
_ZONES = 2
"""A load balancer is in two zones at least."""
_DEFAULTS = [{"Name": "default-for-az", "Values": ["true"]}]


def _emptied(s3: Any, name: str) -> None:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name):
        keys = [{"Key": one["Key"]} for one in page.get("Contents") or []]
        if keys:
            s3.delete_objects(Bucket=name, Delete={"Objects": keys, "Quiet": True})
    s3.delete_bucket(Bucket=name)
