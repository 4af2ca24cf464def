"""The end of an installation: wait until SES sees the DNS records, then let the server on the machine verify itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cis_mcp.aws import dns
from cis_mcp.aws.clients import Clients, code_of
from cis_mcp.aws.dns import DnsRecord
from cis_mcp.aws.lookups import Lookup
from cis_mcp.aws.options import InstallationOptions
from cis_mcp.aws.phases import secret_of
from cis_mcp.aws.stack import Stack

Say = Callable[[str], None]
Sleep = Callable[[float], None]

_LOOK_S = 30.0
_ANSWER_LOOKS, _ANSWER_LOOK_S = 90, 10.0
"""A quarter of an hour: until the machine has booted, and its verification has ended."""
_VERIFY = "cloud-init status --wait >/dev/null; /usr/local/bin/cis-mcp verify --json"
_ENDED = frozenset({"Success", "Failed", "TimedOut", "Cancelled"})


class Finishing:
    """Waits for the DNS records, which others may have to add, and verifies the installation."""

    def __init__(
        self, clients: Clients, options: InstallationOptions, lookup: Lookup, say: Say, sleep: Sleep
    ) -> None:
        self._clients = clients
        self._options = options
        self._lookup = lookup
        self._say = say
        self._sleep = sleep

    def seen(self, minutes: int) -> bool:
        """True once SES has seen the domain's records; after `minutes`, report what is missing and return False."""
        for _ in range(max(1, round(minutes * 60 / _LOOK_S))):
            identity = self._identity()
            if not (missing := list(_unseen(identity))):
                self._say(f"SES has seen the records of {self._options.domain}")
                return True
            self._sleep(_LOOK_S)
        self._say(f"SES has not seen yet: {', '.join(missing)}")
        try:
            for record in self._absent(identity):
                self._say(f"not in the public DNS: {record.name} {record.type} {record.data}")
        except OSError as error:
            self._say(f"the public DNS could not be asked: {error}")
        self._say(f"go on once they are there: {self._again()}")
        return False

    def verified(self) -> bool:
        """True if every step of `cis-mcp verify` passed on the machine; each is reported."""
        machine = self._machine()
        if not machine:
            self._say("no machine is in service yet; look at its group in the console of EC2")
            return False
        self._say(f"{machine} runs “cis-mcp verify”")
        found = self._answered(machine)
        if found is None:
            self._say(f"{machine} has not answered; see there: aws ssm start-session --target {machine}")
            return False
        return self._told(found)

    def by_hand(self) -> None:
        """How to verify a server that is not on a machine of the stack."""
        outputs = Stack(self._clients, self._options.stack).outputs()
        values = {
            "CIS_STORE": outputs.get("Store", ""),
            "CIS_DOMAIN": self._options.domain,
            "CIS_OUTBOX": outputs.get("Outbox", ""),
            "CIS_INBOX": outputs.get("Inbox", ""),
        }
        given = " ".join(f"{name}='{value}'" for name, value in values.items() if value)
        if secret := outputs.get("SecretArn"):
            given += f" CIS_SECRET={secret_of(secret, self._options.region)}"
        self._say(f"verify it where your credentials are: {given} cis-mcp verify")

    def _identity(self) -> dict[str, Any]:
        found: dict[str, Any] = self._clients.of("sesv2").get_email_identity(
            EmailIdentity=self._options.domain
        )
        return found

    def _absent(self, identity: Mapping[str, Any]) -> list[DnsRecord]:
        wanted = dns.records(self._options, dns.dkim(self._options.domain, identity))
        return [one for one in wanted if not dns.stands(one, self._lookup(one.name, one.type))]

    def _again(self) -> str:
        one = self._options
        return (
            f"the same “cis-mcp aws full” for {one.domain} in {one.region}, which changes nothing that stands"
        )

    def _machine(self) -> str:
        """The id of the instance that is in service; empty without one."""
        resources = Stack(self._clients, self._options.stack).resources()
        groups = [physical for name, _, physical in resources if name == "Machine"]
        found = self._clients.of("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=groups)
        instances = [one for group in found["AutoScalingGroups"] for one in group.get("Instances") or []]
        return next((one["InstanceId"] for one in instances if one["LifecycleState"] == "InService"), "")

    def _answered(self, machine: str) -> dict[str, Any] | None:
        """The result of the verification on the machine; None if it does not arrive in time."""
        command = ""
        for _ in range(_ANSWER_LOOKS):
            command = command or self._sent(machine)
            found = self._invocation(machine, command) if command else {}
            if found.get("Status") in _ENDED:
                return found
            self._sleep(_ANSWER_LOOK_S)
        return None

    def _sent(self, machine: str) -> str:
        """Send the command and return its id; empty while the machine's SSM agent is not registered."""
        from botocore.exceptions import ClientError

        ssm = self._clients.of("ssm")
        try:
            sent = ssm.send_command(
                InstanceIds=[machine],
                DocumentName="AWS-RunShellScript",
                Parameters={"commands": [_VERIFY]},
            )
        except ClientError as error:
            if code_of(error) != "InvalidInstanceId":
                raise
            return ""
        return str(sent["Command"]["CommandId"])

    def _invocation(self, machine: str, command: str) -> dict[str, Any]:
        from botocore.exceptions import ClientError

        try:
            found: dict[str, Any] = self._clients.of("ssm").get_command_invocation(
                CommandId=command, InstanceId=machine
            )
        except ClientError as error:
            if code_of(error) != "InvocationDoesNotExist":
                raise
            return {}
        return found

    def _told(self, found: Mapping[str, Any]) -> bool:
        """Report each check of the verification; True if it passed."""
        try:
            told = json.loads(found.get("StandardOutputContent") or "")
            checks = [*told["preflight"], *told["steps"]]
        except (ValueError, KeyError, TypeError):
            self._say(f"the verification ended as {found['Status']}: {_tail(found)}")
            return False
        for one in checks:
            self._say(f"{one['mark']:<9} {one['name']:<28} {one['detail']}")
        return bool(told["passed"])


def _unseen(identity: Mapping[str, Any]) -> Iterator[str]:
    """What SES has not yet found in the DNS for an identity."""
    if not identity.get("VerifiedForSendingStatus"):
        yield "DKIM"
    own = identity.get("MailFromAttributes") or {}
    if own.get("MailFromDomain") and own.get("MailFromDomainStatus", "SUCCESS") != "SUCCESS":
        yield f"MAIL FROM {own['MailFromDomain']}"


def _tail(found: Mapping[str, Any]) -> str:
    return " ".join(
        str(found.get(f"Standard{one}Content") or "")[-300:] for one in ("Output", "Error")
    ).strip()
