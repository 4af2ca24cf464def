"""The functions under AWS's own emulator of Lambda's runtime: they answer there, and the first answer comes soon.

Installed by tests/judges/install.sh; run where `CIS_JUDGES=required`, as `.ci/run` sets it.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import boto3
import httpx
import pytest

from cis_mcp.functions.queue import QueueFunction
from cis_mcp.functions.web import WebFunction
from engine.engine import Engine
from engine.settings import Settings
from tests.cli.processes import environment
from tests.judges.ministack import KEYS, REGION, ministack
from tests.support import mails
from tests.support.engines import engine_in, settings_in
from tests.support.functions import ByFunction, answered, event_of, in_a_thread
from tests.support.ports import free_port
from tests.support.sesmail import notification, stamped
from tests.support.webs import INITIALIZE, LIST_TOOLS, bearing, key_for

pytestmark = pytest.mark.skipif(
    os.environ.get("CIS_JUDGES") != "required",
    reason="AWS's emulator of Lambda: run by .ci/run (make judges)",
)
PLACE = Path(__file__).resolve().parents[2] / ".judges/lambda"
RIE = PLACE / f"rie-{platform.machine()}"
HERE = "https://api.invites.example.com"
DOMAIN = "invites.example.com"
_FAR = {
    "store": f"dynamodb://far?region={REGION}&create=yes",
    "secret": "0123456789abcdef" * 4,
    "public_url": HERE,
    "domain": DOMAIN,
    "organizers": "*@example.com",
    "inbox": f"sqs://far?region={REGION}&bucket=far-mail&prefix=in/",
}
_TRIES = 300
_ROUNDS = 5
_MOST = 1.3
_BARE = '''
import asyncio
from contextlib import AsyncExitStack
from mangum import Mangum
from mcp.server import MCPServer
from mcp.server.transport_security import TransportSecuritySettings

server = MCPServer("bare")

@server.tool()
def add(a: int, b: int) -> int:
    """Add."""
    return a + b

anyone = TransportSecuritySettings(enable_dns_rebinding_protection=False)
app = server.streamable_http_app(json_response=True, stateless_http=True, transport_security=anyone)
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
kept = AsyncExitStack()
loop.run_until_complete(kept.enter_async_context(app.router.lifespan_context(app)))
handler = Mangum(app, lifespan="off")
'''


@contextmanager
def emulated(folder: Path, handler: str, paths: Sequence[str] = (), **values: str) -> Iterator[str]:
    """Where a function is called that the emulator runs; it starts with the first call, as Lambda starts one."""
    port, api = free_port(), free_port()
    addresses = [
        *("--runtime-api-address", f"127.0.0.1:{api}"),
        *("--runtime-interface-emulator-address", f"127.0.0.1:{port}"),
    ]
    own = environment(folder, **values)
    own["PYTHONPATH"] = os.pathsep.join([*paths, str(PLACE / "packages"), own["PYTHONPATH"]])
    # What an import compiles is kept, as it is in the zip of a function.
    own.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [str(RIE), *addresses, sys.executable, "-m", "awslambdaric", handler]
    with (
        (folder / "rie.log").open("ab") as log,
        subprocess.Popen(command, cwd=folder, env=own, stdout=log, stderr=log) as process,
    ):
        try:
            _wait(port, process)
            yield f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"
        finally:
            process.terminate()


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(_TRIES):
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
            break
    raise AssertionError("the emulator does not listen")


def call(url: str, event: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(url, json.dumps(event).encode())
    with urllib.request.urlopen(request, timeout=60) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


@pytest.fixture
async def key(tmp_path: Path) -> str:
    async with engine_in(tmp_path / "data", domain="invites.example.com") as engine:
        return await key_for(engine, "ann@example.com")


def _asked(body: dict[str, Any], key: str) -> dict[str, Any]:
    headers = {"host": HERE.removeprefix("https://"), **{k.lower(): v for k, v in bearing(key).items()}}
    return event_of("POST", f"{HERE}/mcp", headers, json.dumps(body).encode())


def _settings(folder: Path) -> dict[str, str]:
    return {
        "CIS_DATA_DIR": str(folder / "data"),
        "CIS_PUBLIC_URL": HERE,
        "CIS_DOMAIN": "invites.example.com",
    }


def test_the_emulator_is_there() -> None:
    assert RIE.is_file() and (PLACE / "packages/awslambdaric").is_dir(), "run tests/judges/install.sh"


def test_the_function_answers_a_greeting_a_list_and_rest(tmp_path: Path, key: str) -> None:
    with emulated(tmp_path, "cis_mcp.functions.web.handler", **_settings(tmp_path)) as url:
        first = answered(call(url, _asked(INITIALIZE, key)))
        assert first.json()["result"]["serverInfo"]["name"] == "cis-mcp", first.text
        listed = answered(call(url, _asked(LIST_TOOLS, key))).json()["result"]["tools"]
        assert "create_event" in [tool["name"] for tool in listed]
        rest = _asked({}, key)
        rest["requestContext"]["http"] |= {"method": "GET", "path": "/v1/events"}
        rest |= {"rawPath": "/v1/events", "body": "", "isBase64Encoded": False}
        assert answered(call(url, rest)).json()["events"] == []


def test_what_is_not_handled_is_reported_to_lambda(tmp_path: Path) -> None:
    values = {**_settings(tmp_path), "CIS_INBOX": "sqs://cis?region=eu-west-1"}
    poison = {
        "messageId": "m-1",
        "receiptHandle": "h",
        "body": "poison",
        "eventSourceARN": "arn:aws:sqs:x:1:cis",
    }
    with emulated(tmp_path, "cis_mcp.functions.queue.handler", **values) as url:
        assert call(url, {"Records": [poison]}) == {"batchItemFailures": [{"itemIdentifier": "m-1"}]}


async def test_functions_that_share_no_disk_serve_one_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over a table: a mail makes an event in one function, and an agent finds and changes it by two others."""
    with ministack(tmp_path) as aws:
        for name, value in {**KEYS, "AWS_ENDPOINT_URL": aws}.items():
            monkeypatch.setenv(name, value)

        def settings(folder: str) -> Settings:
            return settings_in(tmp_path / folder, **_FAR)

        engine = await Engine.open(settings("first"))
        key = await key_for(engine, "olga@example.com")
        await asyncio.to_thread(_came, aws, "in/mail-1")
        told = notification("in/mail-1", [f"create@{DOMAIN}"], datetime.now(UTC), "far-mail")
        record = {"messageId": "m-1", "receiptHandle": "h", "body": json.dumps(told)}
        record["eventSourceARN"] = "arn:aws:sqs:x:1:far"
        mail = QueueFunction(settings("mail"))
        report = await in_a_thread(mail, mail.instance.close, {"Records": [record]}, {"Records": [record]})
        assert report == {"batchItemFailures": []}
        uids = []
        for folder in ("one", "two"):
            web = WebFunction(settings(folder))
            transport = ByFunction(web, web.instance.close)
            async with httpx.AsyncClient(transport=transport, base_url=HERE, headers=bearing(key)) as client:
                assert (await client.post("/mcp", json=INITIALIZE)).status_code == 200
                (event,) = (await client.get("/v1/events")).json()["events"]
                uids.append(event["uid"])
                for n in range(4):
                    asked = {"uid": event["uid"], "email": f"{folder}{n}@example.com", "wait_s": 0}
                    call_it = {"name": "send_invite", "arguments": asked}
                    body = {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": call_it}
                    revision = await engine.store.revision()
                    sent = (await client.post("/mcp", json=body)).json()["result"]
                    assert not sent.get("isError"), sent
                    assert await engine.store.revision() != revision, "others are told before it stands still"
                found = await client.get(f"/v1/events/{event['uid']}/attendees")
        assert uids[0] == uids[1]
        assert len(found.json()["attendees"]) >= 2
        await engine.close()


def _came(aws: str, key: str) -> None:
    """SES has put a mail into the bucket."""
    session = boto3.Session(KEYS["AWS_ACCESS_KEY_ID"], KEYS["AWS_SECRET_ACCESS_KEY"], region_name=REGION)
    s3 = session.client("s3", endpoint_url=aws)
    s3.create_bucket(Bucket="far-mail", CreateBucketConfiguration={"LocationConstraint": REGION})
    sender = "olga@example.com"
    soon = datetime.now(UTC) + timedelta(days=30)
    event = mails.vevent("uid-1", organizer=sender, start=soon, end=soon + timedelta(hours=2))
    made = mails.request(event, sender=sender, proven=False)
    made.replace_header("To", f"create@{DOMAIN}")
    s3.put_object(Bucket="far-mail", Key=key, Body=stamped(made, f"create@{DOMAIN}", sender=sender))


def test_the_first_answer_comes_as_soon_as_that_of_a_bare_server(tmp_path: Path, key: str) -> None:
    """Medians of first answers, by turns: of our server with its store and a key, and of a server with one tool."""
    (tmp_path / "bare.py").write_text(_BARE)
    times: dict[str, list[float]] = {"cis_mcp.functions.web.handler": [], "bare.handler": []}
    for _ in range(_ROUNDS + 1):
        for handler, found in times.items():
            with emulated(tmp_path, handler, [str(tmp_path)], **_settings(tmp_path)) as url:
                began = time.monotonic()
                answer = answered(call(url, _asked(INITIALIZE, key)))
                found.append(time.monotonic() - began)
                assert answer.status_code == 200, answer.text
    # The first round compiles what is imported.
    ours, bare = (median(found[1:]) for found in times.values())
    print(f"first answer: {ours:.2f} s, bare {bare:.2f} s, {ours / bare:.2f}")
    assert ours <= _MOST * bare
