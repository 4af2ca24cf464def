"""/healthz, /readyz and /metrics as a watcher meets them, and who may read the figures."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from cis_mcp.run.runtime import running
from cis_mcp.watch.health import Health
from engine.engine import Engine
from engine.inbox.intake.intake import Inbox
from engine.inbox.smtp.listener import Listener
from tests.support.engines import engine_in, settings_in
from tests.support.ports import free_port, listens
from tests.support.waiting import DEADLINE_S, eventually
from tests.support.webs import bearing, key_for, served


async def test_a_server_that_can_do_its_work_is_ready(tmp_path: Path) -> None:
    health = Health()
    settings = settings_in(tmp_path, inbox=f"smtp://127.0.0.1:{free_port()}")
    async with running(settings, health) as engine, served(engine, health=health) as address:
        async with httpx.AsyncClient(timeout=DEADLINE_S) as web:
            answer = await web.get(f"{address}/readyz")
        assert (answer.status_code, answer.json()) == (200, {"status": "ready"})
        assert {"dispatcher", "inbox", "jobs", "source 1 of CIS_INBOX"} <= set(health.jobs)


async def test_a_server_whose_dispatcher_stopped_says_so_and_still_lives(tmp_path: Path) -> None:
    health = Health()
    async with running(settings_in(tmp_path), health) as engine, served(engine, health=health) as address:
        health.jobs["dispatcher"].cancel()
        await asyncio.wait([health.jobs["dispatcher"]])
        async with httpx.AsyncClient(timeout=DEADLINE_S) as web:
            answer = await web.get(f"{address}/readyz")
            assert answer.status_code == 503
            assert answer.json()["reasons"] == ["The dispatcher has stopped; restart the server."]
            assert (await web.get(f"{address}/healthz")).status_code == 200
            assert 'cis_running{job="dispatcher"} 0.0' in (await web.get(f"{address}/metrics")).text


async def test_a_data_folder_that_takes_no_files_is_told(tmp_path: Path) -> None:
    database = f"sqlite:{tmp_path / 'apart' / 'cis.sqlite3'}"
    async with engine_in(tmp_path / "gone", store=database) as engine:
        shutil.rmtree(tmp_path / "gone", ignore_errors=True)
        problems = await Health().problems(engine)
        assert problems == ("The data folder cannot be written: No such file or directory.",)


async def test_a_store_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    async with engine_in(tmp_path) as engine:
        pass
    problems = await Health().problems(engine)
    assert [p.split(" (")[0] for p in problems] == ["The store cannot be read"]


async def test_asked_again_and_again_it_looks_only_now_and_then(tmp_path: Path) -> None:
    health = Health(kept_s=0.2)
    async with engine_in(tmp_path) as engine:
        assert await health.problems(engine) == ()
        health.doubts.append(lambda: "Something is wrong.")
        assert await health.problems(engine) == ()
        await eventually(lambda: health.problems(engine))


async def test_a_listener_without_its_address_is_in_doubt_but_not_while_another_process_has_the_port(
    engine: Engine,
) -> None:
    port = free_port()
    inbox = Inbox(engine)
    first, second = (Listener(inbox, f"smtp://127.0.0.1:{port}") for _ in range(2))
    elsewhere = Listener(inbox, f"smtp://192.0.2.1:{port}")
    tasks = [asyncio.create_task(first.run())]
    await eventually(lambda: listens(port))
    tasks += [asyncio.create_task(listener.run()) for listener in (second, elsewhere)]
    await eventually(elsewhere.doubt)
    assert elsewhere.doubt().startswith(f"No mail is accepted on port {port}: ")
    assert (first.doubt(), second.doubt()) == ("", "")
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_the_figures_are_in_the_format_that_prometheus_reads(engine: Engine) -> None:
    async with served(engine) as address, httpx.AsyncClient(timeout=DEADLINE_S) as web:
        answer = await web.get(f"{address}/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    assert {"cis_messages", "cis_oldest_due_seconds", "cis_receipt_lag_seconds"} <= set(families)
    (memory,) = families["process_resident_memory_bytes"].samples
    assert memory.value > 10_000_000


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "198.51.100.7"},
        {"Forwarded": "for=198.51.100.7"},
        {"Via": "1.1 proxy"},
        {"Host": "cis.example.com"},
        {"Host": "127.0.0.1.evil.example"},
        {"Origin": "http://127.0.0.1"},
    ],
)
async def test_what_came_through_a_proxy_or_a_browser_is_not_of_this_machine(
    engine: Engine, headers: dict[str, str]
) -> None:
    async with served(engine) as address, httpx.AsyncClient(timeout=DEADLINE_S) as web:
        answer = await web.get(f"{address}/metrics", headers=headers)
        assert answer.status_code == 401
        assert "cis_messages" not in answer.text
        assert (await web.get(f"{address}/readyz", headers=headers)).status_code == 200


async def test_from_elsewhere_a_key_with_the_scope_admin_reads_the_figures_and_no_other(
    engine: Engine,
) -> None:
    admin = await key_for(engine, scopes=frozenset({"admin"}))
    reader = await key_for(engine, scopes=frozenset({"read"}))
    from_elsewhere = {"Host": "cis.example.com"}
    async with served(engine) as address, httpx.AsyncClient(timeout=DEADLINE_S) as web:
        for key, status in ((admin, 200), (reader, 403), ("cis_guessed", 401)):
            answer = await web.get(f"{address}/metrics", headers={**bearing(key), **from_elsewhere})
            assert answer.status_code == status
            assert ("cis_messages" in answer.text) == (status == 200)


async def test_open_figures_are_for_everybody(tmp_path: Path) -> None:
    async with (
        engine_in(tmp_path, metrics="open") as engine,
        served(engine) as address,
        httpx.AsyncClient(timeout=DEADLINE_S) as web,
    ):
        assert (await web.get(f"{address}/metrics", headers={"Host": "cis.example.com"})).status_code == 200
