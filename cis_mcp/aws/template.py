"""The CloudFormation template: mail in and out, minimal rights, and one of two forms of the server, or none.

The forms are one machine with a volume that is kept, and functions and tasks over DynamoDB.

Receipt rules are made through the API: an account has one active rule set, and CloudFormation cannot activate one.
"""

from __future__ import annotations

import json

from cis_mcp.aws import machine as machines
from cis_mcp.aws import serverless as functions
from cis_mcp.aws.boot import PREFIX
from cis_mcp.aws.dns import MAIL_FROM as ENVELOPE
from cis_mcp.aws.pieces import KEPT, MAIL, Resource, allow, arn, policy, sub, trust

_FORTNIGHT_S = 1_209_600
_TRIES = 5
_OWN = {"Fn::Equals": [{"Ref": "ImportedBucket"}, ""]}


def build(*, machine: bool = True, serverless: bool = False) -> Resource:
    """The template; `machine`: with the instance, its volume and its snapshots; `serverless`: with functions and tasks
    instead."""
    instance = machine and not serverless
    resources = {**_bucket(), **_messages(), **_alarms(), **_mail_out(), **_role(machine=instance)}
    found = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Calendar Invite Server: mail by SES, S3, SNS and SQS{_form(instance, serverless)}",
        "Parameters": _parameters(machine=instance),
        "Conditions": _conditions(),
        "Resources": resources | (machines.resources() if instance else {}),
        "Outputs": _outputs(),
    }
    return _with_functions(found) if serverless else found


def _form(instance: bool, serverless: bool) -> str:
    if serverless:
        return "; functions and tasks over DynamoDB"
    return ", one machine with SQLite on a retained volume" if instance else ""


def _with_functions(found: Resource) -> Resource:
    """The template with the serverless form, whose mail is handled by a function and deleted by the bucket."""
    resources = {**found["Resources"], **functions.resources()}
    expired = {"ExpirationInDays": {"Ref": "MailDays"}}
    bucket, queue = (resources[name]["Properties"] for name in ("MailBucket", "Queue"))
    bucket["LifecycleConfiguration"]["Rules"][0] |= expired
    # Lambda's own rule: six times as long as a function may take.
    queue["VisibilityTimeout"] = 6 * functions.QUEUE_TIMEOUT_S
    # One message that cannot be handled is set aside before this.
    late = _TRIES * queue["VisibilityTimeout"] + 10 * functions.QUEUE_TIMEOUT_S
    resources["LateAlarm"]["Properties"]["Threshold"] = late
    return {
        **found,
        "Parameters": {**found["Parameters"], **functions.parameters()},
        "Conditions": {**found["Conditions"], **functions.conditions()},
        "Resources": resources,
        "Outputs": {**found["Outputs"], **functions.outputs()},
    }


def text(*, machine: bool = True, serverless: bool = False) -> str:
    """The template as the text of one file."""
    return json.dumps(build(machine=machine, serverless=serverless), indent=1)


def _parameters(*, machine: bool) -> Resource:
    def of(default: str | None, words: str, **values: object) -> Resource:
        given = {} if default is None else {"Default": default}
        return {"Type": "String", "Description": words, **given, **values}

    found = {
        "DomainName": of(None, "Domain of the invites; it receives no other mail", MinLength=3),
        "OwnIdentity": of("true", "Make the SES identity of the domain", AllowedValues=["true", "false"]),
        "ImportedBucket": of("", "Existing bucket for mail; empty: one of its own"),
        "AlarmEmail": of("", "Who is told of alarms; empty: nobody"),
        "NightlyExport": of(
            "false", "Every night all tables go to the bucket, below export/", AllowedValues=["true", "false"]
        ),
        "DeliveryEvents": of(
            "false",
            "SES tells of each delivery: one more event for each mail",
            AllowedValues=["true", "false"],
        ),
        "ImportedTable": of("", "Table of a published Calendar Invite Server that may be read; empty: none"),
    }
    if not machine:
        return found
    return found | {
        "Organizers": of("", "Who may create events by mail; empty: *@domain"),
        "CodeBucket": of(None, "Bucket of the code"),
        "CodeKey": of(None, "Key of the code; its name holds a hash of it"),
        "InstanceType": of("t4g.small", "Arm instance type"),
        "VolumeSize": of("20", "GB of the data volume", Type="Number", MinValue=8, MaxValue=16_000),
        "Subnet": of(None, "A public subnet", Type="AWS::EC2::Subnet::Id"),
        "Vpc": of(None, "The network of the subnet", Type="AWS::EC2::VPC::Id"),
        "Zone": of(None, "Availability zone of the subnet", Type="AWS::EC2::AvailabilityZone::Name"),
        "Image": of(
            "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64",
            "Amazon Linux 2023, Arm",
            Type="AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>",
        ),
    }


def _conditions() -> Resource:
    return {
        "OwnBucket": _OWN,
        "MakesIdentity": {"Fn::Equals": [{"Ref": "OwnIdentity"}, "true"]},
        "Exports": {"Fn::Equals": [{"Ref": "NightlyExport"}, "true"]},
        "Deliveries": {"Fn::Equals": [{"Ref": "DeliveryEvents"}, "true"]},
        "ReadsTable": {"Fn::Not": [{"Fn::Equals": [{"Ref": "ImportedTable"}, ""]}]},
        "Alarms": {"Fn::Not": [{"Fn::Equals": [{"Ref": "AlarmEmail"}, ""]}]},
    }


_MAIL_ARN = {"Fn::Sub": ["arn:${AWS::Partition}:s3:::${Name}", {"Name": MAIL}]}
_MAILS = {"Condition": {"StringLike": {"s3:prefix": [f"{PREFIX}*"]}}}
_TABLE_ARN = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${ImportedTable}"
_ACCOUNT = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


# mail in


def _bucket() -> Resource:
    block = dict.fromkeys(
        ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
    )
    expired = {
        "Id": "mail",
        "Status": "Enabled",
        "Prefix": PREFIX,
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
    }
    properties = {
        "BucketEncryption": {
            "ServerSideEncryptionConfiguration": [
                {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
            ]
        },
        "PublicAccessBlockConfiguration": block,
        "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        "LifecycleConfiguration": {"Rules": [expired]},
    }
    objects = {"Fn::Sub": "${MailBucket.Arn}/*"}
    by_ses = allow("s3:PutObject", objects, Principal={"Service": "ses.amazonaws.com"}, Condition=_ACCOUNT)
    plain = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn("MailBucket"), objects],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    own = {"Condition": "OwnBucket"}
    return {
        "MailBucket": {"Type": "AWS::S3::Bucket", **own, **KEPT, "Properties": properties},
        "MailBucketPolicy": {
            "Type": "AWS::S3::BucketPolicy",
            **own,
            "Properties": {"Bucket": {"Ref": "MailBucket"}, "PolicyDocument": policy(by_ses, plain)},
        },
    }


def _messages() -> Resource:
    """One topic and one queue for mail and events, with a queue for what cannot be handled."""
    from_ses = allow(
        "sns:Publish", {"Ref": "Topic"}, Principal={"Service": "ses.amazonaws.com"}, Condition=_ACCOUNT
    )
    from_topic = allow(
        "sqs:SendMessage",
        arn("Queue"),
        Principal={"Service": "sns.amazonaws.com"},
        Condition={"ArnEquals": {"aws:SourceArn": {"Ref": "Topic"}}},
    )
    kept = {"SqsManagedSseEnabled": True, "MessageRetentionPeriod": _FORTNIGHT_S}
    redrive = {"deadLetterTargetArn": arn("DeadQueue"), "maxReceiveCount": _TRIES}
    return {
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {}},
        "TopicPolicy": {
            "Type": "AWS::SNS::TopicPolicy",
            "Properties": {"Topics": [{"Ref": "Topic"}], "PolicyDocument": policy(from_ses)},
        },
        "DeadQueue": {"Type": "AWS::SQS::Queue", "Properties": kept},
        "Queue": {
            "Type": "AWS::SQS::Queue",
            "Properties": {**kept, "VisibilityTimeout": 60, "RedrivePolicy": redrive},
        },
        "QueuePolicy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {"Queues": [{"Ref": "Queue"}], "PolicyDocument": policy(from_topic)},
        },
        "Subscription": {
            "Type": "AWS::SNS::Subscription",
            "Properties": {"TopicArn": {"Ref": "Topic"}, "Protocol": "sqs", "Endpoint": arn("Queue")},
        },
    }


def _alarms() -> Resource:
    def alarm(queue: str, metric: str, most: int, words: str) -> Resource:
        return {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "AlarmDescription": words,
                "Namespace": "AWS/SQS",
                "MetricName": metric,
                "Dimensions": [{"Name": "QueueName", "Value": {"Fn::GetAtt": [queue, "QueueName"]}}],
                "Statistic": "Maximum",
                "Period": 300,
                "EvaluationPeriods": 1,
                "Threshold": most,
                "ComparisonOperator": "GreaterThanThreshold",
                "TreatMissingData": "notBreaching",
                "AlarmActions": [{"Ref": "AlarmTopic"}],
            },
        }

    dead = alarm("DeadQueue", "ApproximateNumberOfMessagesVisible", 0, "Mail that could not be handled")
    late = alarm("Queue", "ApproximateAgeOfOldestMessage", 900, "Mail waits: the server may be down")
    return {
        "AlarmTopic": {"Type": "AWS::SNS::Topic", "Properties": {}},
        "AlarmSubscription": {
            "Type": "AWS::SNS::Subscription",
            "Condition": "Alarms",
            "Properties": {
                "TopicArn": {"Ref": "AlarmTopic"},
                "Protocol": "email",
                "Endpoint": {"Ref": "AlarmEmail"},
            },
        },
        "DeadLetterAlarm": dead,
        "LateAlarm": late,
    }


# mail out

_DELIVERIES = {"Fn::If": ["Deliveries", "delivery", {"Ref": "AWS::NoValue"}]}


def _mail_out() -> Resource:
    events = {
        "Name": "queue",
        "Enabled": True,
        "MatchingEventTypes": ["bounce", "complaint", "reject", "deliveryDelay", _DELIVERIES],
        "SnsDestination": {"TopicARN": {"Ref": "Topic"}},
    }
    identity = {
        "EmailIdentity": {"Ref": "DomainName"},
        "DkimAttributes": {"SigningEnabled": True},
        "DkimSigningAttributes": {"NextSigningKeyLength": "RSA_2048_BIT"},
        "MailFromAttributes": {
            "MailFromDomain": sub(f"{ENVELOPE}.${{DomainName}}"),
            "BehaviorOnMxFailure": "USE_DEFAULT_VALUE",
        },
        "FeedbackAttributes": {"EmailForwardingEnabled": False},
        "ConfigurationSetAttributes": {"ConfigurationSetName": {"Ref": "ConfigurationSet"}},
    }
    return {
        "ConfigurationSet": {
            "Type": "AWS::SES::ConfigurationSet",
            "Properties": {
                "Name": {"Ref": "AWS::StackName"},
                "ReputationOptions": {"ReputationMetricsEnabled": True},
                "SuppressionOptions": {"SuppressedReasons": ["BOUNCE", "COMPLAINT"]},
            },
        },
        "Events": {
            "Type": "AWS::SES::ConfigurationSetEventDestination",
            "DependsOn": "TopicPolicy",
            "Properties": {
                "ConfigurationSetName": {"Ref": "ConfigurationSet"},
                "EventDestination": events,
            },
        },
        "Identity": {
            "Type": "AWS::SES::EmailIdentity",
            "Condition": "MakesIdentity",
            **KEPT,
            "Properties": identity,
        },
    }


# what the server may do


def server_statements() -> list[Resource]:
    """The only rights of the server: send as the domain, read its queue and its mail."""
    ses = "arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}"
    return [
        allow(["ses:GetAccount", "ses:ListSuppressedDestinations"], "*"),
        allow(
            ["ses:SendEmail", "ses:SendRawEmail"],
            [
                sub(f"{ses}:identity/${{DomainName}}"),
                sub(f"{ses}:configuration-set/${{ConfigurationSet}}"),
            ],
        ),
        # In the sandbox SES also asks for the identity of a recipient, where the account has verified it.
        allow(
            ["ses:SendEmail", "ses:SendRawEmail"],
            sub(f"{ses}:identity/*"),
            Condition={"StringLike": {"ses:FromAddress": sub("*@${DomainName}")}},
        ),
        allow(
            [
                "sqs:GetQueueUrl",
                "sqs:ReceiveMessage",
                "sqs:DeleteMessage",
                "sqs:ChangeMessageVisibility",
            ],
            arn("Queue"),
        ),
        allow(["s3:GetObject", "s3:DeleteObject"], _below(PREFIX)),
        {"Fn::If": ["ReadsTable", allow("dynamodb:Scan", sub(_TABLE_ARN)), {"Ref": "AWS::NoValue"}]},
        # Without the condition S3 says of an object that it is gone, and not that it may not be read.
        {
            "Fn::If": [
                "OwnBucket",
                allow("s3:ListBucket", arn("MailBucket")),
                allow("s3:ListBucket", sub("arn:${AWS::Partition}:s3:::${ImportedBucket}"), **_MAILS),
            ]
        },
        _where_exporting(allow(["s3:PutObject", "s3:DeleteObject"], _below("export/"))),
        _where_exporting(
            allow("s3:ListBucket", _MAIL_ARN, Condition={"StringLike": {"s3:prefix": ["export/*"]}})
        ),
    ]


def _where_exporting(statement: Resource) -> Resource:
    return {"Fn::If": ["Exports", statement, {"Ref": "AWS::NoValue"}]}


def _below(prefix: str) -> Resource:
    """All objects of the bucket below a prefix."""
    return {"Fn::Sub": [f"${{Objects}}{prefix}*", {"Objects": _slash(_MAIL_ARN)}]}


def _slash(arn: object) -> Resource:
    return {"Fn::Join": ["", [arn, "/"]]}


def _role(*, machine: bool) -> Resource:
    rights = {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {
            "Description": "What the server may do",
            "PolicyDocument": policy(*server_statements()),
        },
    }
    if not machine:
        return {"ServerPolicy": rights}
    code = allow("s3:GetObject", sub("arn:${AWS::Partition}:s3:::${CodeBucket}/code/*"))
    volume = "arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}"
    attach = allow(
        ["ec2:AttachVolume", "ec2:DetachVolume"],
        [sub(f"{volume}:volume/${{DataVolume}}"), sub(f"{volume}:instance/*")],
        Condition={"StringEquals": {"ec2:ResourceTag/cis": {"Ref": "AWS::StackName"}}},
    )
    look = allow("ec2:DescribeVolumes", "*")
    return {
        "ServerPolicy": rights,
        "ServerRole": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": trust("ec2.amazonaws.com"),
                "ManagedPolicyArns": [
                    {"Ref": "ServerPolicy"},
                    sub("arn:${AWS::Partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"),
                ],
                "Policies": [{"PolicyName": "machine", "PolicyDocument": policy(code, attach, look)}],
            },
        },
        "Profile": {
            "Type": "AWS::IAM::InstanceProfile",
            "Properties": {"Roles": [{"Ref": "ServerRole"}]},
        },
    }


def _outputs() -> Resource:
    queue: object = {"Fn::GetAtt": ["Queue", "QueueName"]}
    inbox = "sqs://${Queue}?region=${AWS::Region}&bucket=${Mail}&prefix=" + PREFIX
    outbox = "ses://${AWS::Region}?configuration_set=${ConfigurationSet}"
    found: dict[str, tuple[str, object]] = {
        "Bucket": ("Where mail lies", MAIL),
        "TopicArn": ("Whom SES tells of mail and events", {"Ref": "Topic"}),
        "Inbox": ("CIS_INBOX", {"Fn::Sub": [inbox, {"Queue": queue, "Mail": MAIL}]}),
        "Outbox": ("CIS_OUTBOX", sub(outbox)),
        "DeadQueue": ("What could not be handled", {"Fn::GetAtt": ["DeadQueue", "QueueName"]}),
        "ServerPolicyArn": ("What the server may do", {"Ref": "ServerPolicy"}),
    }
    return {name: {"Description": words, "Value": value} for name, (words, value) in found.items()}
