"""What an operator's agent may do: organizers, keys, the recount, the settings."""

from __future__ import annotations

from pathlib import Path

from engine.commands.agents.keys import CreateKey
from engine.engine import Engine
from tests.support.engines import created, do, engine_in
from tests.tools.caller import Mode, agent, calling, text_of

ADMIN = agent("ops@example.com", frozenset({"read", "events", "admin"}))


async def test_a_suspended_organizer_sends_nothing_until_it_may_again(engine: Engine, mode: Mode) -> None:
    event = await created(engine)
    async with calling(engine, mode, ADMIN, tier="operator") as operator:
        assert (await operator.ok("suspend_organizer", address=event.organizer))["suspended"] is True
        async with calling(engine, mode) as caller:
            code = await caller.code("send_invite", uid=event.uid, email="ann@example.com")
            assert code == "organizer_suspended"
            assert (await operator.ok("resume_organizer", address=event.organizer))["suspended"] is False
            await caller.ok("send_invite", uid=event.uid, email="ann@example.com", wait_s=0)
        assert await operator.code("suspend_organizer", address="nobody") == "invalid_address"


async def test_keys_are_listed_without_their_secrets_and_can_be_ended(engine: Engine) -> None:
    made = [await do(engine, CreateKey(name=f"key {n}", address="ann@example.com")) for n in range(5)]
    async with calling(engine, actor=ADMIN, tier="operator") as caller:
        first = await caller.ok("list_keys", limit=3)
        second = await caller.ok("list_keys", limit=3, cursor=first["next_cursor"])
        assert [k["id"] for k in (*first["keys"], *second["keys"])] == [m.key.id for m in made]
        assert second["next_cursor"] is None
        words = text_of(await caller.call("list_keys"))
        assert not any(m.secret in words or m.key.digest in words for m in made)
        assert await engine.key_of(made[0].secret) is not None
        ended = await caller.ok("revoke_key", key_id=made[0].key.id)
        assert ended["key"]["revoked"] == "2027-03-01T09:00:00Z"
        assert await engine.key_of(made[0].secret) is None
        assert await caller.code("revoke_key", key_id="nothing") == "unknown_key"
        assert await caller.code("list_keys", cursor="nonsense") == "invalid_cursor"


async def test_the_recount_names_what_does_not_add_up(tmp_path: Path) -> None:
    async with engine_in(tmp_path) as engine:
        await created(engine)
        async with calling(engine, tier="operator") as caller:
            sound = await caller.ok("check_server")
            assert sound == {"sound": True, "differences": [], "total": 0}
            new = tmp_path / "inbox" / "done" / "a-file-that-nothing-speaks-of"
            new.parent.mkdir(parents=True, exist_ok=True)
            new.write_bytes(b"x")
            result = await caller.ok("check_server")
            assert (result["sound"], result["total"], len(result["differences"])) == (False, 1, 1)


async def test_settings_are_shown_without_secrets(tmp_path: Path) -> None:
    secret = "s3cret"
    outbox = f"smtp://user:{secret}@mail.example.com:25"
    async with engine_in(tmp_path, outbox=outbox) as engine, calling(engine, tier="operator") as caller:
        words = text_of(await caller.call("get_settings"))
    assert "CIS_OUTBOX=smtp://***@mail.example.com:25" in words
    assert secret not in words


async def test_an_organizer_has_several_addresses_each_once(engine: Engine) -> None:
    olga, home = "olga@cis.test", "olga@home.example"
    async with calling(engine, tier="operator") as operator:
        await operator.ok("register_organizer", address=olga)
        assert (await operator.ok("set_organizer", address=olga, add_addresses=[home]))["addresses"] == [home]
        taken = await operator.code("set_organizer", address="carol@cis.test", add_addresses=[home])
        assert taken == "invalid_argument"
        assert (await operator.ok("set_organizer", address=olga, remove_addresses=[home]))["addresses"] == []
        assert (await operator.ok("set_organizer", address=olga, lists=False))["lists"] is False
        assert (await operator.ok("set_organizer", address=olga, lists=True))["lists"] is True
