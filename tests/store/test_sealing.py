"""Secrets in the database are sealed: a copy of it gives none away; what was kept in clear is sealed at opening."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from engine.model.campaign_links import CampaignLink
from engine.model.webhooks import Webhook, WebhookKind
from engine.store.sqlite.schema import MIGRATIONS
from engine.store.sqlite.sealing import FILE, SEALED, Sealer
from engine.store.sqlite.store import SqliteStore
from tests.store.stores import ORGANIZER
from tests.store.test_triggers import trigger
from tests.support.clock import START

SECRETS = ("whsec_c2VjcmV0LW9mLXRoZS1ob29r", "another-secret-of-the-hook")
LINK_KEY = "key-that-a-mail-service-signs-with"


def webhook() -> Webhook:
    return Webhook(
        id="w1",
        organizer=ORGANIZER,
        url="https://example.com/in",
        kinds=frozenset({WebhookKind.RECEIPT}),
        secrets=SECRETS,
        created=START,
        cursor="",
        looked=START,
    )


def link() -> CampaignLink:
    values = {
        "name": "May",
        "organizer": ORGANIZER,
        "uids": ("event1",),
        "vendor": "any",
        "origin": "emailcta",
    }
    return CampaignLink(id="l1", token="t1", key=LINK_KEY, created=START, changed=START, **values)  # type: ignore[arg-type]


async def filled(path: Path) -> None:
    store = await SqliteStore.open(path)
    async with store.unit() as unit:
        await unit.add_trigger(trigger(secrets=SECRETS))
        await unit.add_webhook(webhook())
        await unit.save_link(link())
    await store.close()


async def found(path: Path) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    """The secrets of the trigger, the webhook and the link."""
    store = await SqliteStore.open(path)
    try:
        hook, out, signed = (
            await store.trigger_named("deals"),
            await store.webhook("w1"),
            await store.link("l1"),
        )
        assert hook
        assert out
        assert signed
        return hook.secrets, out.secrets, signed.key
    finally:
        await store.close()


def bytes_of(path: Path) -> bytes:
    return b"".join(one.read_bytes() for one in path.parent.glob(f"{path.name}*"))


async def test_a_copied_database_gives_no_secret_away(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    await filled(path)
    assert await found(path) == (SECRETS, SECRETS, LINK_KEY)
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    for secret in (*SECRETS, LINK_KEY):
        assert secret.encode() not in bytes_of(path)


async def test_with_another_key_there_is_no_secret_and_the_log_says_what_to_do(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "store.sqlite3"
    await filled(path)
    (tmp_path / FILE).unlink()
    with caplog.at_level(logging.ERROR):
        *none, signed_by = await found(path)
    assert none == [(), ()]
    assert signed_by not in {"", LINK_KEY}, "a link that was signed is no open one"
    assert "restore that file, or set it anew" in caplog.text
    assert not [secret for secret in SECRETS if secret in caplog.text]


async def test_a_link_that_is_changed_while_its_key_does_not_open_is_signed_by_it_once_it_does(
    tmp_path: Path,
) -> None:
    path = tmp_path / "store.sqlite3"
    await filled(path)
    (tmp_path / FILE).rename(tmp_path / "elsewhere")
    store = await SqliteStore.open(path)
    async with store.unit() as unit:
        signed = await unit.link("l1")
        assert signed
        await unit.save_link(signed.model_copy(update={"active": False}))
    await store.close()
    (tmp_path / "elsewhere").rename(tmp_path / FILE)
    assert (await found(path))[2] == LINK_KEY


async def test_what_was_sealed_for_one_row_opens_in_no_other(tmp_path: Path) -> None:
    sealer = Sealer(tmp_path)
    sealed = sealer.seal("a secret", "w1")
    assert (sealer.opened(sealed, "w1"), sealer.opened(sealed, "w2")) == ("a secret", "")
    assert sealer.seal("a secret", "w1") != sealed
    assert (sealer.seal("", "w1"), sealer.opened("", "w1")) == ("", "")


async def test_what_lay_in_clear_is_sealed_when_the_database_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    before = MIGRATIONS.index(SEALED)
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        for script in MIGRATIONS[:before]:
            raw.executescript(script)
        raw.execute(f"PRAGMA user_version = {before}")
        hook, out, signed = trigger(secrets=SECRETS), webhook(), link()
        raw.execute(
            "INSERT INTO hook_trigger(id, name, organizer, body) VALUES (?,?,?,?)",
            [hook.id, hook.name, hook.organizer, hook.model_dump_json()],
        )
        raw.execute(
            "INSERT INTO webhook(id, organizer, body) VALUES (?,?,?)",
            [out.id, out.organizer, out.model_dump_json()],
        )
        raw.execute(
            "INSERT INTO link(id, token, organizer, created, body) VALUES (?,?,?,?,?)",
            [signed.id, signed.token, signed.organizer, 0.0, signed.model_dump_json()],
        )
    assert await found(path) == (SECRETS, SECRETS, LINK_KEY)
    with closing(sqlite3.connect(path)) as raw:
        for table in ("hook_trigger", "webhook", "link"):
            (body,) = raw.execute(f"SELECT body FROM {table}").fetchone()
            assert not [secret for secret in (*SECRETS, LINK_KEY) if secret in body]
