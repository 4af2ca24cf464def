"""AWS clients for the few calls that an installation makes; boto3 is imported by the first."""

from __future__ import annotations

from functools import cache
from typing import Any

from engine.refusals import Code, Refused


class Clients:
    """One client per service, with the region and the profile of an installation."""

    def __init__(self, region: str, profile: str = "") -> None:
        self.region = region
        self._profile = profile
        self.of = cache(self._of)

    def until(self) -> str:
        """When the credentials expire, in UTC; empty if they do not. boto3 renews those that can be renewed."""
        found = self._session().get_credentials()
        ends = getattr(found, "_expiry_time", None)
        return f"{ends:%Y-%m-%d %H:%M} UTC" if ends else ""

    def _of(self, service: str) -> Any:
        from botocore.config import Config

        config = Config(retries={"mode": "adaptive", "max_attempts": 8}, read_timeout=30, connect_timeout=10)
        return self._session().client(service, config=config)

    def _session(self) -> Any:
        import boto3
        from botocore.exceptions import ProfileNotFound

        try:
            return boto3.Session(profile_name=self._profile or None, region_name=self.region)
        except ProfileNotFound as error:
            raise Refused(
                Code.INVALID_ARGUMENT, f"{error}.", "Name a profile of ~/.aws/config, or none."
            ) from error


def code_of(error: Exception) -> str:
    """The code of a service's error, such as NoSuchEntity."""
    found = getattr(error, "response", None) or {}
    return str(found.get("Error", {}).get("Code", type(error).__name__))
