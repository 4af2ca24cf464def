"""A mail walks the whole way: SMTP, SES's receipt rule as the installation makes it, bucket, topic, queue, event."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest

from cis_mcp.aws.options import InstallationOptions
from cis_mcp.aws.rules import Rules
from engine.engine import Engine
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import attendee, created, deliver, engine_in, invite
from tests.support.s3 import S3
from tests.support.ses import ENVIRONMENT
from tests.support.ses_inbound import Inbound, ReceiptRules, receiving_by_ses
from tests.support.sources import actions, fetching
from tests.support.sqs import sqs
from tests.support.waiting import DEADLINE_S, eventually

DOMAIN = "cis.test"


class _Clients:
    """The one client that rules ask for."""

    def __init__(self, rules: ReceiptRules) -> None:
        self._rules = rules

    def of(self, service: str) -> Any:
        assert service == "ses"
        return self._rules


def installed(before: ReceiptRules | None = None) -> ReceiptRules:
    """The rules of an account after `cis-mcp aws bootstrap`."""
    rules = before or ReceiptRules()
    options = InstallationOptions(domain=DOMAIN, region="eu-west-1")
    Rules(_Clients(rules), options).put(S3().name, "arn:aws:sns:eu-west-1:111122223333:cis")  # type: ignore[arg-type]
    return rules


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock) -> AsyncIterator[Engine]:
    async with engine_in(tmp_path, clock, dns="127.0.0.1:9") as opened:
        yield opened


async def post(ses: Inbound, mail: EmailMessage, to: str, sender: str = "olga@cis.test") -> None:
    await aiosmtplib.send(
        mail, sender=sender, recipients=[to], hostname="127.0.0.1", port=ses.port, timeout=DEADLINE_S
    )


@asynccontextmanager
async def account(engine: Engine, rules: ReceiptRules) -> AsyncIterator[Inbound]:
    async with (
        sqs(S3()) as queue,
        receiving_by_ses(rules, queue, engine.clock()) as ses,
        fetching(engine, queue.inbox),
    ):
        yield ses


async def test_an_invitation_to_create_becomes_an_event_and_an_answer_at_a_token_counts(
    engine: Engine,
) -> None:
    event = await created(engine)
    guest = (await invite(engine, event, "guest@example.net")).attendee
    await deliver(engine)
    async with account(engine, installed()) as ses:
        await post(ses, mails.request(mails.vevent("u1"), proven=False), f"create@{DOMAIN}")
        said = mails.reply(event.uid, guest.email, to=f"rsvp+{guest.token}@{DOMAIN}", proven=False)
        await post(ses, said, f"rsvp+{guest.token}@{DOMAIN}", sender=guest.email)

        async def handled() -> bool:
            done = await actions(engine)
            return (done["created"], done["receipt"]) == (1, 1)

        await eventually(handled)
    assert (await attendee(engine, event, guest.email)).partstat.value == "accepted"


async def test_mail_to_another_domain_is_refused_by_ses_and_ours_comes_first_in_a_set_of_somebody_else(
    engine: Engine,
) -> None:
    other: dict[str, Any] = {"Name": "theirs", "Enabled": True, "Recipients": ["shop.example"], "Actions": []}
    rules = installed(ReceiptRules(sets={"default": [other]}, active="default"))
    assert [rule["Name"] for rule in rules.sets["default"]] == ["cis-prod", "theirs"]
    async with account(engine, rules) as ses:
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
            await post(ses, mails.request(proven=False), "create@elsewhere.example")
        await post(ses, mails.request(proven=False), f"create@{DOMAIN}")

        async def handled() -> bool:
            return (await actions(engine))["created"] == 1

        await eventually(handled)


async def test_a_set_that_is_not_active_receives_nothing(engine: Engine) -> None:
    rules = installed()
    rules.active = ""
    async with account(engine, rules) as ses:
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
            await post(ses, mails.request(proven=False), f"create@{DOMAIN}")
