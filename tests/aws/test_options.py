"""What an installation is told: flags, variables and parameters, those of the reference among them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cis_mcp.aws.options import (
    IDLE_FLAGS,
    REFERENCE_PARAMETERS,
    VARIABLES,
    ParameterRefusal,
    read,
)
from engine.refusals import Refused
from tests.aws.installing import CERTIFICATE, DOMAIN, GIVEN, OPTIONS, SERVERLESS
from tests.cli.processes import run


def test_flags_come_before_variables_and_parameters_between_them() -> None:
    environment = {"DOMAIN_NAME": "a.example.com", "AWS_REGION": "us-west-2", "DEPLOYMENT_NAME": "mine"}
    found = read({"region": "eu-west-1"}, environment, {"DomainName": "b.example.com"})
    assert (found.domain, found.region, found.stack) == ("b.example.com", "eu-west-1", "mine-prod")


@pytest.mark.parametrize("name", REFERENCE_PARAMETERS)
def test_each_parameter_of_the_reference_is_taken_or_refused_with_the_reason(name: str) -> None:
    values = {
        "HostedZoneId": "Z0123456789ABC",
        "Environment": "test",
        "Project": "mine",
        "DomainName": DOMAIN,
    }
    values |= {"ImportedSesS3Bucket": "my-bucket", "ImportedSesEmailIdentity": "true"}
    values["DynamoDbTableExists"] = "true"
    if name in {"ImportedApiDomainCertificate", "BurstLimit", "RateLimit"}:
        given = {"ImportedApiDomainCertificate": CERTIFICATE, "BurstLimit": "50", "RateLimit": "20"}[name]
        with pytest.raises(Refused, match=r"cannot be installed"):
            read(GIVEN, {}, {name: given})
        there = read({**GIVEN, **SERVERLESS}, {}, {name: given})
        assert given in {there.certificate, str(there.burst), str(there.rate)}
        return
    meant = REFERENCE_PARAMETERS[name]
    if isinstance(meant, ParameterRefusal):
        with pytest.raises(Refused, match=r"cannot be installed") as refused:
            read(GIVEN, {}, {name: "something"})
        assert meant.why in str(refused.value)
        assert read(GIVEN, {}, {name: ""}) == OPTIONS
    elif name == "DynamoDbTableName":
        there = {name: "mine", "DynamoDbTableExists": "true"}
        assert (read(GIVEN, {}, {name: "mine"}), read(GIVEN, {}, there).table) == (OPTIONS, "mine")
    else:
        assert read({"region": "eu-west-1"}, {"DOMAIN_NAME": DOMAIN}, {name: values[name]}) != OPTIONS or (
            name == "DomainName"
        )


@pytest.mark.parametrize("flag", [*IDLE_FLAGS, "--certificate-arn", "--image", "--use-container"])
async def test_each_flag_of_the_reference_is_taken_or_refused_with_the_reason(
    tmp_path: Path, flag: str
) -> None:
    value = [CERTIFICATE] if flag in {"--certificate-arn", "--image"} else []
    place = ["--region", "eu-west-1", "--domain-name", DOMAIN]
    code, out, err = await run(tmp_path, "aws", "costs", *place, flag, *value)
    if flag in IDLE_FLAGS:
        assert (code, f"{flag}: {IDLE_FLAGS[flag]}" in out) == (0, True)
    else:
        assert (code, "invalid_argument" in err) == (2, True)


def test_each_variable_of_the_reference_is_read() -> None:
    assert set(VARIABLES) >= {
        "AWS_PROFILE",
        "AWS_REGION",
        "DOMAIN_NAME",
        "DEPLOYMENT_NAME",
        "APP_ENVIRONMENT",
    }


@pytest.mark.parametrize(
    "flags",
    [
        {},
        {"domain": DOMAIN},
        {**GIVEN, "domain": "no domain"},
        {**GIVEN, "region": "nowhere"},
        {**GIVEN, "instance_type": "t3.small"},
        {**GIVEN, "subnet": "x"},
        {**GIVEN, "zone": "x"},
        {**GIVEN, "alarm_email": "x"},
        {**GIVEN, "form": "other"},
        {**GIVEN, "form": "serverless"},
        {**GIVEN, **SERVERLESS, "subnet": "subnet-0123456789"},
        {**GIVEN, **SERVERLESS, "certificate": "arn:aws:acm:us-east-1:111122223333:certificate/1a2b"},
        {**GIVEN, "image": "cis:1"},
    ],
)
def test_what_cannot_be_meant_is_refused(flags: dict[str, object]) -> None:
    with pytest.raises(Refused, match="cannot be installed"):
        read(flags, {}, {})


def test_an_unknown_parameter_is_refused() -> None:
    with pytest.raises(Refused, match="Nonsense is no parameter of either product"):
        read(GIVEN, {}, {"Nonsense": "1"})
