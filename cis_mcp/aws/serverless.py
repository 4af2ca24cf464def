"""The serverless form: events in DynamoDB, Lambda for requests and mail in, Fargate for campaigns and open connections.

No part has a disk of its own, so any number may run, and an update starts each successor before it ends the old one.
"""

from __future__ import annotations

from cis_mcp.aws import tasks
from cis_mcp.aws.boot import PREFIX
from cis_mcp.aws.bundle import FUNCTION_PYTHON
from cis_mcp.aws.pieces import KEPT, LOG_DAYS, MAIL, Resource, allow, arn, if_named, policy, sub, trust

INDEXES: tuple[tuple[str, str | None], ...] = (
    ("due", "turn"),
    ("token", None),
    ("person", None),
    ("mid", None),
    ("tid", None),
)
"""Global indexes of the table, each by its partition key, with its sort key; a test holds them against the store's."""
API, LIVE = "api", "live"
"""Names below the domain: of the functions, and of the tasks, whose connections stay open."""
WEB_TIMEOUT_S, QUEUE_TIMEOUT_S = 29, 60
_MEMORY_MB, _SCRATCH_MB = 1_769, 2_048
"""1,769 MB have one processor; of the mail that is in /tmp, only what waits in quarantine stays after a batch."""
_IMAGES = "search"
"""Prefix of the bucket below which the images of the search lie."""
_CALLS = "DescribeTable GetItem BatchGetItem Query Scan PutItem UpdateItem DeleteItem ConditionCheckItem BatchWriteItem"


def parameters() -> Resource:
    """The parameters of this form besides those for mail."""

    def of(default: str | None, words: str, **values: object) -> Resource:
        given = {} if default is None else {"Default": default}
        return {"Type": "String", "Description": words, **given, **values}

    return {
        "Organizers": of("", "Who may create events by mail; empty: *@domain"),
        "CodeBucket": of(None, "Bucket of the code"),
        "CodeKey": of(None, "Key of the code of the functions; its name holds a hash of it"),
        "ContainerImage": of(None, "Image of the tasks, made from deploy/Containerfile", MinLength=3),
        "Subnets": of(None, "Public subnets in two zones", Type="List<AWS::EC2::Subnet::Id>"),
        "Vpc": of(None, "The network of the subnets", Type="AWS::EC2::VPC::Id"),
        "ProxyNetworks": of(
            None, "Networks of the Vpc, comma separated: its load balancer says who asks", MinLength=9
        ),
        "Certificate": of(
            "",
            "Certificate of ACM in this region for api. and live. the domain; empty: no names of their own",
        ),
        "MailDays": of("365", "Days that mail is kept in the bucket", Type="Number", MinValue=1),
        "RateLimit": of("100", "Requests a second to the functions", Type="Number", MinValue=1),
        "BurstLimit": of("200", "Requests at once to the functions", Type="Number", MinValue=1),
    }


def conditions() -> Resource:
    """The conditions of the template: whether a certificate is given."""
    return {"Named": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Certificate"}, ""]}]}}


def resources() -> Resource:
    """The table, the functions and the tasks."""
    return {
        **_store(),
        **_functions(),
        **_api(),
        **_api_name(),
        **tasks.resources(settings(), store_statements()),
    }


def outputs() -> Resource:
    """What the installer shows."""
    found: dict[str, tuple[str, object]] = {
        "PublicUrl": ("CIS_PUBLIC_URL", _public_url()),
        "Store": ("CIS_STORE", sub("dynamodb://${Table}?region=${AWS::Region}")),
        "SecretArn": ("Where CIS_SECRET lies", {"Ref": "SharedSecret"}),
        "Cluster": ("Cluster of the tasks", {"Ref": "Cluster"}),
    }
    plain = {name: {"Description": words, "Value": value} for name, (words, value) in found.items()}
    live = {"Description": "Target of the CNAME of live.", "Value": {"Fn::GetAtt": ["Balancer", "DNSName"]}}
    api = {
        "Description": "Target of the CNAME of api.",
        "Value": {"Fn::GetAtt": ["ApiName", "RegionalDomainName"]},
    }
    return {**plain, "LiveTarget": {"Condition": "Named", **live}, "ApiTarget": {"Condition": "Named", **api}}


def _public_url() -> Resource:
    own = sub("https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}")
    return if_named(sub(f"https://{API}.${{DomainName}}"), own)


def _live_url() -> Resource:
    return if_named(sub(f"https://{LIVE}.${{DomainName}}"), "")


def settings() -> dict[str, object]:
    """The settings that functions and tasks share, except CIS_SECRET."""
    queue: object = {"Fn::GetAtt": ["Queue", "QueueName"]}
    inbox = "sqs://${Queue}?region=${AWS::Region}&bucket=${Mail}&prefix=" + PREFIX
    return {
        "CIS_STORE": sub("dynamodb://${Table}?region=${AWS::Region}"),
        "CIS_SEARCH_SNAPSHOT": {
            "Fn::Sub": [f"s3://${{Mail}}/{_IMAGES}?region=${{AWS::Region}}", {"Mail": MAIL}]
        },
        "CIS_DOMAIN": {"Ref": "DomainName"},
        "CIS_OUTBOX": sub("ses://${AWS::Region}?configuration_set=${ConfigurationSet}"),
        "CIS_INBOX": {"Fn::Sub": [inbox, {"Queue": queue, "Mail": MAIL}]},
        "CIS_ORGANIZERS": {"Ref": "Organizers"},
        "CIS_PUBLIC_URL": _public_url(),
        "CIS_STREAMS_URL": _live_url(),
        "CIS_LOG": "json",
    }


# the store


def _store() -> Resource:
    names = ["pk", "sk", *(one for index in INDEXES for one in index if one)]
    table = {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in names],
        "KeySchema": _keys("pk", "sk"),
        "GlobalSecondaryIndexes": [
            {
                "IndexName": partition,
                "KeySchema": _keys(partition, sort),
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
            for partition, sort in INDEXES
        ],
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        "DeletionProtectionEnabled": True,
    }
    made = {"PasswordLength": 64, "ExcludePunctuation": True}
    return {
        "Table": {"Type": "AWS::DynamoDB::Table", **KEPT, "Properties": table},
        "SharedSecret": {
            "Type": "AWS::SecretsManager::Secret",
            **KEPT,
            "Properties": {"Description": "CIS_SECRET", "GenerateSecretString": made},
        },
    }


def _keys(partition: str, sort: str | None) -> list[dict[str, str]]:
    found = [{"AttributeName": partition, "KeyType": "HASH"}]
    return [*found, {"AttributeName": sort, "KeyType": "RANGE"}] if sort else found


def store_statements() -> list[Resource]:
    """What functions and tasks may do with the table, its indexes and the snapshots of the search."""
    images = {"Fn::Sub": [f"arn:${{AWS::Partition}}:s3:::${{Mail}}/{_IMAGES}/*", {"Mail": MAIL}]}
    return [
        allow(
            [f"dynamodb:{call}" for call in _CALLS.split()],
            [arn("Table"), {"Fn::Sub": "${Table.Arn}/index/*"}],
        ),
        allow(["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], images),
    ]


# the functions


def _functions() -> Resource:
    secret = "{{resolve:secretsmanager:${SharedSecret}:SecretString}}"
    # The folder is the instance's own and ends with it; all that lasts is in the table.
    fetched = allow("sqs:GetQueueAttributes", arn("Queue"))
    environment = {**settings(), "CIS_DATA_DIR": "/tmp/cis", "CIS_SECRET": sub(secret)}  # noqa: S108 -- Lambda's only one
    return {
        **_function("Web", "cis_mcp.functions.web.handler", WEB_TIMEOUT_S, environment),
        **_function("Mail", "cis_mcp.functions.queue.handler", QUEUE_TIMEOUT_S, environment, fetched),
        "MailSource": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "EventSourceArn": arn("Queue"),
                "FunctionName": {"Ref": "MailFunction"},
                "BatchSize": 10,
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
                "ScalingConfig": {"MaximumConcurrency": 10},
            },
        },
    }


def _function(
    name: str, handler: str, timeout_s: int, environment: dict[str, object], *more: Resource
) -> Resource:
    logs = allow(["logs:CreateLogStream", "logs:PutLogEvents"], {"Fn::GetAtt": [f"{name}Log", "Arn"]})
    role = {
        "AssumeRolePolicyDocument": trust("lambda.amazonaws.com"),
        "ManagedPolicyArns": [{"Ref": "ServerPolicy"}],
        "Policies": [{"PolicyName": "function", "PolicyDocument": policy(logs, *store_statements(), *more)}],
    }
    function = {
        "Runtime": f"python{FUNCTION_PYTHON}",
        "Architectures": ["arm64"],
        "Handler": handler,
        "Code": {"S3Bucket": {"Ref": "CodeBucket"}, "S3Key": {"Ref": "CodeKey"}},
        "MemorySize": _MEMORY_MB,
        "EphemeralStorage": {"Size": _SCRATCH_MB},
        "Timeout": timeout_s,
        "Role": arn(f"{name}Role"),
        "Environment": {"Variables": environment},
        "LoggingConfig": {"LogGroup": {"Ref": f"{name}Log"}},
    }
    return {
        f"{name}Log": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": LOG_DAYS}},
        f"{name}Role": {"Type": "AWS::IAM::Role", "Properties": role},
        f"{name}Function": {"Type": "AWS::Lambda::Function", "Properties": function},
    }


def _api() -> Resource:
    """An HTTP API whose requests all go to the one function."""
    limits = {
        "ThrottlingRateLimit": {"Ref": "RateLimit"},
        "ThrottlingBurstLimit": {"Ref": "BurstLimit"},
    }
    called = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*"
    return {
        "Api": {
            "Type": "AWS::ApiGatewayV2::Api",
            "Properties": {"Name": {"Ref": "AWS::StackName"}, "ProtocolType": "HTTP"},
        },
        "ApiIntegration": {
            "Type": "AWS::ApiGatewayV2::Integration",
            "Properties": {
                "ApiId": {"Ref": "Api"},
                "IntegrationType": "AWS_PROXY",
                "IntegrationUri": arn("WebFunction"),
                "PayloadFormatVersion": "2.0",
            },
        },
        "ApiRoute": {
            "Type": "AWS::ApiGatewayV2::Route",
            "Properties": {
                "ApiId": {"Ref": "Api"},
                "RouteKey": "$default",
                "Target": sub("integrations/${ApiIntegration}"),
            },
        },
        "ApiStage": {
            "Type": "AWS::ApiGatewayV2::Stage",
            "Properties": {
                "ApiId": {"Ref": "Api"},
                "StageName": "$default",
                "AutoDeploy": True,
                "DefaultRouteSettings": limits,
            },
        },
        "ApiMayCall": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "Action": "lambda:InvokeFunction",
                "FunctionName": {"Ref": "WebFunction"},
                "Principal": "apigateway.amazonaws.com",
                "SourceArn": sub(called),
            },
        },
    }


def _api_name() -> Resource:
    """A name of its own for the API, where a certificate is given."""
    certificate = {
        "CertificateArn": {"Ref": "Certificate"},
        "EndpointType": "REGIONAL",
        "SecurityPolicy": "TLS_1_2",
    }
    return {
        "ApiName": {
            "Type": "AWS::ApiGatewayV2::DomainName",
            "Condition": "Named",
            "Properties": {
                "DomainName": sub(f"{API}.${{DomainName}}"),
                "DomainNameConfigurations": [certificate],
            },
        },
        "ApiMapping": {
            "Type": "AWS::ApiGatewayV2::ApiMapping",
            "Condition": "Named",
            "DependsOn": "ApiStage",
            "Properties": {"ApiId": {"Ref": "Api"}, "DomainName": {"Ref": "ApiName"}, "Stage": "$default"},
        },
    }
