"""An installation on AWS: its options, its templates, and an account where all is well."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cis_mcp.aws import dns, rights, template
from cis_mcp.aws.findings import Finding
from cis_mcp.aws.options import InstallationOptions
from cis_mcp.aws.preflight import Preflight
from tests.support.awsstubs import Stubbed

ROOT = Path(__file__).resolve().parents[2]
DOMAIN = "invites.example.com"
GIVEN = {"domain": DOMAIN, "region": "eu-west-1"}
OPTIONS = InstallationOptions(domain=DOMAIN, region="eu-west-1")
ADMIN = "arn:aws:iam::111122223333:role/admin"
CERTIFICATE = "arn:aws:acm:eu-west-1:111122223333:certificate/1a2b"
SERVERLESS = {"form": "serverless", "image": "1.dkr.ecr.eu-west-1.amazonaws.com/cis:1"}


def machine_resources(*, machine: bool = True) -> dict[str, Any]:
    """What the template makes, with a machine or without."""
    found: dict[str, Any] = template.build(machine=machine)["Resources"]
    return found


def allowing(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All statements of a template that allow something."""
    if isinstance(found, dict):
        if found.get("Effect") == "Allow":
            yield found
        for value in found.values():
            yield from allowing(value)
    elif isinstance(found, list):
        for value in found:
            yield from allowing(value)


def serverless_resources() -> dict[str, Any]:
    """What the template of functions and tasks makes."""
    found: dict[str, Any] = template.build(serverless=True)["Resources"]
    return found


def dns_records() -> list[dns.DnsRecord]:
    """The records of the domain, with one key of DKIM."""
    return dns.records(OPTIONS, {f"abc._domainkey.{DOMAIN}": "abc.dkim.amazonses.com"})


@contextmanager
def account(**values: object) -> Iterator[Stubbed]:
    """An account where all is well, save for what `values` say of an operation."""
    clients = Stubbed()
    arn = "arn:aws:sts::111122223333:assumed-role/admin/ann"
    clients.answers("sts", "get_caller_identity", Account="111122223333", Arn=arn, UserId="x")
    if not values.get("rights_unasked"):
        role = {"Path": "/", "RoleName": "admin", "RoleId": "AROA" + "A" * 17, "Arn": ADMIN}
        clients.answers("iam", "get_role", Role={**role, "CreateDate": "2027-03-01T00:00:00Z"})
        results = [
            {
                "EvalActionName": one,
                "EvalDecision": "implicitDeny" if one in values.get("denied", ()) else "allowed",
            }  # type: ignore[operator]
            for one in rights.needed(OPTIONS)
        ]
        clients.answers("iam", "simulate_principal_policy", EvaluationResults=results, IsTruncated=False)
    else:
        clients.refuses("iam", "get_role", "AccessDenied")
    quota = {"MaxSendRate": 14.0, "Max24HourSend": 5e4, "SentLast24Hours": 0.0}
    found = {"SendQuota": quota, "ProductionAccessEnabled": True, "SendingEnabled": True}
    clients.answers("sesv2", "get_account", **{**found, **_of(values, "get_account")})
    if identity := _of(values, "identity"):
        clients.answers("sesv2", "get_email_identity", **identity)
    else:
        clients.refuses("sesv2", "get_email_identity", "NotFoundException")
    clients.answers("ses", "describe_active_receipt_rule_set", **_of(values, "rules"))
    clients.answers("ses", "describe_active_receipt_rule_set", **_of(values, "rules"))
    for _ in range(2 if identity else 1):
        if state := values.get("state"):
            stack = {"StackName": "cis-prod", "StackStatus": state, "CreationTime": "2027-03-01T00:00:00Z"}
            clients.answers("cloudformation", "describe_stacks", Stacks=[stack])
        else:
            clients.refuses("cloudformation", "describe_stacks", "ValidationError")
    if values.get("table"):
        clients.answers("dynamodb", "describe_table", Table={"TableName": "thirtyone"})
    else:
        clients.refuses("dynamodb", "describe_table", "ResourceNotFoundException")
    if values.get("code_bucket"):
        clients.refuses("s3", "head_bucket", str(values["code_bucket"]))
    clients.answers("ec2", "describe_subnets", Subnets=[{"SubnetId": "subnet-1"}])
    clients.answers("cloudformation", "validate_template")
    try:
        yield clients
    finally:
        clients.close()


def _of(values: dict[str, object], name: str) -> dict[str, Any]:
    found = values.get(name) or {}
    assert isinstance(found, dict)
    return found


def checked(
    clients: Stubbed,
    records: dict[tuple[str, str], list[str]] | None = None,
    options: InstallationOptions = OPTIONS,
) -> dict[str, Finding]:
    here = {("inbound-smtp.eu-west-1.amazonaws.com", "A"): ["192.0.2.1"]} | (records or {})
    preflight = Preflight(clients, options, lambda name, kind: here.get((name, kind), []))  # type: ignore[arg-type]
    return {one.name: one for one in preflight.run()}
