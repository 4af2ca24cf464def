"""Where webhooks may go: checked when one is made, and again at each connection."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.engine import Engine
from engine.publicweb.addresses import Way, is_public
from engine.publicweb.outside import Outside, web_address
from engine.refusals import Code, Refused
from tests.support.engines import created, engine_in, settings_in
from tests.support.webs import key_for
from tests.webhooks.receiver import LOCAL, Receiver, posted, posting, receiving, subscribed

PRIVATE = [
    "https://127.0.0.1/in",
    "https://localhost/in",
    "https://169.254.169.254/latest/meta-data",
    "https://[::ffff:10.0.0.1]/",
    "https://[::1]/",
    "https://[fe80::1]/",
    "https://10.0.0.1/",
    "https://192.168.1.1/",
    "https://172.16.0.1/",
    "https://100.64.0.1/",
    "https://0.0.0.0/",
    "https://0x7f000001/",
    "https://2130706433/",
    "https://[64:ff9b::a00:1]/",
    "http://example.com/",
]
"""The last is plain http, which goes to the operator's own networks alone."""
NO_ADDRESS = [
    "ftp://example.com/",
    "https://user:password@example.com/",
    "https:///in",
    "file:///etc/passwd",
    "https://exa mple.com/",
    "javascript:alert(1)",
    "https://example.com/" + "x" * 2_000,
    # Cut, and without what stands for nothing, it would be short enough, and another one.
    "https://example.com:443/" + "x" * 2_000,
    "",
]


async def code_of(engine: Engine, url: str) -> Code:
    with pytest.raises(Refused) as refused:
        await subscribed(engine, url)
    return refused.value.code


@pytest.mark.parametrize("url", [*PRIVATE, *NO_ADDRESS])
async def test_a_private_address_is_refused_when_a_webhook_is_made(engine: Engine, url: str) -> None:
    assert await code_of(engine, url) in {Code.URL_NOT_ALLOWED, Code.URL_NOT_READABLE}
    assert await engine.store.webhooks(None) == []


def test_a_port_that_there_cannot_be_is_no_address() -> None:
    assert web_address("https://example.com:65535/in") == "https://example.com:65535/in"
    with pytest.raises(Refused) as refused:
        web_address("https://example.com:70000/in")
    assert refused.value.code is Code.URL_NOT_ALLOWED


async def test_a_network_that_the_operator_names_lets_only_that_one_in(tmp_path: Path) -> None:
    async with engine_in(tmp_path, **LOCAL) as engine:
        await subscribed(engine, "http://127.0.0.1:9/in")
        for url in ("https://10.0.0.1/", "https://169.254.169.254/", "http://192.0.2.1/"):
            assert await code_of(engine, url) is Code.URL_NOT_ALLOWED


async def test_a_name_that_turns_private_later_is_not_connected_to(tmp_path: Path) -> None:
    """First public and then private: rebinding. The check at each connection sees it."""
    receiver = Receiver()
    async with engine_in(tmp_path, **LOCAL) as engine, receiving(receiver) as stub:
        made = await subscribed(engine, f"http://localhost:{stub.port}/")
        await created(engine)
        async with posting(engine) as courier:
            asked: list[str] = []

            async def resolve(host: str, port: int) -> list[str]:
                asked.append(host)
                return ["127.0.0.1", "10.0.0.1"]

            way = Way(allowed=lambda address: str(address) == "127.0.0.1", resolve=resolve)
            courier._outside._ways["http"] = way
            await courier.drain()
        assert asked == ["localhost"]
        assert receiver.got == []
        (one,) = await posted(engine, made)
        assert "private" in one.detail


async def test_a_connection_goes_to_the_very_address_that_was_checked(tmp_path: Path) -> None:
    """The name resolves to something else a moment later; nobody asks it again."""
    receiver = Receiver()
    async with receiving(receiver) as stub:
        outside = Outside(settings_in(tmp_path, **LOCAL))
        answers = iter([["127.0.0.1"]])

        async def resolve(host: str, port: int) -> list[str]:
            return next(answers)

        outside._ways["http"] = Way(allowed=lambda _: True, resolve=resolve)
        answer = await outside.request(
            "POST", f"http://receiver.test:{stub.port}/", {}, b"x", seconds=60, most=100
        )
        await outside.close()
    assert answer.status == 204
    assert receiver.got[0].headers["host"] == f"receiver.test:{stub.port}"


async def test_an_answer_is_read_up_to_a_bound(tmp_path: Path) -> None:
    from tests.support.httpstub import Told

    receiver = Receiver(answers=[Told(200, body=b"x" * 100_000)])
    async with receiving(receiver) as stub:
        outside = Outside(settings_in(tmp_path, **LOCAL))
        answer = await outside.request("GET", stub.url, {}, b"", seconds=60, most=1_000)
        await outside.close()
    assert (len(answer.body), answer.cut) == (1_000, True)


def test_nothing_that_wraps_a_private_address_is_public() -> None:
    from ipaddress import ip_address

    for wrapped in ("::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "fe80::1", "ff02::1"):
        assert not is_public(ip_address(wrapped))


async def test_a_key_is_checked_as_well(engine: Engine) -> None:
    await key_for(engine)
    assert await code_of(engine, "https://[::ffff:10.0.0.1]/") is Code.URL_NOT_ALLOWED
