"""The end of `cis-mcp aws full`: what it waits for, what it says is missing, and the verification on the machine."""

from __future__ import annotations

import json
import subprocess

import pytest

from cis_mcp.aws import dns
from cis_mcp.aws.boot import user_data
from cis_mcp.aws.finishing import _VERIFY, Finishing
from cis_mcp.aws.options import InstallationOptions, read
from tests.support.awsstubs import Stubbed

DOMAIN = "invites.example.com"
OPTIONS = InstallationOptions(domain=DOMAIN, region="eu-west-1")
PLAIN = {"PATH": "/usr/bin:/bin"}
MACHINE, COMMAND = "i-0123456789abcdef0", "11111111-2222-4333-8444-555555555555"
SEEN = {
    "VerifiedForSendingStatus": True,
    "DkimAttributes": {"Status": "SUCCESS", "Tokens": ["abc"]},
    "MailFromAttributes": {
        "MailFromDomain": f"bounce.{DOMAIN}",
        "MailFromDomainStatus": "SUCCESS",
        "BehaviorOnMxFailure": "USE_DEFAULT_VALUE",
    },
}
PENDING = {
    "VerifiedForSendingStatus": False,
    "DkimAttributes": {"Status": "PENDING", "Tokens": ["abc"]},
    "MailFromAttributes": {**SEEN["MailFromAttributes"], "MailFromDomainStatus": "PENDING"},  # type: ignore[dict-item]
}


class End:
    """The end of an installation, whose waiting takes no time."""

    def __init__(self, options: InstallationOptions = OPTIONS) -> None:
        self.clients, self.said, self.slept = Stubbed(), list[str](), list[float]()
        self.there: dict[tuple[str, str], list[str]] = {}
        lookup = lambda name, kind: self.there.get((name, kind), [])  # noqa: E731
        self.finishing = Finishing(self.clients, options, lookup, self.said.append, self.slept.append)  # type: ignore[arg-type]

    def machine(self, *states: str) -> None:
        stack = {
            "StackName": "cis-prod",
            "StackStatus": "CREATE_COMPLETE",
            "CreationTime": "2027-03-01T00:00:00Z",
        }
        self.clients.answers("cloudformation", "describe_stacks", Stacks=[stack])
        group = {
            "LogicalResourceId": "Machine",
            "PhysicalResourceId": "cis-Machine-1",
            "ResourceType": "x",
            "ResourceStatus": "CREATE_COMPLETE",
            "LastUpdatedTimestamp": "2027-03-01T00:00:00Z",
        }
        self.clients.answers("cloudformation", "list_stack_resources", StackResourceSummaries=[group])
        instances = [
            {
                "InstanceId": MACHINE,
                "AvailabilityZone": "eu-west-1a",
                "LifecycleState": state,
                "HealthStatus": "Healthy",
                "ProtectedFromScaleIn": False,
            }
            for state in states
        ]
        found = {
            "AutoScalingGroupName": "cis-Machine-1",
            "MinSize": 1,
            "MaxSize": 1,
            "DesiredCapacity": 1,
            "DefaultCooldown": 300,
            "AvailabilityZones": ["eu-west-1a"],
            "HealthCheckType": "EC2",
            "CreatedTime": "2027-03-01T00:00:00Z",
            "Instances": instances,
        }
        self.clients.answers("autoscaling", "describe_auto_scaling_groups", AutoScalingGroups=[found])

    def answered(self, status: str, out: str = "", err: str = "") -> None:
        self.clients.answers(
            "ssm",
            "get_command_invocation",
            Status=status,
            StandardOutputContent=out,
            StandardErrorContent=err,
        )

    def close(self) -> None:
        self.clients.spent()
        self.clients.close()


def test_it_waits_until_ses_has_seen_the_records() -> None:
    end = End()
    for identity in (PENDING, PENDING, SEEN):
        end.clients.answers("sesv2", "get_email_identity", **identity)
    assert end.finishing.seen(60)
    assert (len(end.slept), end.said) == (2, [f"SES has seen the records of {DOMAIN}"])
    end.close()


def test_what_was_not_seen_in_time_is_named_with_the_records_and_how_to_go_on() -> None:
    end = End()
    wanted = dns.records(OPTIONS, {f"abc._domainkey.{DOMAIN}": "abc.dkim.amazonses.com"})
    end.there = {(one.name, one.type): [one.value] for one in wanted if one.type != "CNAME"}
    for _ in range(4):
        end.clients.answers("sesv2", "get_email_identity", **PENDING)
    assert not end.finishing.seen(2)
    assert end.said[0] == f"SES has not seen yet: DKIM, MAIL FROM bounce.{DOMAIN}"
    assert end.said[1:-1] == [f"not in the public DNS: abc._domainkey.{DOMAIN} CNAME abc.dkim.amazonses.com."]
    assert "cis-mcp aws full" in end.said[-1]
    end.close()


@pytest.mark.parametrize("passed", [True, False])
def test_the_machine_verifies_itself_once_its_agent_is_there(passed: bool) -> None:
    end = End()
    end.machine("InService")
    end.clients.refuses("ssm", "send_command", "InvalidInstanceId")
    end.clients.answers("ssm", "send_command", Command={"CommandId": COMMAND})
    end.clients.refuses("ssm", "get_command_invocation", "InvocationDoesNotExist")
    end.answered("InProgress")
    check = {"name": "way out", "mark": "Verified" if passed else "Failed", "detail": "ses eu-west-1 answers"}
    told = {"passed": passed, "preflight": [check], "steps": [{**check, "name": "an invite arrives"}]}
    end.answered("Success" if passed else "Failed", json.dumps(told))
    assert end.finishing.verified() is passed
    assert [line.split()[0] for line in end.said[1:]] == [check["mark"]] * 2
    end.close()


def test_a_verification_that_could_not_begin_is_told_by_its_error() -> None:
    end = End()
    end.machine("InService")
    end.clients.answers("ssm", "send_command", Command={"CommandId": COMMAND})
    end.answered("Failed", err="sh: /usr/local/bin/cis-mcp: No such file or directory")
    assert not end.finishing.verified()
    assert "No such file" in end.said[-1]
    end.close()


def test_a_machine_that_is_not_in_service_yet_verifies_nothing() -> None:
    end = End()
    end.machine("Pending")
    assert not end.finishing.verified()
    assert "no machine is in service" in end.said[-1]
    end.close()


def test_a_server_elsewhere_is_verified_by_a_command_with_the_stacks_own_values() -> None:
    end = End(read({"domain": DOMAIN, "region": "eu-west-1", "machine": False}, {}, {}))
    outputs = {
        "Inbox": "sqs://q?region=eu-west-1&bucket=b&prefix=in/",
        "Outbox": "ses://eu-west-1",
        "SecretArn": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:x",
    }
    stack = {
        "StackName": "cis-prod",
        "StackStatus": "CREATE_COMPLETE",
        "CreationTime": "2027-03-01T00:00:00Z",
        "Outputs": [{"OutputKey": k, "OutputValue": v} for k, v in outputs.items()],
    }
    end.clients.answers("cloudformation", "describe_stacks", Stacks=[stack])
    end.finishing.by_hand()
    _, _, command = end.said[0].partition(": ")
    shown = f'aws() {{ echo "secret by $*"; }}; cis-mcp() {{ env | grep ^CIS_; }}; {command}'
    done = subprocess.run(["bash", "-c", shown], check=True, capture_output=True, text=True, env=PLAIN)
    assert {*done.stdout.splitlines()} == {
        f"CIS_DOMAIN={DOMAIN}",
        f"CIS_OUTBOX={outputs['Outbox']}",
        f"CIS_INBOX={outputs['Inbox']}",
        "CIS_SECRET=secret by secretsmanager get-secret-value --region eu-west-1 --secret-id "
        f"{outputs['SecretArn']} --query SecretString --output text",
    }
    end.close()


def test_the_machine_is_asked_by_the_command_that_its_boot_script_makes() -> None:
    assert _VERIFY.split("; ")[1].split()[0] in user_data()
