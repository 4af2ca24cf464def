"""The bucket of the code, which machine and functions run: it must be this account's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cis_mcp.aws.clients import Clients, code_of
from engine.refusals import Code, Refused

_ABSENT = {"404", "NoSuchKey", "NoSuchBucket", "NotFound"}
_BLOCKED = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


class CodeBucket:
    """Names of buckets are the same for all accounts, and this one can be foretold: each call names its owner."""

    def __init__(self, clients: Clients, region: str) -> None:
        self._s3 = clients.of("s3")
        self._region = region
        self._owner = str(clients.of("sts").get_caller_identity()["Account"])
        self.name = f"cis-code-{self._owner}-{region}"

    def put(self, key: str, content: Path, confirmed: Callable[[], bool]) -> bool:
        """Upload the code unless it is there. False if it was not confirmed.

        Raises Refused: NOT_ALLOWED for a bucket of another account.
        """
        from botocore.exceptions import ClientError

        try:
            self._s3.head_object(Bucket=self.name, Key=key, ExpectedBucketOwner=self._owner)
        except ClientError as error:
            if code_of(error) == "403":
                raise Refused(
                    Code.NOT_ALLOWED,
                    f"The bucket {self.name} is somebody else's, or may not be looked at.",
                    "Install in another region.",
                ) from error
            if code_of(error) not in _ABSENT:
                raise
            if not confirmed():
                return False
            self._made()
            own = {"ExpectedBucketOwner": self._owner}
            self._s3.upload_file(str(content), self.name, key, ExtraArgs=own)
        return True

    def _made(self) -> None:
        """Create the bucket if it is missing; encrypted by default, and not public."""
        from botocore.exceptions import ClientError

        where = {"LocationConstraint": self._region}
        try:
            self._s3.create_bucket(
                Bucket=self.name,
                **({} if self._region == "us-east-1" else {"CreateBucketConfiguration": where}),
            )
        except ClientError as error:
            if code_of(error) != "BucketAlreadyOwnedByYou":
                raise
        self._s3.put_public_access_block(
            Bucket=self.name,
            PublicAccessBlockConfiguration=dict.fromkeys(_BLOCKED, True),
            ExpectedBucketOwner=self._owner,
        )
