"""The options of an installation: its own, and the parameters of the published Calendar Invite Server."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from engine.aws.s3 import BUCKET
from engine.model.base import Value
from engine.refusals import Code, Refused

_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+){1,3}-[0-9]{1,2}")
NONE = "none"
"""The value of a flag that takes away what was installed."""
_NAME = re.compile(r"[a-z][a-z0-9-]{0,20}")
_PATTERNS = {
    "domain": (_DOMAIN, "a domain such as invites.example.com"),
    "region": (_REGION, "a region such as eu-west-1"),
    "project": (_NAME, "up to 21 lower case letters, digits and -"),
    "environment": (_NAME, "up to 21 lower case letters, digits and -"),
    "bucket": (re.compile(f"|{BUCKET.pattern}"), "the name of an existing bucket"),
    "zone": (re.compile(r"|Z[A-Z0-9]{5,31}"), "the id of a hosted zone such as Z0123456789ABC"),
    "table": (re.compile(r"|[A-Za-z0-9_.-]{3,255}"), "the name of a table of DynamoDB"),
    "subnet": (
        re.compile(r"|subnet-[0-9a-f]{8,17}(,subnet-[0-9a-f]{8,17})*"),
        "a subnet such as subnet-0123456789abcdef0; for the serverless form two or more, comma separated",
    ),
    "form": (re.compile("instance|serverless"), "instance or serverless"),
    "image": (
        re.compile(r"|[a-z0-9][\w.:/@-]{2,254}"),
        "an image such as 1.dkr.ecr.eu-west-1.amazonaws.com/cis:1",
    ),
    "burst": (re.compile(r"[1-9][0-9]{0,4}"), "a number of requests"),
    "rate": (re.compile(r"[1-9][0-9]{0,4}"), "a number of requests a second"),
    "instance_type": (re.compile(r"[a-z0-9]+g[a-z]*\.[a-z0-9]+"), "an Arm instance type such as t4g.small"),
    "alarm_email": (re.compile(r"|[^@\s]+@[^@\s]+\.[^@\s]+"), "an address"),
    "certificate": (
        re.compile(r"|arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[A-Za-z0-9-]+"),
        "the ARN of a certificate of ACM",
    ),
}


class InstallationOptions(Value):
    """One installation: `domain` receives the mail, in `region`; its stack is named `project`-`environment`."""

    domain: str
    region: str
    profile: str = ""
    project: str = "cis"
    environment: str = "prod"
    bucket: str = Field("", description="existing bucket for mail; empty: one of its own")
    own_identity: bool = Field(
        True, description="False: the SES identity of the domain exists and is left alone"
    )
    table: str = Field("", description="table of a published server on this account, whose events are wanted")
    zone: str = Field("", description="Route 53 zone of the domain; empty: records are printed")
    subnet: str = Field("", description="public subnet of the machine; empty: one of the default VPC")
    instance_type: str = "t4g.small"
    volume_gb: int = Field(20, ge=8, le=16_000)
    organizers: str = Field("", description="who may create events by mail; empty: *@domain")
    alarm_email: str = ""
    nightly_export: bool = Field(False, description="all tables go to the mail bucket every night")
    delivery_events: bool = Field(
        False, description="SES tells of each delivery, not only of what went wrong"
    )
    form: Literal["instance", "serverless"] = "instance"
    image: str = Field("", description="serverless: image of the tasks, made from deploy/Containerfile")
    certificate: str = Field("", description="serverless: certificate for api. and live. the domain")
    burst: int = Field(200, description="serverless: requests at once to the functions")
    rate: int = Field(100, description="serverless: requests a second to the functions")
    skip_domain_check: bool = False
    machine: bool = Field(
        True, description="False: queues, bucket and identity alone, for a server elsewhere"
    )

    @property
    def stack(self) -> str:
        """The name of the stack."""
        return f"{self.project}-{self.environment}"

    @property
    def serverless(self) -> bool:
        """True for functions and tasks with DynamoDB as their store."""
        return self.machine and self.form == "serverless"


def read(
    flags: Mapping[str, object], environment: Mapping[str, str], parameters: Mapping[str, str]
) -> InstallationOptions:
    """Options from flags, the published server's parameters and environment variables, in that order.

    Raises Refused: INVALID_ARGUMENT, with every problem.
    """
    given = {name: environment[variable] for variable, name in VARIABLES.items() if environment.get(variable)}
    problems = [why for name, why in _refused(parameters)]
    for name, value in parameters.items():
        if (
            isinstance(field := REFERENCE_PARAMETERS.get(name), str)
            and field in InstallationOptions.model_fields
        ):
            given[field] = value
    merged: dict[str, object] = {**given, **_switches(parameters)}
    merged |= {
        name: "" if value == NONE else value for name, value in flags.items() if value not in {None, ""}
    }
    problems += [f"{name} is needed" for name in ("domain", "region") if not merged.get(name)]
    problems += _malformed(merged)
    problems += _of_the_other_form(merged) if merged.get("form") != "serverless" else _not_serverless(merged)
    if problems:
        raise Refused(Code.INVALID_ARGUMENT, f"This cannot be installed: {'; '.join(problems)}.")
    return InstallationOptions.model_validate(merged)


def _malformed(merged: Mapping[str, object]) -> list[str]:
    return [
        f"{name}: give {words}"
        for name, (pattern, words) in _PATTERNS.items()
        if name in merged and not pattern.fullmatch(str(merged[name]))
    ]


def _of_the_other_form(merged: Mapping[str, object]) -> list[str]:
    """What is wrong with the options of a machine."""
    found = [f"certificate: {_NO_DOOR}"] if merged.get("certificate") else []
    if merged.get("image"):
        found.append("image: a machine runs no container; give --form serverless")
    limits = {"burst": "200", "rate": "100"}
    if any(str(merged.get(name, usual)) != usual for name, usual in limits.items()):
        found.append("BurstLimit, RateLimit: a machine limits requests itself; leave them out")
    if "," in str(merged.get("subnet", "")):
        found.append("subnet: a machine is in one")
    return found


def _not_serverless(merged: Mapping[str, object]) -> list[str]:
    """What is wrong with the options of the serverless form."""
    found = []
    if not merged.get("image") and merged.get("machine") is not False:
        found.append(f"image is needed: {_BUILD}")
    certificate, region = str(merged.get("certificate", "")), merged.get("region", "")
    if certificate and f":acm:{region}:" not in certificate:
        found.append(f"certificate: one of {region} is needed, where the functions are")
    subnet = str(merged.get("subnet", ""))
    if subnet and "," not in subnet:
        found.append("subnet: give two, in two zones, comma separated")
    return found


def _refused(parameters: Mapping[str, str]) -> list[tuple[str, str]]:
    """Parameters that are unknown, or ask for what this form of installation does not have."""
    found = []
    for name, value in parameters.items():
        if name not in REFERENCE_PARAMETERS:
            found.append((name, f"{name} is no parameter of either product"))
        elif (
            isinstance(reason := REFERENCE_PARAMETERS[name], ParameterRefusal)
            and value not in reason.harmless
        ):
            found.append((name, f"{name}: {reason.why}"))
    return found


def _switches(parameters: Mapping[str, str]) -> dict[str, object]:
    found: dict[str, object] = {}
    if imported := parameters.get("ImportedSesEmailIdentity", ""):
        found["own_identity"] = imported.lower() in {"false", "no"}
    # Without a table that exists its name asks for nothing: events live in SQLite on the volume.
    if parameters.keys() & {"DynamoDbTableExists", "DynamoDbTableName"}:
        there = parameters.get("DynamoDbTableExists", "").lower() not in {"", "false", "no"}
        found["table"] = (parameters.get("DynamoDbTableName") or "thirtyone") if there else ""
    return found


class ParameterRefusal(Value):
    """Why a parameter is refused; `harmless`: values that change nothing, and so are accepted."""

    why: str
    harmless: frozenset[str] = frozenset({"", "false", "False", "no"})


VARIABLES = {
    "AWS_PROFILE": "profile",
    "AWS_REGION": "region",
    "AWS_DEFAULT_REGION": "region",
    "DOMAIN_NAME": "domain",
    "DEPLOYMENT_NAME": "project",
    "APP_ENVIRONMENT": "environment",
    "CERTIFICATE_ARN": "certificate",
}
"""Variables of the reference product; flags come before them."""

_BUILD = "podman build -f deploy/Containerfile, push it to your registry, and give --image"
_NO_DOOR = (
    "the machine has no public HTTP endpoint of its own; put a load balancer or a proxy with it in front, or give "
    "--form serverless"
)
REFERENCE_PARAMETERS: Mapping[str, str | ParameterRefusal] = {
    "DomainName": "domain",
    "HostedZoneId": "zone",
    "Environment": "environment",
    "Project": "project",
    "ImportedSesS3Bucket": "bucket",
    "SesS3BucketName": ParameterRefusal(
        why="the bucket is named by the stack; an existing one is given as ImportedSesS3Bucket"
    ),
    "ImportedSesEmailIdentity": "own_identity by a switch",
    "SesEmailIdentityName": ParameterRefusal(why="the identity is the domain; leave it out"),
    "SesBulkEmailIdentityName": ParameterRefusal(why="one identity sends all mail; leave it out"),
    "DynamoDbTableName": "table",
    "DynamoDbTableExists": "table by a switch",
    "ImportedApiKeyId": ParameterRefusal(
        why="a key here has an owner, bounds and an end, and only its hash is kept; make one with “cis-mcp key create "
        "--api standard”"
    ),
    "ImportedApiDomainCertificate": "certificate",
    "ApiGatewayDomainExists": ParameterRefusal(
        why="the stack makes api. the domain itself; map one that exists to its API by hand"
    ),
    "ApiKeyEnabled": ParameterRefusal(
        why="keys are always needed; leave it out", harmless=frozenset({"", "true", "True", "yes"})
    ),
    "AwsHostedZone": ParameterRefusal(
        why="give HostedZoneId, and the zone is written to", harmless=frozenset({"", "true", "false"})
    ),
    "BurstLimit": "burst",
    "RateLimit": "rate",
    "DefaultLambdaLogLevel": ParameterRefusal(
        why="set CIS_LOG_LEVEL of the server", harmless=frozenset({"", "INFO", "ERROR"})
    ),
}
"""Each parameter of the reference's template: which option it is, or why it is not taken."""

REFUSED_FLAGS = {
    "--use-container": "nothing is built in a container: wheels are taken as they are, for the machine's platform",
}
IDLE_FLAGS = {
    "--no-install-tools": "no tool is ever installed",
    "--skip-acm-check": "no certificate is looked for",
    "--keep-local-envs": "no environment is made on this machine",
    "--keep-sar-apps": "nothing is published to the Serverless Application Repository",
}
"""Flags of the reference that are taken and change nothing, with why."""
