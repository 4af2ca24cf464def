"""Credentials and host names are botocore's to know."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.aws.chain import Chain, NoCredentials
from engine.aws.signing import Keys


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
    assert await Chain().keys() == Keys("AKIA1", "s1", "t1")


async def test_keys_come_from_the_profile_that_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = "[other]\naws_access_key_id = AKIA2\naws_secret_access_key = s2\n"
    (tmp_path / "credentials").write_text(text)
    monkeypatch.setenv("AWS_PROFILE", "other")
    assert await Chain().keys() == Keys("AKIA2", "s2")


async def test_without_credentials_the_error_says_what_to_give() -> None:
    with pytest.raises(NoCredentials, match="role, a profile or AWS_ACCESS_KEY_ID"):
        await Chain().keys()


async def test_keys_are_kept_until_they_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s1")
    chain = Chain()
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
    assert await Chain().host("email", region) == host
