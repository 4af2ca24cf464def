"""The server with Amazon SES as its way out, as an agent and an operator use it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from mcp import Client, StdioServerParameters

from tests.cli.processes import environment, run
from tests.support.forks import launching
from tests.support.reports import returned
from tests.support.ses import ENVIRONMENT, Ses, ses
from tests.support.sqs import Sqs, sqs
from tests.support.waiting import DEADLINE_S, eventually


async def _call(client: Client, name: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(name, arguments, read_timeout_seconds=DEADLINE_S)
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return result.structured_content


async def test_an_agent_sends_a_campaign_through_ses(tmp_path: Path) -> None:
    given = {"summary": "Opener", "start": "2037-05-02T19:00:00Z", "duration": "PT2H", "timezone": "UTC"}
    people = [{"email": f"p{n}@example.com"} for n in range(60)]
    async with ses() as account, asyncio.timeout(2 * DEADLINE_S):
        env = environment(tmp_path, CIS_OUTBOX=account.outbox, **ENVIRONMENT)
        command, *arguments = launching("serve")
        server = StdioServerParameters(command=command, args=arguments, env=env, cwd=tmp_path)
        async with Client(server) as client:
            uid = (await _call(client, "create_event", **given))["event"]["uid"]
            key = (await _call(client, "bulk_send", uid=uid, recipients=people))["campaign"]
            start = {"campaign_id": key["id"], "action": "start", "confirm_token": key["confirm_token"]}
            done = (await _call(client, "control_campaign", **start, wait_s=DEADLINE_S))["campaign"]
    assert (done["state"], done["counts"]["sent"]) == ("finished", 60)
    assert account.errors == []
    assert sorted(sent.given.recipient for sent in account.sent) == sorted(p["email"] for p in people)
    assert {str(mail.event["UID"]) for mail in account.mails} == {uid}
    assert {sent.tags["cis-event"] for sent in account.sent} == {uid}


async def test_verify_asks_ses_for_the_accounts_quota_and_mails_its_simulator(tmp_path: Path) -> None:
    quota = {"Max24HourSend": 200.0, "MaxSendRate": 1.0, "SentLast24Hours": 30.0}
    async with ses(quota=quota) as account:
        _, out, err = await run(tmp_path, "verify", "--json", CIS_OUTBOX=account.outbox, **ENVIRONMENT)
    (way_out,) = [c for c in json.loads(out)["preflight"] if c["name"] == "way out"]
    assert way_out["mark"] == "Verified", err
    assert "sandbox" not in way_out["detail"]
    quota_said = "ses eu-west-1 answers: 1 mails a second, 170 mails left of 24 hours"
    assert way_out["detail"] == f"{quota_said}; its mailbox simulator took a mail"
    (sent,) = account.sent
    assert (sent.given.recipient, sent.given.sender) == (
        "success@simulator.amazonses.com",
        "notification@cis.test",
    )


async def test_verify_says_what_ses_refuses(tmp_path: Path) -> None:
    wrong = ENVIRONMENT | {"AWS_SECRET_ACCESS_KEY": "another"}
    async with ses() as account:
        code, out, _ = await run(tmp_path, "verify", "--json", CIS_OUTBOX=account.outbox, **wrong)
    (way_out,) = [c for c in json.loads(out)["preflight"] if c["name"] == "way out"]
    assert (code, way_out["mark"]) == (1, "Failed")
    assert "InvalidSignatureException" in way_out["detail"]
    assert account.sent == []


async def test_verify_says_why_the_simulator_took_no_mail(tmp_path: Path) -> None:
    why = (400, "MessageRejected", "Email address is not verified: notification@cis.test")
    async with ses(manner=lambda _: why) as account:
        code, out, _ = await run(tmp_path, "verify", "--json", CIS_OUTBOX=account.outbox, **ENVIRONMENT)
    (way_out,) = [c for c in json.loads(out)["preflight"] if c["name"] == "way out"]
    assert (code, way_out["mark"], "is not verified" in way_out["detail"]) == (1, "Failed", True)


def _returned(account: Ses, queue: Sqs) -> None:
    """What SES publishes of the mail that it took last."""
    if told := returned(account.sent[-1]):
        queue.post_by_sns(told, f"sns-{account.sent[-1].name}")


async def _handed_out_again(queue: Sqs) -> None:
    """An event that was quicker than the answer to its mail comes again when its visibility timeout is over."""
    while True:
        await eventually(lambda: any(not kept.visible for kept in queue.messages.values()))
        for kept in queue.messages.values():
            kept.received = 0
        queue.visibility_ends()


async def _verified(folder: Path, account: Ses, queue: Sqs) -> dict[str, dict[str, Any]]:
    values = {"CIS_OUTBOX": account.outbox, "CIS_INBOX": queue.inbox, **ENVIRONMENT}
    code, out, err = await run(folder, "verify", "--json", **values)
    assert code == 0, err
    return {check["name"]: check for check in json.loads(out)["preflight"]}


async def test_in_the_sandbox_verify_sees_the_simulators_bounce_and_complaint_through_and_can_be_repeated(
    tmp_path: Path,
) -> None:
    async with ses(sandbox=True) as account, sqs() as queue:
        account.on_sent = lambda: _returned(account, queue)
        again = asyncio.create_task(_handed_out_again(queue))
        checks = [await _verified(tmp_path, account, queue) for _ in range(2)]
        again.cancel()
    assert [check["bounces, complaints"]["mark"] for check in checks] == ["Verified", "Verified"]
    words = "the account is in the sandbox: only addresses that it has verified get mail"
    assert checks[0]["way out"]["detail"].endswith(words)
    _, out, _ = await run(tmp_path, "suppression", "list")
    assert out == ""


async def test_verify_says_that_no_queue_tells_of_bounces(tmp_path: Path) -> None:
    async with ses() as account:
        _, out, _ = await run(tmp_path, "verify", "--json", CIS_OUTBOX=account.outbox, **ENVIRONMENT)
    (check,) = [c for c in json.loads(out)["preflight"] if c["name"] == "bounces, complaints"]
    assert (check["mark"], "names no queue" in check["detail"]) == ("Skipped", True)
