"""Credentials and host names are botocore's to know."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.aws.chain import CredentialChain, NoCredentials
from engine.aws.signing import SigningKeys
from tests.support.httpstub import Asked, Told, answering


@pytest.fixture(autouse=True)
def _no_credentials_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))


async def test_keys_come_from_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s1")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "t1")
    assert await CredentialChain().keys() == SigningKeys("AKIA1", "s1", "t1")


async def test_keys_come_from_the_profile_that_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = "[other]\naws_access_key_id = AKIA2\naws_secret_access_key = s2\n"
    (tmp_path / "credentials").write_text(text)
    monkeypatch.setenv("AWS_PROFILE", "other")
    assert await CredentialChain().keys() == SigningKeys("AKIA2", "s2")


async def test_without_credentials_the_error_says_what_to_give() -> None:
    with pytest.raises(NoCredentials, match="role, a profile or AWS_ACCESS_KEY_ID"):
        await CredentialChain().keys()


async def test_keys_are_kept_until_they_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s1")
    chain = CredentialChain()
    await chain.keys()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA9")
    assert (await chain.keys()).access == "AKIA1"
    chain.forget()
    assert (await chain.keys()).access == "AKIA9"


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-west-1", "email.eu-west-1.amazonaws.com"),
        ("us-gov-west-1", "email.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "email.cn-north-1.amazonaws.com.cn"),
        ("xx-new-9", "email.xx-new-9.amazonaws.com"),
    ],
)
async def test_the_host_of_a_region_is_in_the_domain_of_its_partition(region: str, host: str) -> None:
    assert await CredentialChain().host("email", region) == host


# roles and single sign-on: the links of the chain that machines, tasks and people have


def _at(minutes: int) -> str:
    return f"{datetime.now(UTC) + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"


@asynccontextmanager
async def answers(**by_path: Callable[[], str]) -> AsyncIterator[tuple[str, list[Asked]]]:
    """A service that answers a request whose path ends so; the last of several that fit."""
    asked: list[Asked] = []

    async def handler(request: Asked) -> Told:
        asked.append(request)
        found = [body for end, body in by_path.items() if request.path.rstrip("/").endswith(end.strip("_"))]
        return Told(200, {"content-type": "application/json"}, found[-1]().encode()) if found else Told(404)

    async with answering(handler) as stub:
        yield stub.url, asked


def _role(name: str, minutes: int) -> str:
    values = {"AccessKeyId": name, "SecretAccessKey": "s", "Expiration": _at(minutes), "Code": "Success"}
    return json.dumps({**values, "Token": "t", "LastUpdated": _at(0), "Type": "AWS-HMAC"})


async def test_a_machine_has_the_keys_of_its_role(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    named = {
        "token": lambda: "imds",
        "credentials": lambda: "cis-role",
        "cis-role": lambda: _role("ASIA1", 300),
    }
    async with answers(**named) as (url, asked):
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", url)
        assert await CredentialChain().keys() == SigningKeys("ASIA1", "s", "t")
    assert asked[0].method == "PUT", "version 2 of the service, which the machine requires"
    assert {one.headers.get("x-aws-ec2-metadata-token") for one in asked[1:]} == {"imds"}


async def test_a_task_has_the_keys_of_its_role_and_new_ones_before_they_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("engine.aws.chain._KEPT_S", 0)
    left = [_role("ASIA2", 5), _role("ASIA3", 300)]
    async with answers(mine=lambda: left.pop(0)) as (url, asked):
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{url}/mine")
        chain = CredentialChain()
        found = [(await chain.keys()).access for _ in range(3)]
    assert found[-1] == "ASIA3", "the first ones ended in five minutes"
    assert len(asked) == 2


async def test_a_profile_that_takes_a_role_asks_sts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text("[me]\naws_access_key_id = AKIA1\naws_secret_access_key = s1\n")
    role = "role_arn = arn:aws:iam::111122223333:role/cis\nsource_profile = me\nregion = eu-west-1\n"
    (tmp_path / "config").write_text(f"[profile cis]\n{role}")
    keys = (
        "<AccessKeyId>ASIA4</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
    )
    result = f"<Credentials>{keys}<Expiration>{_at(60)}</Expiration></Credentials>"
    answer = f"<AssumeRoleResponse><AssumeRoleResult>{result}</AssumeRoleResult></AssumeRoleResponse>"
    async with answers(_=lambda: answer) as (url, asked):
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", url)
        monkeypatch.setenv("AWS_PROFILE", "cis")
        assert await CredentialChain().keys() == SigningKeys("ASIA4", "s", "t")
    assert b"RoleArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fcis" in asked[0].body


async def test_a_role_that_sts_refuses_is_no_fault_of_ours(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "credentials").write_text("[me]\naws_access_key_id = AKIA1\naws_secret_access_key = s1\n")
    role = "role_arn = arn:aws:iam::111122223333:role/cis\nsource_profile = me\nregion = eu-west-1\n"
    (tmp_path / "config").write_text(f"[profile cis]\n{role}")
    why = "<Type>Sender</Type><Code>AccessDenied</Code><Message>not yours</Message>"

    async def refuse(_: Asked) -> Told:
        body = f"<ErrorResponse><Error>{why}</Error><RequestId>r</RequestId></ErrorResponse>"
        return Told(403, {"content-type": "text/xml"}, body.encode())

    async with answering(refuse) as stub:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", stub.url)
        monkeypatch.setenv("AWS_PROFILE", "cis")
        with pytest.raises(NoCredentials, match="not yours"):
            await CredentialChain().keys()


async def test_whoever_signed_in_by_sso_has_the_keys_of_the_role(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    start = "https://example.awsapps.com/start"
    named = "sso_account_id = 111122223333\nsso_role_name = cis\nsso_region = eu-west-1\n"
    (tmp_path / "config").write_text(f"[profile cis]\nsso_start_url = {start}\n{named}region = eu-west-1\n")
    token = {"startUrl": start, "accessToken": "signed-in", "expiresAt": _at(60), "region": "eu-west-1"}
    (tmp_path / f"{hashlib.sha1(start.encode()).hexdigest()}.json").write_text(json.dumps(token))
    monkeypatch.setattr("botocore.credentials.SSOProvider._SSO_TOKEN_CACHE_DIR", str(tmp_path))
    ends = int((datetime.now(UTC) + timedelta(hours=1)).timestamp() * 1_000)
    keys = {"accessKeyId": "ASIA5", "secretAccessKey": "s", "sessionToken": "t", "expiration": ends}
    async with answers(credentials=lambda: json.dumps({"roleCredentials": keys})) as (url, asked):
        monkeypatch.setenv("AWS_ENDPOINT_URL_SSO", url)
        monkeypatch.setenv("AWS_PROFILE", "cis")
        assert await CredentialChain().keys() == SigningKeys("ASIA5", "s", "t")
    assert asked[0].headers["x-amz-sso_bearer_token"] == "signed-in"
