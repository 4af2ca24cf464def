"""A contact list of SES on moto, which keeps those alone: read page by page, and opting out counts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from engine.engine import system_clock
from engine.imports import audience
from tests.judges.ministack import KEYS, REGION, moto
from tests.support.engines import engine_in

pytestmark = pytest.mark.skipif(
    os.environ.get("CIS_JUDGES") != "required", reason="an emulator of AWS: run by .ci/run (make judges)"
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with moto(tmp_path_factory.mktemp("moto")) as found:
        yield found


async def test_a_contact_list_is_read_and_who_opted_out_is_marked(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**KEYS, "AWS_ENDPOINT_URL": address}.items():
        monkeypatch.setenv(name, value)
    session = boto3.Session(KEYS["AWS_ACCESS_KEY_ID"], KEYS["AWS_SECRET_ACCESS_KEY"], region_name=REGION)
    ses = session.client("sesv2", endpoint_url=address)
    topic = {"TopicName": "news", "DisplayName": "News", "DefaultSubscriptionStatus": "OPT_OUT"}
    ses.create_contact_list(ContactListName="fans", Topics=[topic])
    for name, topic_status, everything in (
        ("ann", "OPT_IN", False),
        ("ben", "OPT_OUT", False),
        ("cat", "OPT_IN", True),
    ):
        ses.create_contact(
            ContactListName="fans",
            EmailAddress=f"{name}@example.com",
            TopicPreferences=[{"TopicName": "news", "SubscriptionStatus": topic_status}],
            UnsubscribeAll=everything,
        )
    async with engine_in(tmp_path, system_clock) as engine:
        rows = {}
        for source in ("ses-list:fans", "ses-list:fans/news"):
            found = await audience.read(engine, engine.local, f"{source}?region={REGION}", page_s=0)
            rows[source] = {row.email.partition("@")[0]: row.code for row in found}
    out = "address_suppressed"
    assert rows["ses-list:fans"] == {"ann": "", "ben": "", "cat": out}
    assert rows["ses-list:fans/news"] == {"ann": "", "ben": out, "cat": out}
