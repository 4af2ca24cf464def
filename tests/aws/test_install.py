"""What is made and taken away, and what runs there."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cis_mcp.aws import bundle, template
from cis_mcp.aws.boot import user_data
from cis_mcp.aws.code_bucket import CodeBucket
from cis_mcp.aws.options import (
    read,
)
from cis_mcp.aws.phases import Installation
from cis_mcp.aws.rules import Rules
from engine.refusals import Refused
from tests.aws.installing import DOMAIN, GIVEN, OPTIONS, ROOT
from tests.support.awsstubs import Stubbed


def test_on_destroy_the_rule_set_of_somebody_else_stays_active() -> None:
    clients = Stubbed()
    active = {"Metadata": {"Name": "company"}}
    clients.answers("ses", "describe_active_receipt_rule_set", **active)
    rules = {"Rules": [{"Name": "cis-prod"}, {"Name": "theirs"}]}
    for _ in range(2):
        clients.answers("ses", "describe_receipt_rule_set", **rules)
    clients.answers("ses", "delete_receipt_rule")
    for _ in range(2):
        clients.refuses("ses", "describe_receipt_rule_set", "RuleSetDoesNotExist")
    assert Rules(clients, OPTIONS).remove() == ["receipt rule “cis-prod” of “company”"]  # type: ignore[arg-type]
    clients.spent()
    clients.close()


def _no(asked: list[str]) -> Callable[[str], bool]:
    def confirm(question: str) -> bool:
        asked.append(question)
        return False

    return confirm


def test_no_phase_makes_a_rule_or_a_record_unless_it_is_confirmed() -> None:
    """Each call that is not answered here raises, so that none of those that change anything was made."""
    clients, said, asked = Stubbed(), list[str](), list[str]()
    options = read({**GIVEN, "zone": "Z0123456789ABC", "machine": False}, {}, {})
    outputs = {"Bucket": "mail", "TopicArn": "arn:aws:sns:eu-west-1:111122223333:topic"}
    stack = {
        "StackName": "cis-prod",
        "StackStatus": "CREATE_COMPLETE",
        "CreationTime": "2027-03-01T00:00:00Z",
    }
    stack["Outputs"] = [{"OutputKey": k, "OutputValue": v} for k, v in outputs.items()]  # type: ignore[assignment]
    for _ in range(2):
        clients.answers("cloudformation", "describe_stacks", Stacks=[stack])
    resource = {"LogicalResourceId": "Machine", "ResourceType": "x", "ResourceStatus": "CREATE_COMPLETE"}
    resource["LastUpdatedTimestamp"] = "2027-03-01T00:00:00Z"
    clients.answers("cloudformation", "list_stack_resources", StackResourceSummaries=[resource])
    clients.answers("cloudformation", "describe_stacks", Stacks=[stack])
    for _ in range(2):
        clients.answers("ses", "describe_active_receipt_rule_set")
    clients.refuses("sesv2", "get_email_identity", "NotFoundException")
    for _ in range(5):
        clients.answers(
            "route53", "list_resource_record_sets", ResourceRecordSets=[], IsTruncated=False, MaxItems="1"
        )
    installation = Installation(clients, options, said.append, _no(asked))  # type: ignore[arg-type]
    assert (installation.bootstrap(), len(asked)) == (False, 1)
    assert f"record to add: {DOMAIN} MX 10 inbound-smtp.eu-west-1.amazonaws.com." in said
    assert any(line.startswith("receipt rule “cis-prod”") for line in said)
    clients.close()


def test_destroy_waits_until_the_table_may_be_deleted() -> None:
    clients = Stubbed()
    clients.answers("dynamodb", "update_table")
    for state in ("UPDATING", "UPDATING", "ACTIVE"):
        clients.answers("dynamodb", "describe_table", Table={"TableStatus": state})
    clients.answers("dynamodb", "delete_table")
    installation = Installation(clients, OPTIONS, print, lambda _: True, look_s=0)  # type: ignore[arg-type]
    installation._remove_data({"Table": "cis"})
    clients.spent()
    clients.close()


def test_a_dry_deploy_says_what_it_would_upload_and_why_the_change_set_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bundle, "_ROOMS", ("cis_mcp.functions",))
    monkeypatch.setattr(bundle, "download", lambda into, *more: None)
    clients, said, asked = Stubbed(), list[str](), list[str]()
    for _ in range(2):
        clients.refuses("cloudformation", "describe_stacks", "ValidationError")
    arn = "arn:aws:sts::111122223333:assumed-role/admin/ann"
    clients.answers("sts", "get_caller_identity", Account="111122223333", Arn=arn, UserId="x")
    clients.refuses("s3", "head_object", "404")
    installation = Installation(clients, OPTIONS, said.append, _no(asked))  # type: ignore[arg-type]
    assert (installation.deploy(), len(asked)) == (False, 1)
    assert "into the private bucket cis-code-111122223333-eu-west-1" in said[-2]
    assert said[-1].startswith("The change set names the code")
    clients.spent()
    clients.close()


def test_code_that_somebody_else_put_into_a_bucket_with_our_name_is_not_taken(tmp_path: Path) -> None:
    """Whoever knows the account can foretell bucket and key; S3 refuses a bucket of another owner than is named."""
    clients, asked = Stubbed(), list[str]()
    arn = "arn:aws:sts::111122223333:assumed-role/admin/ann"
    clients.answers("sts", "get_caller_identity", Account="111122223333", Arn=arn, UserId="x")
    named = {"Bucket": "cis-code-111122223333-eu-west-1", "ExpectedBucketOwner": "111122223333"}
    clients.expects("s3", "head_object", "403", Key="code/ab.zip", **named)
    bucket = CodeBucket(clients, "eu-west-1")  # type: ignore[arg-type]
    with pytest.raises(Refused, match="somebody else's"):
        bucket.put("code/ab.zip", tmp_path / "code.zip", lambda: _no(asked)("?"))
    assert asked == []
    clients.spent()
    clients.close()


def test_the_boot_script_is_one_that_bash_reads_and_names_what_the_template_has() -> None:
    names = set(re.findall(r"\$\{([A-Za-z:.]+)\}", user_data()))
    own = {"Mail", "Device", "Export", "AWS::Region"}
    built = template.build()
    assert {name.partition(".")[0] for name in names - own} <= {*built["Resources"], *built["Parameters"]}
    script = re.sub(r"\$\{[A-Za-z:.]+\}", "x", user_data())
    assert (
        subprocess.run(["bash", "-n"], input=script.encode(), capture_output=True, check=False).returncode
        == 0
    )


def test_the_container_copies_what_the_package_is_built_of() -> None:
    lines = (ROOT / "deploy/Containerfile").read_text().splitlines()
    copied = {
        name
        for line in lines
        if line.startswith("COPY ") and "--from" not in line
        for name in line.split()[1:-1]
    }
    assert all((ROOT / name).exists() for name in copied)
    assert {
        "requirements.lock",
        bundle.PARQUET,
        "cis_mcp",
        "engine",
        "prompts",
        "llms.txt",
        "pyproject.toml",
    } <= copied
    assert [line for line in lines if line.startswith("USER")] == ["USER cis"]


def test_one_switch_exports_every_night_and_gives_the_right_to() -> None:
    built = json.loads(template.text())
    script = built["Resources"]["Launch"]["Properties"]["LaunchTemplateData"]["UserData"]["Fn::Base64"][
        "Fn::Sub"
    ]
    assert "CIS_EXPORT=${Export}" in script[0]
    switch, place, nothing = script[1]["Export"]["Fn::If"]
    assert (switch, nothing) == ("Exports", "")
    assert place["Fn::Sub"][0] == "s3://${Mail}/export?region=${AWS::Region}"
    statements = built["Resources"]["ServerPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    rights = [one["Fn::If"][1]["Action"] for one in statements if "Fn::If" in one]
    assert rights == ["dynamodb:Scan", "s3:ListBucket", ["s3:PutObject", "s3:DeleteObject"], "s3:ListBucket"]
    assert read({**GIVEN, "nightly_export": True}, {}, {}).nightly_export
