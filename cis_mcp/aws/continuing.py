"""What an installation was given before: a later call goes on with it, except for what it is given anew."""

from __future__ import annotations

from collections.abc import Mapping

from cis_mcp.aws.options import InstallationOptions

_FIELDS = {
    "AlarmEmail": "alarm_email",
    "BurstLimit": "burst",
    "Certificate": "certificate",
    "ContainerImage": "image",
    "DeliveryEvents": "delivery_events",
    "ImportedBucket": "bucket",
    "ImportedTable": "table",
    "InstanceType": "instance_type",
    "NightlyExport": "nightly_export",
    "Organizers": "organizers",
    "OwnIdentity": "own_identity",
    "RateLimit": "rate",
    "Subnet": "subnet",
    "Subnets": "subnet",
    "VolumeSize": "volume_gb",
}
"""Parameters of the stack, and the options that they come from."""


def continued(options: InstallationOptions, installed: Mapping[str, str]) -> InstallationOptions:
    """The options, with those that were not given as the parameters of the stack have them."""
    given = options.model_dump(exclude_unset=True)
    before = {field: installed[name] for name, field in _FIELDS.items() if name in installed}
    return InstallationOptions.model_validate({**before, **given})


def kept(options: InstallationOptions, whole: InstallationOptions) -> list[str]:
    """Each option of `whole` that neither `options` gave nor is the usual one, as `name=value`."""
    usual, values = InstallationOptions.model_fields, whole.model_dump()
    names = values.keys() - options.model_fields_set
    return [f"{name}={values[name]}" for name in sorted(names) if values[name] != usual[name].default]
