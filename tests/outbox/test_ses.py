"""Amazon SES as the way out: what it is told, and what its answers mean."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from engine.aws.chain import CredentialChain
from engine.engine import Engine, system_clock
from engine.outbox.ses import SesTarget, SesTransport
from engine.outbox.transport import Accepted, Envelope, Rejected
from tests.support.awsmodels import complaints, operation, parsed
from tests.support.engines import created, engine_in, invite, working
from tests.support.ses import ENVIRONMENT, HANG_UP, REGION, Answer, Ses, ses
from tests.support.waiting import eventually

ANN = "ann@example.com"
_MAIL = (
    b"From: <rsvp@cis.test>\r\nTo: <ann@example.com>\r\nMessage-ID: <m1@cis.test>\r\nDate: x\r\n\r\nHello\r\n"
)


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@asynccontextmanager
async def sending(account: Ses) -> AsyncIterator[SesTransport]:
    transport = SesTransport(SesTarget.of(account.outbox), "cis.test", system_clock)
    yield transport
    await transport.close()


async def outcome(account: Ses, recipient: str = ANN, content: bytes = _MAIL) -> Accepted | Rejected:
    found: list[Accepted | Rejected] = []
    async with sending(account) as transport:
        mail = Envelope("rsvp+t@cis.test", recipient, content, row="7", event_uid="e1")
        await transport.send_many([mail], lambda _, said: found.append(said))
    return found[0]


async def test_a_mail_is_handed_over_as_it_is_to_its_one_recipient() -> None:
    async with ses() as account:
        said = await outcome(account)
    (sent,) = account.sent
    assert isinstance(said, Accepted)
    assert said.transport_id == sent.name
    assert sent.given.content == _MAIL
    assert sent.values["Destination"] == {"ToAddresses": [ANN]}
    assert sent.values["FeedbackForwardingEmailAddress"] == "rsvp+t@cis.test"
    assert sent.values["ConfigurationSetName"] == "invites"
    assert sent.tags == {"cis-row": "7", "cis-event": "e1"}


@pytest.mark.parametrize("uid", ["a b", "{1F-2}", "x/y", "fête", "a@b.example", "u" * 257, ""])
async def test_the_uid_of_an_imported_event_is_no_tag_if_ses_would_refuse_it(uid: str) -> None:
    """SES takes letters of ASCII, digits, _ and - as a tag's value, and refuses the mail with any other."""
    async with ses() as account, sending(account) as transport:
        mail = Envelope("rsvp+t@cis.test", ANN, _MAIL, row="7", event_uid=uid)
        await transport.send_many([mail], lambda *_: None)
        assert [sent.tags for sent in account.sent] == [{"cis-row": "7"}]


@pytest.mark.parametrize(
    ("answer", "permanent", "server", "throttled"),
    [
        ((429, "TooManyRequestsException", "Maximum sending rate exceeded."), False, True, True),
        ((400, "LimitExceededException", "Daily message quota exceeded."), False, True, True),
        ((400, "MessageRejected", "Email address is not verified: ann@example.com"), True, False, False),
        ((400, "MessageRejected", "Email address is not verified: rsvp@cis.test"), False, True, False),
        ((400, "MessageRejected", "Illegal filename 'x.exe'"), True, False, False),
        ((400, "BadRequestException", "Illegal address"), True, False, False),
        ((400, "BadRequestException", "Configuration set <invites> does not exist."), False, True, False),
        ((404, "NotFoundException", "Configuration set <invites> does not exist."), False, True, False),
        ((400, "AccountSuspendedException", "no"), False, True, False),
        ((400, "SendingPausedException", "no"), False, True, False),
        ((400, "MailFromDomainNotVerifiedException", "no"), False, True, False),
        ((403, "AccessDeniedException", "not authorized to perform ses:SendEmail"), False, True, False),
        ((500, "InternalServiceErrorException", ""), False, True, False),
        ((503, "", ""), False, True, False),
    ],
)
async def test_errors_are_told_apart(answer: Answer, permanent: bool, server: bool, throttled: bool) -> None:
    async with ses(manner=lambda _: answer) as account:
        said = await outcome(account)
    assert isinstance(said, Rejected)
    assert (said.permanent, said.server, said.throttled) == (permanent, server, throttled)
    assert said.spent == ("Daily" in answer[2])
    assert not said.in_doubt


async def test_a_mail_whose_answer_was_lost_is_in_doubt() -> None:
    async with ses(manner=lambda _: HANG_UP) as account:
        said = await outcome(account)
    assert isinstance(said, Rejected)
    assert said.in_doubt
    assert len(account.sent) == 1


async def test_a_service_that_is_away_took_nothing() -> None:
    async with ses() as account:
        pass
    said = await outcome(account)
    assert isinstance(said, Rejected)
    assert (said.permanent, said.server, said.in_doubt) == (False, True, False)


async def test_without_credentials_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    async with ses() as account:
        said = await outcome(account)
    assert isinstance(said, Rejected)
    assert said.server
    assert "credentials" in said.answer


async def test_a_wrong_secret_is_the_accounts_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    async with ses() as account:
        said = await outcome(account)
    assert isinstance(said, Rejected)
    assert (said.server, said.permanent) == (True, False)
    assert account.sent == []


@pytest.mark.parametrize(
    ("recipient", "asked"), [("ann@bücher.example", "ann@xn--bcher-kva.example"), ("änn@example.com", None)]
)
async def test_an_address_outside_ascii_goes_by_its_domain_in_ascii(
    recipient: str, asked: str | None
) -> None:
    async with ses() as account:
        said = await outcome(account, recipient)
    assert [sent.given.recipient for sent in account.sent] == ([asked] if asked else [])
    assert asked or (isinstance(said, Rejected) and said.permanent)


@pytest.mark.parametrize(
    ("quota", "rate", "remaining"),
    [
        ({"Max24HourSend": 200.0, "MaxSendRate": 1.0, "SentLast24Hours": 30.0}, 1.0, 170),
        ({"Max24HourSend": 200.0, "MaxSendRate": 1.0, "SentLast24Hours": 300.0}, 1.0, 0),
        ({"Max24HourSend": -1.0, "MaxSendRate": 500.0, "SentLast24Hours": 9.0}, 500.0, None),
    ],
)
async def test_the_quota_is_the_accounts(quota: dict[str, float], rate: float, remaining: int | None) -> None:
    async with ses(quota=quota) as account, sending(account) as transport:
        found = await transport.quota()
    assert (found.rate, found.remaining) == (rate, remaining)


@pytest.mark.parametrize(
    "url",
    [
        "ses://",
        "ses://nowhere",
        "ses://eu-west-1/path",
        "ses://eu-west-1?rate=5",
        "ses://eu-west-1?connections=0",
        "ses://eu-west-1?endpoint=ftp://x",
        "ses://eu-west-1?configuration_set=a%20b",
        "ses://key:secret@eu-west-1",
    ],
)
def test_a_url_that_cannot_be_meant_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"CIS_OUTBOX|endpoint"):
        SesTarget.of(url)


def test_a_region_of_every_partition_is_understood() -> None:
    found = CredentialChain()._open().get_data("partitions")["partitions"]
    regions = [r for p in found for r in p["regions"] if not r.endswith("global")]
    assert [r for r in regions if SesTarget.of(f"ses://{r}").region != r] == []


async def test_the_stubs_answers_have_the_shapes_of_the_models() -> None:
    """What the transport reads is what boto3 would read, too."""
    account = Ses()
    sent = account._keep({}, _MAIL, ANN)
    for name, values in (
        ("SendEmail", {"MessageId": sent.name}),
        ("GetAccount", {"SendQuota": account.quota}),
    ):
        shape = operation(name).output_shape
        assert complaints(values, shape) == ""
        found = parsed((200, {}, json.dumps(values).encode()), name)
        assert {key: found[key] for key in values} == values


# through the engine


def _name_of(folder: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(folder / "cis.sqlite3")) as raw:
        sql = "SELECT transport_id, message_id FROM transport_name JOIN message ON message = message.id"
        return raw.execute(sql).fetchall()


async def _sent(engine: Engine, account: Ses, n: int) -> None:
    await eventually(lambda: len(account.sent) >= n)


async def test_an_invite_goes_out_and_both_names_are_kept(tmp_path: Path) -> None:
    async with ses() as account, engine_in(tmp_path, system_clock) as engine:
        event = await created(engine)
        done = await invite(engine, event, ANN)
        async with working(engine, SesTransport(SesTarget.of(account.outbox), "cis.test", system_clock)):
            await _sent(engine, account, 1)
        (sent,) = account.sent
        assert sent.tags == {"cis-row": str(done.message.id), "cis-event": event.uid}
        assert sent.arrives.event["UID"] == event.uid
        assert sent.arrives.message_id == f"{sent.name}@{REGION}.amazonses.com"
        assert _name_of(tmp_path) == [(sent.name, sent.given.message_id)]


async def test_a_mail_whose_answer_was_lost_goes_again_as_the_same_revision(tmp_path: Path) -> None:
    lost = [HANG_UP]
    async with (
        ses(manner=lambda _: lost.pop() if lost else None) as account,
        engine_in(tmp_path, system_clock) as engine,
    ):
        await invite(engine, await created(engine), ANN)
        async with working(engine, SesTransport(SesTarget.of(account.outbox), "cis.test", system_clock)):
            await _sent(engine, account, 2)
        first, second = account.sent
        assert first.arrives.message_id != second.arrives.message_id
        assert first.given.message_id == second.given.message_id
        for name in ("UID", "SEQUENCE", "DTSTAMP"):
            assert first.arrives.event[name] == second.arrives.event[name]


async def test_nothing_leaves_once_the_day_is_spent(tmp_path: Path) -> None:
    quota = {"Max24HourSend": 200.0, "MaxSendRate": 0.0, "SentLast24Hours": 197.0}
    async with ses(quota=quota) as account, engine_in(tmp_path, system_clock) as engine:
        event = await created(engine)
        for n in range(5):
            await invite(engine, event, f"p{n}@example.com")
        transport = SesTransport(SesTarget.of(account.outbox), "cis.test", system_clock)
        async with working(engine, transport, dispatchers=2):
            await _sent(engine, account, 3)
        assert len(account.sent) == 3
        assert account.account_asked <= 2  # once for each, at most


async def test_throttling_slows_all_and_loses_nothing(tmp_path: Path) -> None:
    answers: list[Answer] = [(429, "TooManyRequestsException", "Maximum sending rate exceeded.")]
    async with (
        ses(manner=lambda _: answers.pop() if answers else None) as account,
        engine_in(tmp_path, system_clock) as engine,
    ):
        await invite(engine, await created(engine), ANN)
        async with working(engine, SesTransport(SesTarget.of(account.outbox), "cis.test", system_clock)):
            await _sent(engine, account, 1)
    with closing(sqlite3.connect(tmp_path / "cis.sqlite3")) as raw:
        assert raw.execute("SELECT part FROM quota").fetchone() == (0.5,)
