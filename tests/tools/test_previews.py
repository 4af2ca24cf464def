"""preview_invite: what somebody would get, how clients show it, and why the mail may not arrive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from cis_mcp.views.forecast import ASPECTS, CLIENTS, NOT_KNOWN, forecasts, rules
from engine.engine import Engine
from tests.support.clock import Clock
from tests.support.engines import created, deliver, engine_in
from tests.tools.caller import Mode, calling


class _Zone(asyncio.DatagramProtocol):
    """A name server with a few TXT records; of what lies above one of them it knows that it exists (RFC 8020)."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        asked = dns.message.from_wire(data)
        name = asked.question[0].name.to_text(omit_final_dot=True).lower()
        answer = dns.message.make_response(asked)
        answer.flags |= dns.flags.RA
        if name in self._texts:
            answer.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "TXT", f'"{self._texts[name]}"'))
        elif not any(known.endswith(f".{name}") for known in self._texts):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        self._transport.sendto(answer.to_wire(), addr)


@asynccontextmanager
async def _named(texts: Mapping[str, str]) -> AsyncIterator[str]:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Zone(texts), local_addr=("127.0.0.1", 0)
    )
    try:
        yield "127.0.0.1:{}".format(transport.get_extra_info("sockname")[1])
    finally:
        transport.close()


async def test_a_preview_shows_the_mail_and_each_client_and_sends_nothing(engine: Engine, mode: Mode) -> None:
    event = await created(engine, summary="Opener", description="Dear {{name}}, bring {{email}}")
    async with calling(engine, mode, tier="extended") as caller:
        assert await caller.code("preview_invite", uid=event.id, email="ann@gmail.com") == "missing_field"
        plain = await created(engine, summary="Opener", description="Bring {{email}}")
        shown = await caller.ok("preview_invite", uid=plain.id, email="Ann@Gmail.com")
        assert (shown["subject"], shown["likely"], shown["invited"]) == ("Opener", "gmail", False)
        assert "Bring ann@gmail.com" in shown["text"]
        assert shown["reply_to"] == plain.organizer
        assert [one["client"] for one in shown["clients"]] == list(CLIENTS)
        assert {warning["code"] for warning in shown["warnings"]} == {"dns_not_known", "loopback"}
        await caller.ok("send_invite", uid=plain.id, email="ann@gmail.com", wait_s=0)
        assert (await caller.ok("preview_invite", uid=plain.id, email="ann@gmail.com"))["invited"]
        assert await caller.code("preview_invite", uid="nothing", email="ann@gmail.com") == "unknown_event"
        assert await caller.code("preview_invite", uid=plain.id, email="ann") == "invalid_address"
    assert len(await deliver(engine)) == 1


async def test_a_mail_that_would_not_arrive_is_warned_of(tmp_path: Path) -> None:
    texts = {"_dmarc.invites.net": "v=DMARC1; p=quarantine", "_dmarc.bank.org": "v=DMARC1; p=reject; pct=100"}
    async with (
        _named(texts) as server,
        engine_in(
            tmp_path, Clock(), domain="invites.net", dns=server, public_url="https://invites.net"
        ) as engine,
    ):
        event = await created(engine, organizer="ceo@mail.bank.org", description="\N{SNOWMAN}" * 20_000)
        async with calling(engine, tier="extended") as caller:
            shown = await caller.ok("preview_invite", uid=event.uid, email="ann@gmail.com")
            told = {warning["code"]: warning["message"] for warning in shown["warnings"]}
            assert "no DKIM key" in told.pop("no_dkim")
            assert "p=quarantine" in told.pop("dmarc")
            assert "p=reject" in told.pop("organizer_dmarc")
            assert list(told) == []
            heavy = await created(engine, description="<&>" * 6_666, location="&" * 1_000)
            size = (await caller.ok("preview_invite", uid=heavy.uid, email="ann@gmail.com"))["html_bytes"]
            assert size > 60_000
            clipped = await created(engine, description="&" * 20_000, location="&" * 1_000)
            shown = await caller.ok("preview_invite", uid=clipped.uid, email="ann@gmail.com")
            (large,) = [warning for warning in shown["warnings"] if warning["code"] == "large"]
            assert "Gmail shows 102,000" in large["message"]
            given = {"summary": "x", "start": "2027-05-02T19:00", "duration": "PT1H", "timezone": "UTC"}
            assert await caller.code("create_event", **given, description="x" * 900_000) == "too_large"


async def test_a_domain_with_keys_and_no_policy_is_not_warned_of(tmp_path: Path) -> None:
    texts = {"selector._domainkey.invites.net": "v=DKIM1; p="}
    async with (
        _named(texts) as server,
        engine_in(
            tmp_path, Clock(), domain="invites.net", dns=server, public_url="https://invites.net"
        ) as engine,
    ):
        event = await created(engine)
        async with calling(engine, tier="extended") as caller:
            shown = await caller.ok("preview_invite", uid=event.uid, email="ann@yahoo.com")
        assert (shown["warnings"], shown["likely"]) == ([], "yahoo")
        assert {shown["clients"][5][aspect]["says"] for aspect in ASPECTS} == {NOT_KNOWN}


def test_each_rule_names_its_source_and_date_and_what_has_none_is_not_known() -> None:
    for rule in rules():
        assert rule.source
        assert rule.date
    for answers in (True, False):
        for one in forecasts(answers=answers):
            for aspect in ASPECTS:
                told = getattr(one, aspect)
                assert (told.says == NOT_KNOWN) == (not told.source)
