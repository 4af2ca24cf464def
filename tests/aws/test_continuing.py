"""A later deploy goes on with what the first was given, and puts nothing empty in the place of data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cis_mcp.aws.boot import user_data
from cis_mcp.aws.continuing import continued
from cis_mcp.aws.options import InstallationOptions, read
from cis_mcp.aws.phases import Installation
from engine.refusals import Code, Refused
from tests.aws.installing import GIVEN, OPTIONS
from tests.cli.processes import run
from tests.support.awsstubs import Stubbed

AT = "2027-03-01T00:00:00Z"
INSTALLED = {
    "DomainName": GIVEN["domain"],
    "OwnIdentity": "false",
    "ImportedBucket": "mail-of-mine",
    "AlarmEmail": "ops@example.com",
    "NightlyExport": "true",
    "DeliveryEvents": "true",
    "Organizers": "*@example.com",
    "InstanceType": "t4g.micro",
    "VolumeSize": "40",
    "Subnet": "subnet-0123456789abcdef0",
    "Zone": "eu-west-1b",
    "CodeKey": "code/ab.zip",
}


@pytest.fixture
def clients() -> Iterator[Stubbed]:
    found = Stubbed()
    yield found
    found.close()


def installation(clients: Stubbed, options: InstallationOptions = OPTIONS) -> tuple[Installation, list[str]]:
    """An installation whose stack is there."""
    said: list[str] = []
    parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in INSTALLED.items()]
    stack = {"StackName": "cis-prod", "StackStatus": "CREATE_COMPLETE", "CreationTime": AT}
    clients.answers("cloudformation", "describe_stacks", Stacks=[{**stack, "Parameters": parameters}])
    found = Installation(clients, options, said.append, lambda _: True, look_s=0)  # type: ignore[arg-type]
    return found, said


def test_what_is_not_given_stays_as_it_was_installed() -> None:
    found = continued(read(GIVEN, {}, {}), INSTALLED)
    assert found == read(
        {
            **GIVEN,
            "own_identity": False,
            "bucket": "mail-of-mine",
            "alarm_email": "ops@example.com",
            "nightly_export": True,
            "delivery_events": True,
            "organizers": "*@example.com",
            "instance_type": "t4g.micro",
            "volume_gb": 40,
            "subnet": "subnet-0123456789abcdef0",
        },
        {},
        {},
    )


def test_what_is_given_anew_comes_first_and_none_takes_away() -> None:
    flags: dict[str, Any] = {"nightly_export": False, "alarm_email": "none", "instance_type": "t4g.small"}
    parameters = {"ImportedSesEmailIdentity": "false"}
    found = continued(read({**GIVEN, **flags}, {}, parameters), INSTALLED)
    assert (found.nightly_export, found.alarm_email, found.instance_type) == (False, "", "t4g.small")
    assert (found.own_identity, found.delivery_events) == (True, True)


def test_of_functions_and_tasks_image_names_and_limits_stay() -> None:
    image, subnets = "1.dkr.ecr.eu-west-1.amazonaws.com/cis:1", "subnet-0a1b2c3d,subnet-1a2b3c4d"
    parameters = {"ContainerImage": image, "Certificate": "arn", "RateLimit": "7", "Subnets": subnets}
    found = continued(read({**GIVEN, "form": "serverless", "image": "cis:2"}, {}, {}), parameters)
    assert (found.image, found.certificate, found.rate, found.subnet) == ("cis:2", "arn", 7, subnets)


def test_a_stack_that_was_never_made_has_nothing_to_go_on_with(clients: Stubbed) -> None:
    stack = {"StackName": "cis-prod", "StackStatus": "REVIEW_IN_PROGRESS", "CreationTime": AT}
    given = [{"ParameterKey": "Organizers", "ParameterValue": "*@example.com"}]
    clients.answers("cloudformation", "describe_stacks", Stacks=[{**stack, "Parameters": given}])
    assert Installation(clients, OPTIONS, print, lambda _: True).stack.parameters() == {}  # type: ignore[arg-type]


def test_a_deploy_says_what_it_goes_on_with(clients: Stubbed) -> None:
    found, said = installation(clients)
    found._go_on()
    assert "as installed: organizers=*@example.com" in said
    assert found._plain()["AlarmEmail"] == "ops@example.com"
    assert not [line for line in said if "burst" in line], "what is usual needs no word"


def test_the_machine_stays_in_the_zone_of_its_volume(clients: Stubbed) -> None:
    found, _ = installation(clients, read({**GIVEN, "subnet": "subnet-1a2b3c4d"}, {}, {}))
    found._go_on()
    elsewhere = {"SubnetId": "subnet-1a2b3c4d", "VpcId": "vpc-1", "AvailabilityZone": "eu-west-1a"}
    clients.answers("ec2", "describe_subnets", Subnets=[elsewhere])
    with pytest.raises(Refused, match="volume is in eu-west-1b") as refused:
        found._placed()
    assert refused.value.code is Code.INVALID_ARGUMENT


def test_the_volume_grows_by_a_flag_and_never_shrinks(clients: Stubbed) -> None:
    for given, size in (({}, "40"), ({"volume_gb": 60}, "60")):
        found, _ = installation(clients, read({**GIVEN, **given}, {}, {}))
        found._go_on()
        assert found._size() == size
    found, _ = installation(clients, read({**GIVEN, "volume_gb": 20}, {}, {}))
    found._go_on()
    with pytest.raises(Refused, match="has 40 GB"):
        found._size()


def test_a_machine_whose_volume_grew_is_another_so_that_its_file_system_grows() -> None:
    assert "${VolumeSize} GB" in user_data()


def test_a_change_that_would_replace_data_is_not_made_even_with_yes(clients: Stubbed) -> None:
    found, said = installation(clients)
    change = {"Action": "Modify", "LogicalResourceId": "DataVolume", "ResourceType": "AWS::EC2::Volume"}
    clients.answers("cloudformation", "delete_change_set")
    clients.answers("cloudformation", "create_change_set")
    clients.answers(
        "cloudformation",
        "describe_change_set",
        Status="CREATE_COMPLETE",
        Changes=[{"Type": "Resource", "ResourceChange": {**change, "Replacement": "True"}}],
    )
    clients.answers("cloudformation", "delete_change_set")
    clients.refuses("cloudformation", "describe_stacks", "ValidationError")
    with pytest.raises(Refused, match="place of DataVolume"):
        found._changed("{}", {})
    assert said == ["Modify  DataVolume (AWS::EC2::Volume, REPLACED)"]
    clients.spent()


@pytest.mark.parametrize(("resource", "deleted"), [("DataVolume", True), ("Table", False)])
def test_a_creation_that_fails_leaves_nothing_behind_but_a_protected_table(
    clients: Stubbed, resource: str, *, deleted: bool
) -> None:
    found, _ = installation(clients)
    clients.answers("cloudformation", "delete_change_set")
    clients.answers("cloudformation", "create_change_set")
    change = {"Action": "Add", "LogicalResourceId": resource, "ResourceType": "x"}
    clients.answers(
        "cloudformation",
        "describe_change_set",
        Status="CREATE_COMPLETE",
        Changes=[{"Type": "Resource", "ResourceChange": change}],
    )
    named = {"StackName": "cis-prod", "ChangeSetName": "next"}
    clients.takes("cloudformation", "execute_change_set", **named, RetainExceptOnCreate=deleted)
    done = {"StackName": "cis-prod", "StackStatus": "UPDATE_COMPLETE", "CreationTime": AT}
    clients.answers("cloudformation", "describe_stacks", Stacks=[done])
    assert found._changed("{}", {})
    clients.spent()


def test_the_identity_that_stays_names_no_configuration_set_that_went(clients: Stubbed) -> None:
    found, _ = installation(clients)
    resource = {"LogicalResourceId": "Identity", "ResourceType": "x", "ResourceStatus": "CREATE_COMPLETE"}
    summaries = [{**resource, "PhysicalResourceId": GIVEN["domain"], "LastUpdatedTimestamp": AT}]
    clients.answers("cloudformation", "list_stack_resources", StackResourceSummaries=summaries)
    clients.answers("ses", "describe_active_receipt_rule_set")
    for _ in range(2):
        clients.refuses("ses", "describe_receipt_rule_set", "RuleSetDoesNotExist")
    clients.refuses("cloudformation", "describe_stacks", "ValidationError")
    clients.takes("sesv2", "put_email_identity_configuration_set_attributes", EmailIdentity=GIVEN["domain"])
    assert found.destroy(data=False)
    clients.spent()


async def test_the_command_has_a_flag_to_end_each_export(tmp_path: Any) -> None:
    code, out, _ = await run(tmp_path, "aws", "deploy", "--help")
    assert (code, "--no-nightly-export" in out, "--no-delivery-events" in out) == (0, True, True)
