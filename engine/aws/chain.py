"""Credentials, regions and host names from botocore: the only module in which frequent calls need it."""

from __future__ import annotations

import asyncio
import os
import re
import time
from typing import TYPE_CHECKING

from engine.aws.signing import SigningKeys

if TYPE_CHECKING:
    from botocore.session import Session

_KEPT_S = 60.0
"""The seconds for which keys are cached; the chain renews temporary ones ten minutes before they expire."""


class NoCredentials(Exception):  # noqa: N818 -- an answer, not a fault
    """No provider of botocore's chain has credentials, or the one in use has none now."""


class CredentialChain:
    """Credentials from botocore's chain: variables, profiles, SSO, roles, containers, instances."""

    def __init__(self) -> None:
        self._session: Session | None = None
        self._keys: SigningKeys | None = None
        self._until = 0.0
        self._asking = asyncio.Lock()

    async def keys(self) -> SigningKeys:
        """The current credentials. Raises NoCredentials."""
        if self._keys and time.monotonic() < self._until:
            return self._keys
        async with self._asking:
            if not self._keys or time.monotonic() >= self._until:
                self._keys = await asyncio.to_thread(self._ask)
                self._until = time.monotonic() + _KEPT_S
            return self._keys

    def forget(self) -> None:
        """Query the whole chain again before the next request."""
        self._keys = self._session = None

    async def host(self, service: str, region: str) -> str:
        """The host name of a service in a region; `service` is its endpoint prefix, such as email for SES."""
        return await asyncio.to_thread(self._host, service, region)

    async def url(self, service: str, prefix: str, region: str) -> str:
        """The URL of a service: `AWS_ENDPOINT_URL_<SERVICE>` or `AWS_ENDPOINT_URL` if set, else the region's host.

        `service` is its name in botocore, such as sesv2; `prefix` its endpoint prefix, such as email.
        """
        own = os.environ.get(f"AWS_ENDPOINT_URL_{service.upper().replace('-', '_')}")
        return own or os.environ.get("AWS_ENDPOINT_URL") or f"https://{await self.host(prefix, region)}"

    async def region(self) -> str:
        """The region of the environment or the profile; empty if none is set."""
        return await asyncio.to_thread(lambda: str(self._open().get_config_variable("region") or ""))

    def _ask(self) -> SigningKeys:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            found = self._open().get_credentials()
            frozen = found.get_frozen_credentials() if found else None
        except (BotoCoreError, ClientError) as error:
            # STS refuses a role by an error of another kind than those of botocore itself.
            raise NoCredentials(str(error)) from error
        if not frozen or not frozen.access_key or not frozen.secret_key:
            raise NoCredentials("no AWS credentials were found: give a role, a profile or AWS_ACCESS_KEY_ID")
        return SigningKeys(frozen.access_key, frozen.secret_key, frozen.token or "")

    def _host(self, service: str, region: str) -> str:
        found = self._open().get_data("partitions")["partitions"]
        own = (p for p in found if re.fullmatch(p["regionRegex"].removeprefix("^").removesuffix("$"), region))
        partition = next(own, found[0])
        return f"{service}.{region}.{partition['outputs']['dnsSuffix']}"

    def _open(self) -> Session:
        if self._session is None:
            from botocore.session import Session

            self._session = Session()
        return self._session
