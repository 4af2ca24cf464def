"""The machine of the template: exactly one, with a volume that is kept and daily snapshots of it."""

from __future__ import annotations

from cis_mcp.aws.boot import DEVICE, user_data
from cis_mcp.aws.pieces import EXPORT, KEPT, MAIL, Resource, arn, sub, trust

_TAGS = [{"Key": "cis", "Value": {"Ref": "AWS::StackName"}}]


def _volume() -> Resource:
    daily = {
        "Name": "daily",
        "CreateRule": {"Interval": 24, "IntervalUnit": "HOURS", "Times": ["03:00"]},
        "RetainRule": {"Count": 14},
        "CopyTags": True,
    }
    return {
        "DataVolume": {
            "Type": "AWS::EC2::Volume",
            **KEPT,
            "Properties": {
                "AvailabilityZone": {"Ref": "Zone"},
                "Size": {"Ref": "VolumeSize"},
                "VolumeType": "gp3",
                "Encrypted": True,
                "Tags": _TAGS,
            },
        },
        "SnapshotRole": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": trust("dlm.amazonaws.com"),
                "ManagedPolicyArns": [
                    sub(
                        "arn:${AWS::Partition}:iam::aws:policy/service-role/AWSDataLifecycleManagerServiceRole"
                    )
                ],
            },
        },
        "Snapshots": {
            "Type": "AWS::DLM::LifecyclePolicy",
            "Properties": {
                "Description": "Daily snapshots of the data volume",
                "State": "ENABLED",
                "ExecutionRoleArn": arn("SnapshotRole"),
                "PolicyDetails": {
                    "ResourceTypes": ["VOLUME"],
                    "TargetTags": _TAGS,
                    "Schedules": [daily],
                },
            },
        },
    }


def _instance() -> Resource:
    """An auto scaling group of exactly one: replaced if it dies, and on updates only after the old one has ended."""
    launch = {
        "ImageId": {"Ref": "Image"},
        "InstanceType": {"Ref": "InstanceType"},
        "IamInstanceProfile": {"Arn": arn("Profile")},
        "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
        "NetworkInterfaces": [
            {"DeviceIndex": 0, "AssociatePublicIpAddress": True, "Groups": [{"Ref": "Firewall"}]}
        ],
        "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True, "VolumeType": "gp3"}}],
        "TagSpecifications": [{"ResourceType": "instance", "Tags": _TAGS}],
        "UserData": {
            "Fn::Base64": {"Fn::Sub": [user_data(), {"Mail": MAIL, "Device": DEVICE, "Export": EXPORT}]}
        },
    }
    version = {"Fn::GetAtt": ["Launch", "LatestVersionNumber"]}
    return {
        "Firewall": {
            "Type": "AWS::EC2::SecurityGroup",
            "Properties": {
                "GroupDescription": "Nothing comes in",
                "VpcId": {"Ref": "Vpc"},
                "SecurityGroupEgress": [
                    {"IpProtocol": "-1", "CidrIp": "0.0.0.0/0", "Description": "Services of AWS, DNS"}
                ],
            },
        },
        "Launch": {"Type": "AWS::EC2::LaunchTemplate", "Properties": {"LaunchTemplateData": launch}},
        "Machine": {
            "Type": "AWS::AutoScaling::AutoScalingGroup",
            "DependsOn": ["ServerPolicy", "Events"],
            "UpdatePolicy": {"AutoScalingRollingUpdate": {"MinInstancesInService": 0, "MaxBatchSize": 1}},
            "Properties": {
                "MinSize": "1",
                "MaxSize": "1",
                "VPCZoneIdentifier": [{"Ref": "Subnet"}],
                "LaunchTemplate": {"LaunchTemplateId": {"Ref": "Launch"}, "Version": version},
                "Tags": [{**_TAGS[0], "PropagateAtLaunch": True}],
            },
        },
    }


def resources() -> Resource:
    """The volume, its snapshots, the machine and what it needs."""
    return {**_volume(), **_instance()}
