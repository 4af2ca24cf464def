"""Whether the installing identity may create what an installation consists of, as far as IAM tells."""

from __future__ import annotations

from typing import Any

from cis_mcp.aws.clients import Clients, code_of
from cis_mcp.aws.findings import Finding, ok, warn
from cis_mcp.aws.options import InstallationOptions

NAME = "rights"
_MAIL = (
    "cloudformation:CreateChangeSet cloudformation:ExecuteChangeSet s3:CreateBucket s3:PutBucketPolicy sqs:CreateQueue "
    "sns:CreateTopic ses:CreateEmailIdentity ses:CreateConfigurationSet ses:CreateReceiptRule "
    "ses:SetActiveReceiptRuleSet iam:CreatePolicy cloudwatch:PutMetricAlarm"
)
_MACHINE = (
    "s3:PutObject iam:CreateRole iam:PassRole iam:CreateInstanceProfile ec2:CreateVolume ec2:CreateLaunchTemplate "
    "ec2:CreateSecurityGroup ec2:RunInstances autoscaling:CreateAutoScalingGroup dlm:CreateLifecyclePolicy "
    "ssm:SendCommand"
)
_SERVERLESS = (
    "s3:PutObject iam:CreateRole iam:PassRole dynamodb:CreateTable lambda:CreateFunction "
    "lambda:CreateEventSourceMapping apigateway:POST ecs:CreateService ecs:RegisterTaskDefinition "
    "elasticloadbalancing:CreateLoadBalancer secretsmanager:CreateSecret logs:CreateLogGroup"
)
_ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


def needed(options: InstallationOptions) -> list[str]:
    """The actions that create each part; reading, changing and removing it need more."""
    if not options.machine:
        return _MAIL.split()
    return [*_MAIL.split(), *(_SERVERLESS if options.serverless else _MACHINE).split()]


def finding(clients: Clients, options: InstallationOptions, who: str) -> Finding:
    """The result of IAM's own simulation for `who`, an ARN; it ignores limits of the whole organization."""
    if who.endswith(":root"):
        return ok(NAME, "the root user may do everything")
    from botocore.exceptions import ClientError

    iam = clients.of("iam")
    try:
        source, repair = _principal(iam, who)
        denied = _denied(iam, source, needed(options))
    except ClientError as error:
        return ok(NAME, f"could not be asked beforehand ({code_of(error)}); the change set will tell")
    if denied:
        return warn(NAME, f"IAM denies {', '.join(denied)[:300]}", repair)
    return ok(NAME, f"IAM allows all {len(needed(options))} actions that were asked for")


def _principal(iam: Any, who: str) -> tuple[str, str]:
    """The ARN that IAM simulates, and the command that gives it the rights; a session is simulated as its role."""
    kind, _, rest = who.rpartition(":")[2].partition("/")
    if kind == "assumed-role":
        role = iam.get_role(RoleName=rest.partition("/")[0])["Role"]
        name = f"role-policy --role-name {role['RoleName']}"
        return str(role["Arn"]), f"aws iam attach-{name} --policy-arn {_ADMINISTRATOR}"
    name = f"user-policy --user-name {rest.rpartition('/')[2]}"
    return who, f"aws iam attach-{name} --policy-arn {_ADMINISTRATOR}"


def _denied(iam: Any, source: str, actions: list[str]) -> list[str]:
    pages = iam.get_paginator("simulate_principal_policy").paginate(
        PolicySourceArn=source, ActionNames=actions
    )
    results = [one for page in pages for one in page["EvaluationResults"]]
    return [str(one["EvalActionName"]) for one in results if one["EvalDecision"] != "allowed"]
