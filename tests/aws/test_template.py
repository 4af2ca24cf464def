"""The template of a machine; nothing here reaches a network."""

from __future__ import annotations

import json
from pathlib import Path

from cis_mcp.aws import dns, template
from cis_mcp.aws.options import (
    read,
)
from tests.aws.installing import DOMAIN, GIVEN, OPTIONS, allowing, machine_resources
from tests.cli.processes import run


def test_the_template_fits_into_one_call_of_cloudformation() -> None:
    assert len(template.text()) < 51_200


def test_what_holds_data_is_encrypted_private_and_kept() -> None:
    found = machine_resources()
    for name in ("MailBucket", "DataVolume", "Identity"):
        assert (found[name]["DeletionPolicy"], found[name]["UpdateReplacePolicy"]) == ("Retain", "Retain")
    bucket = found["MailBucket"]["Properties"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert "AES256" in json.dumps(bucket["BucketEncryption"])
    assert "ExpirationInDays" not in bucket["LifecycleConfiguration"]["Rules"][0]
    assert found["DataVolume"]["Properties"]["Encrypted"] is True
    queues = {name: one["Properties"] for name, one in found.items() if one["Type"] == "AWS::SQS::Queue"}
    assert {name: one.get("SqsManagedSseEnabled") for name, one in queues.items()} == {
        "Queue": True,
        "DeadQueue": True,
    }


def test_ses_tells_of_what_went_wrong_and_by_a_switch_of_each_delivery() -> None:
    events = machine_resources()["Events"]["Properties"]["EventDestination"]["MatchingEventTypes"]
    assert events[:4] == ["bounce", "complaint", "reject", "deliveryDelay"]
    assert events[4]["Fn::If"] == ["Deliveries", "delivery", {"Ref": "AWS::NoValue"}]
    assert read({**GIVEN, "delivery_events": True}, {}, {}).delivery_events


def test_the_identity_signs_with_2048_bits_and_has_a_mail_from_domain_of_its_own() -> None:
    identity = machine_resources()["Identity"]["Properties"]
    assert identity["DkimAttributes"] == {"SigningEnabled": True}
    assert identity["DkimSigningAttributes"] == {"NextSigningKeyLength": "RSA_2048_BIT"}
    own = identity["MailFromAttributes"]["MailFromDomain"]["Fn::Sub"].replace("${DomainName}", DOMAIN)
    needed = {(one.name, one.type): one.value for one in dns.records(OPTIONS, {})}
    assert own == f"bounce.{DOMAIN}"
    assert needed[own, "MX"] == "feedback-smtp.eu-west-1.amazonses.com"
    assert needed[own, "TXT"] == "v=spf1 include:amazonses.com ~all"


def test_a_message_that_cannot_be_handled_goes_to_a_queue_with_an_alarm() -> None:
    found = machine_resources()
    assert found["Queue"]["Properties"]["RedrivePolicy"]["maxReceiveCount"] == 5
    assert found["DeadLetterAlarm"]["Properties"]["Dimensions"][0]["Value"] == {
        "Fn::GetAtt": ["DeadQueue", "QueueName"]
    }


def test_only_the_topic_writes_to_the_queue_and_only_ses_of_this_account_to_bucket_and_topic() -> None:
    """What comes by the queue is believed for this; SNS's signature is not looked at."""
    for found in (machine_resources(), template.build(serverless=True)["Resources"]):
        (by_topic,) = found["QueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
        assert by_topic["Principal"] == {"Service": "sns.amazonaws.com"}
        assert by_topic["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Ref": "Topic"}}}
        account = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
        for name in ("TopicPolicy", "MailBucketPolicy"):
            allowed = list(allowing(found[name]))
            assert [(one["Principal"], one["Condition"]) for one in allowed] == [
                ({"Service": "ses.amazonaws.com"}, account)
            ]


def test_a_secret_is_in_no_output_and_no_parameter() -> None:
    built = template.build(serverless=True)
    assert "secretsmanager:${SharedSecret}" in json.dumps(built["Resources"]["WebFunction"])
    assert "SecretString" not in json.dumps([built["Outputs"], built["Parameters"]])
    tasks = json.dumps(built["Resources"]["Task"])
    assert "SecretString" not in tasks and "ValueFrom" in tasks


def test_rights_are_few_and_none_is_for_everything() -> None:
    alone = {"ses:GetAccount", "ses:ListSuppressedDestinations", "ec2:DescribeVolumes"}
    for statement in allowing(machine_resources()):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert not [action for action in actions if "*" in action]
        if statement.get("Resource") == "*":
            assert set(actions) <= alone
        if "Principal" in statement and statement["Action"] != "sts:AssumeRole":
            assert "Service" in statement["Principal"] and statement["Condition"]


def test_the_server_sees_that_a_mail_is_gone_and_lists_nothing_else_of_a_bucket_that_was_there() -> None:
    """S3 says that an object is not there only to who may list the bucket without a condition."""
    statements = machine_resources()["ServerPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    (own, imported) = next(
        one["Fn::If"][1:] for one in statements if one.get("Fn::If", [""])[0] == "OwnBucket"
    )
    assert (own["Action"], "Condition" in own) == ("s3:ListBucket", False)
    assert imported["Condition"] == {"StringLike": {"s3:prefix": ["in/*"]}}


def test_the_server_mails_as_its_domain_alone_also_the_verified_people_of_the_sandbox() -> None:
    """SES asks for the right to the identity of a recipient too, where the account has verified it."""
    sending = [
        one for one in allowing(machine_resources()["ServerPolicy"]) if "ses:SendEmail" in one["Action"]
    ]
    by_domain, by_sender = sending
    named = json.dumps(by_domain["Resource"])
    assert "identity/${DomainName}" in named and "identity/*" not in named
    assert by_sender["Resource"]["Fn::Sub"].endswith(":identity/*")
    assert by_sender["Condition"] == {"StringLike": {"ses:FromAddress": {"Fn::Sub": "*@${DomainName}"}}}


def test_there_are_never_two_machines_over_one_volume() -> None:
    group = machine_resources()["Machine"]
    assert (group["Properties"]["MinSize"], group["Properties"]["MaxSize"]) == ("1", "1")
    assert group["UpdatePolicy"]["AutoScalingRollingUpdate"]["MinInstancesInService"] == 0
    assert "ec2 attach-volume" in json.dumps(machine_resources()["Launch"])


def test_nothing_reaches_the_machine_and_its_keys_cannot_be_taken_by_a_request() -> None:
    found = machine_resources()
    assert "SecurityGroupIngress" not in found["Firewall"]["Properties"]
    launch = found["Launch"]["Properties"]["LaunchTemplateData"]
    assert launch["MetadataOptions"]["HttpTokens"] == "required"


def test_without_a_machine_the_template_has_nothing_of_it() -> None:
    assert not [
        name for name in machine_resources(machine=False) if name in {"Machine", "DataVolume", "Snapshots"}
    ]


async def test_the_command_writes_the_template_of_the_other_form(tmp_path: Path) -> None:
    code, out, _ = await run(tmp_path, "aws", "template", "--form", "serverless")
    assert (code, json.loads(out)) == (0, template.build(serverless=True))
