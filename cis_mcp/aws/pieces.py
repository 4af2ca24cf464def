"""Parts that the templates of mail and machine share."""

from __future__ import annotations

from typing import Any

Resource = dict[str, Any]

KEPT = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
MAIL = {"Fn::If": ["OwnBucket", {"Ref": "MailBucket"}, {"Ref": "ImportedBucket"}]}
"""The name of the bucket of the mail: the stack's own, or an existing one."""


def sub(words: str) -> Resource:
    """`words`, in which CloudFormation fills in what stands in ${…}."""
    return {"Fn::Sub": words}


def arn(name: str) -> Resource:
    """The ARN of a resource."""
    return {"Fn::GetAtt": [name, "Arn"]}


def policy(*statements: Resource) -> Resource:
    """An IAM policy."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


EXPORT = {
    "Fn::If": [
        "Exports",
        {"Fn::Sub": ["s3://${Mail}/export?region=${AWS::Region}", {"Mail": MAIL}]},
        "",
    ]
}
"""CIS_EXPORT of the server."""


def allow(actions: str | list[str], resource: object, **values: object) -> Resource:
    """An IAM statement that allows actions."""
    return {"Effect": "Allow", "Action": actions, "Resource": resource, **values}


def trust(service: str) -> Resource:
    """A policy of who may assume a role."""
    return policy({"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"})


LOG_DAYS = 30


def if_named(then: object, otherwise: object) -> Resource:
    """`then` if a certificate is given, so that the server has names of its own."""
    return {"Fn::If": ["Named", then, otherwise]}
