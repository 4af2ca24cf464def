"""The tasks of the serverless form: campaigns, open connections and the console, on Fargate behind a load balancer."""

from __future__ import annotations

from collections.abc import Mapping

from cis_mcp.aws.pieces import EXPORT, LOG_DAYS, Resource, allow, arn, if_named, policy, sub, trust

_PORT = 8000
_REGION = {"Ref": "AWS::Region"}


def resources(settings: Mapping[str, object], store: list[Resource]) -> Resource:
    """Tasks with `settings`, their load balancer, and roles that allow on the store what the statements `store` say."""
    return {**_service(settings), **_roles(store), **_balancer()}


def _container(settings: Mapping[str, object]) -> Resource:
    # Only the load balancer reaches the tasks, from an address of the network: its word on who asks is believed.
    own = {"CIS_EXPORT": EXPORT, "CIS_PROXIES": {"Ref": "ProxyNetworks"}, "AWS_DEFAULT_REGION": _REGION}
    variables = [{"Name": name, "Value": value} for name, value in {**settings, **own}.items()]
    look = f"import urllib.request as u; u.urlopen('http://127.0.0.1:{_PORT}/healthz', timeout=4)"
    return {
        "Name": "server",
        "Image": {"Ref": "ContainerImage"},
        "Essential": True,
        "Command": ["serve", "--http", f"0.0.0.0:{_PORT}"],
        "Environment": variables,
        "Secrets": [{"Name": "CIS_SECRET", "ValueFrom": {"Ref": "SharedSecret"}}],
        "PortMappings": [{"ContainerPort": _PORT}],
        "StopTimeout": 30,
        "HealthCheck": {"Command": ["CMD", "python", "-c", look], "Interval": 30, "StartPeriod": 60},
        "LogConfiguration": {
            "LogDriver": "awslogs",
            "Options": {
                "awslogs-group": {"Ref": "TaskLog"},
                "awslogs-region": _REGION,
                "awslogs-stream-prefix": "server",
            },
        },
    }


def _definition(settings: Mapping[str, object]) -> Resource:
    return {
        "RequiresCompatibilities": ["FARGATE"],
        "NetworkMode": "awsvpc",
        "Cpu": "1024",
        "Memory": "2048",
        "RuntimePlatform": {"CpuArchitecture": "ARM64", "OperatingSystemFamily": "LINUX"},
        "ExecutionRoleArn": arn("StartRole"),
        "TaskRoleArn": arn("TaskRole"),
        "ContainerDefinitions": [_container(settings)],
    }


def _service(settings: Mapping[str, object]) -> Resource:
    network = {
        "AssignPublicIp": "ENABLED",
        "Subnets": {"Ref": "Subnets"},
        "SecurityGroups": [{"Ref": "TaskFirewall"}],
    }
    target = {
        "ContainerName": "server",
        "ContainerPort": _PORT,
        "TargetGroupArn": {"Ref": "Targets"},
    }
    # The new task takes over before the old one ends; an update whose tasks do not live is taken back.
    rolling = {
        "MinimumHealthyPercent": 100,
        "MaximumPercent": 200,
        "DeploymentCircuitBreaker": {"Enable": True, "Rollback": True},
    }
    return {
        "TaskLog": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": LOG_DAYS}},
        "Cluster": {"Type": "AWS::ECS::Cluster", "Properties": {}},
        "Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": _definition(settings)},
        "Service": {
            "Type": "AWS::ECS::Service",
            "DependsOn": ["ServerPolicy", "Events"],
            # ECS refuses a target group that no listener has. DependsOn may not name what a condition leaves out.
            "Metadata": {"After": if_named({"Ref": "Listener"}, "")},
            "Properties": {
                "Cluster": {"Ref": "Cluster"},
                "TaskDefinition": {"Ref": "Task"},
                "LaunchType": "FARGATE",
                "DesiredCount": 1,
                "DeploymentConfiguration": rolling,
                "HealthCheckGracePeriodSeconds": if_named(60, {"Ref": "AWS::NoValue"}),
                "NetworkConfiguration": {"AwsvpcConfiguration": network},
                "LoadBalancers": if_named([target], {"Ref": "AWS::NoValue"}),
            },
        },
    }


def _roles(store: list[Resource]) -> Resource:
    """Two roles: what a task may do, and what starts it: pull this account's image, write its log, read the secret."""
    repositories = "arn:${AWS::Partition}:ecr:${AWS::Region}:${AWS::AccountId}:repository/*"
    starting = policy(
        allow("ecr:GetAuthorizationToken", "*"),
        allow(
            ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            sub(repositories),
        ),
        allow(["logs:CreateLogStream", "logs:PutLogEvents"], arn("TaskLog")),
        allow("secretsmanager:GetSecretValue", {"Ref": "SharedSecret"}),
    )
    trusted = trust("ecs-tasks.amazonaws.com")
    return {
        "StartRole": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": trusted,
                "Policies": [{"PolicyName": "start", "PolicyDocument": starting}],
            },
        },
        "TaskRole": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": trusted,
                "ManagedPolicyArns": [{"Ref": "ServerPolicy"}],
                "Policies": [{"PolicyName": "store", "PolicyDocument": policy(*store)}],
            },
        },
    }


def _group(words: str, **values: object) -> Resource:
    out = {"IpProtocol": "-1", "CidrIp": "0.0.0.0/0", "Description": "Services of AWS, DNS"}
    properties = {"GroupDescription": words, "VpcId": {"Ref": "Vpc"}, "SecurityGroupEgress": [out], **values}
    return {"Type": "AWS::EC2::SecurityGroup", "Properties": properties}


def _balancer() -> Resource:
    """A load balancer with TLS in front of the tasks, if a certificate is given; without one nothing reaches them."""
    public = {
        "IpProtocol": "tcp",
        "FromPort": 443,
        "ToPort": 443,
        "CidrIp": "0.0.0.0/0",
        "Description": "TLS",
    }
    inner = {
        "IpProtocol": "tcp",
        "FromPort": _PORT,
        "ToPort": _PORT,
        "SourceSecurityGroupId": {"Fn::GetAtt": ["BalancerFirewall", "GroupId"]},
        "Description": "The load balancer",
    }
    named = {"Condition": "Named"}
    # Streams are silent for up to 30 s; the balancer ends a connection that is silent for longer than this.
    balancer = {
        "Type": "application",
        "Scheme": "internet-facing",
        "Subnets": {"Ref": "Subnets"},
        "SecurityGroups": [{"Ref": "BalancerFirewall"}],
        "LoadBalancerAttributes": [
            {"Key": "idle_timeout.timeout_seconds", "Value": "120"},
            {"Key": "routing.http.drop_invalid_header_fields.enabled", "Value": "true"},
        ],
    }
    targets = {
        "Protocol": "HTTP",
        "Port": _PORT,
        "TargetType": "ip",
        "VpcId": {"Ref": "Vpc"},
        "HealthCheckPath": "/healthz",
        "HealthCheckIntervalSeconds": 15,
        "TargetGroupAttributes": [{"Key": "deregistration_delay.timeout_seconds", "Value": "30"}],
    }
    listener = {
        "LoadBalancerArn": {"Ref": "Balancer"},
        "Port": 443,
        "Protocol": "HTTPS",
        "SslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
        "Certificates": [{"CertificateArn": {"Ref": "Certificate"}}],
        "DefaultActions": [{"Type": "forward", "TargetGroupArn": {"Ref": "Targets"}}],
    }
    return {
        "TaskFirewall": _group(
            "The load balancer alone comes in",
            SecurityGroupIngress=if_named([inner], {"Ref": "AWS::NoValue"}),
        ),
        "BalancerFirewall": {**_group("TLS comes in", SecurityGroupIngress=[public]), **named},
        "Balancer": {"Type": "AWS::ElasticLoadBalancingV2::LoadBalancer", **named, "Properties": balancer},
        "Targets": {"Type": "AWS::ElasticLoadBalancingV2::TargetGroup", **named, "Properties": targets},
        "Listener": {"Type": "AWS::ElasticLoadBalancingV2::Listener", **named, "Properties": listener},
    }
