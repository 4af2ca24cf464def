"""The contract of a store: sessions of web pages, and the links that begin them."""

from __future__ import annotations

from datetime import timedelta

from engine.model.sessions import IDLE_MAX, LINK_LASTS, SESSION_MAX, LoginSession, SignedInAs, SignInLink
from engine.store.protocol import Store
from tests.support.clock import START


def session(digest: str = "s1", address: str = "ann@example.com") -> LoginSession:
    return LoginSession(
        digest=digest, signed_in=SignedInAs.MAILBOX, address=address, created=START, seen=START
    )


async def test_a_link_is_found_by_the_hash_of_its_code_and_remembers_its_use(store: Store) -> None:
    link = SignInLink(
        digest="d1",
        signs_in=SignedInAs.MAILBOX,
        address="ann@example.com",
        created=START,
        expires=START + LINK_LASTS,
    )
    used = link.model_copy(update={"used": START})
    async with store.unit() as unit:
        await unit.add_sign_in(link)
        assert await unit.sign_in("d1") == link
        await unit.save_sign_in(used)
    assert await store.sign_in("d1") == used
    assert await store.sign_in("d2") is None


async def test_all_sessions_of_an_address_end_at_once(store: Store) -> None:
    async with store.unit() as unit:
        for digest, address in (
            ("s1", "ann@example.com"),
            ("s2", "ann@example.com"),
            ("s3", "bob@example.com"),
        ):
            await unit.add_session(session(digest, address))
        await unit.save_session(session("s2").model_copy(update={"ended": START}))
        assert await unit.end_sessions("ann@example.com", START + timedelta(minutes=1)) == 1
    lasting = {}
    for digest in ("s1", "s2", "s3"):
        found = await store.session(digest)
        assert found
        lasting[digest] = found.lasts(START + timedelta(minutes=1))
    assert lasting == {"s1": False, "s2": False, "s3": True}


async def test_however_many_sessions_an_address_has_they_end_and_those_after_them_last(store: Store) -> None:
    many = [session(f"s{n}") for n in range(40)]
    for first in (0, 20):
        async with store.unit() as unit:
            for one in many[first : first + 20]:
                await unit.add_session(one)
    async with store.unit() as unit:
        assert await unit.end_sessions("ann@example.com", START) == 40
        await unit.add_session(session("new"))
    async with store.unit() as unit:
        await unit.save_session(session("new").model_copy(update={"seen": START + timedelta(minutes=9)}))
    found = [await store.session(one.digest) for one in many]
    assert [one for one in found if one and one.lasts(START)] == []
    new = await store.session("new")
    assert new
    assert new.lasts(START + timedelta(minutes=9))
    async with store.unit() as unit:
        assert await unit.end_sessions("ann@example.com", START + timedelta(minutes=9)) == 1


def test_a_session_ends_when_it_is_not_used_and_in_any_case_after_a_week() -> None:
    assert session().lasts(START + IDLE_MAX - timedelta(seconds=1))
    assert not session().lasts(START + IDLE_MAX)
    used = session().model_copy(update={"seen": START + SESSION_MAX - timedelta(hours=1)})
    assert used.lasts(START + SESSION_MAX - timedelta(seconds=1))
    assert not used.lasts(START + SESSION_MAX)
