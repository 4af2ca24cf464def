"""Calls to AWS, in processor time of the calling processes: the lean client beside boto3, a campaign through SES beside
one through an SMTP sink; both against one canned server."""

from __future__ import annotations

import asyncio
import base64
import json
import resource
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from bench import campaign
from bench.figures import Figure
from bench.processes import SERVER, environment, over_stdio, sink
from bench.timing import MILLISECONDS, Effort
from engine.aws.client import JsonClient
from engine.aws.connections import ServiceEndpoint
from engine.aws.signing import SigningKeys

_GROUP = "AWS"
_AT_LEAST, _OF_SMTP = 5.0, 1.5
_MAILS = 5_000
_CALLS, _FEW_CALLS = 3_000, 600
_THREADS, _TASKS = 16, 64
_ROUNDS = 3
_KEYS = SigningKeys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
_RAW = b"From: a@invites.example.com\r\nTo: b@example.net\r\nSubject: x\r\n\r\n" + b"x" * 7_000
_SERVER = """
import asyncio, re
HEAD = b"HTTP/1.1 200 OK\\r\\ncontent-type: application/json\\r\\ncontent-length: %d\\r\\n\\r\\n"
def whole(body):
    return HEAD % len(body) + body
SENT = whole(b'{"MessageId":"0102018f00000000-00000000-0000-0000-0000-000000000000-000000"}')
ACCOUNT = whole(b'{"SendQuota":{"MaxSendRate":100000,"Max24HourSend":-1,"SentLast24Hours":0}}')
LIST = whole(b'{"SuppressedDestinationSummaries":[]}')
async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            length = re.search(rb"(?i)content-length: *(\\d+)", head)
            await reader.readexactly(int(length[1]) if length else 0)
            path = head.split(b" ", 2)[1]
            writer.write(ACCOUNT if path.endswith(b"/account") else LIST if b"/suppression" in path else SENT)
    except (EOFError, OSError):
        writer.close()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


class _Fixed:
    async def keys(self) -> SigningKeys:
        return _KEYS

    def forget(self) -> None:
        """They never run out."""


def measure(effort: Effort, folder: Path) -> Iterator[Figure]:
    """SendEmail of a mail of 7 kB, in calls per second of processor time."""
    count = _CALLS if effort.rounds > 1 else _FEW_CALLS
    with subprocess.Popen([sys.executable, "-c", _SERVER], stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            url = f"http://127.0.0.1:{int(server.stdout.readline())}"
            pairs = [(_by_boto3(url, count), _lean(url, count)) for _ in range(_ROUNDS)]
            beside = _beside_smtp(effort, folder, url)
        finally:
            server.kill()
    boto3, ours = (median(pair[n] for pair in pairs) for n in (0, 1))
    yield Figure(
        _GROUP,
        "SES SendEmail of 7 kB, calls in a second of processor time",
        ours,
        "calls/s",
        at_least=_AT_LEAST,
        peer=f"boto3 in {_THREADS} threads",
        peer_value=boto3,
        ratio=median(ours / boto3 for boto3, ours in pairs),
    )
    yield beside


def _beside_smtp(effort: Effort, folder: Path, url: str) -> Figure:
    """Campaigns through SES and into a sink, by turns: what one mail costs our processes."""
    n = min(effort.recipients, _MAILS)
    log = folder / "aws.log"
    keys = {"AWS_ACCESS_KEY_ID": _KEYS.access, "AWS_SECRET_ACCESS_KEY": _KEYS.secret}
    with ExitStack() as stack:
        port, name = stack.enter_context(sink(log))
        outboxes = {"ses": f"ses://eu-west-1?endpoint={url}", "smtp": f"smtp://127.0.0.1:{port}"}
        servers = [
            stack.enter_context(
                over_stdio(SERVER, {**environment(folder / f"by-{kind}", outbox=to), **keys}, log)
            )
            for kind, to in outboxes.items()
        ]
        for ours in servers:
            campaign.send(ours, folder, n)
        costs = [[campaign.send(ours, folder, n).cpu_s for ours in servers] for _ in range(_ROUNDS)]
    by_ses, by_smtp = (median(pair[k] for pair in costs) for k in (0, 1))
    return Figure(
        _GROUP,
        f"CPU of one mail of a campaign of {n:,} through SES",
        by_ses * MILLISECONDS,
        "ms",
        within=_OF_SMTP,
        peer=f"through {name}",
        peer_value=by_smtp * MILLISECONDS,
        ratio=median(ses / smtp for ses, smtp in costs),
    )


def _per_processor_second(count: int, work: Callable[[], None]) -> float:
    began = _processor_s()
    work()
    return count / (_processor_s() - began)


def _processor_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _by_boto3(url: str, count: int) -> float:
    import boto3
    from botocore.config import Config

    keys = {"aws_access_key_id": _KEYS.access, "aws_secret_access_key": _KEYS.secret}
    config = Config(max_pool_connections=_THREADS)
    client = boto3.client("sesv2", region_name="eu-west-1", endpoint_url=url, config=config, **keys)
    values = {"Destination": {"ToAddresses": ["b@example.net"]}, "Content": {"Raw": {"Data": _RAW}}}

    def calls() -> None:
        for _ in range(count // _THREADS):
            client.send_email(**values)

    def work() -> None:
        threads = [threading.Thread(target=calls) for _ in range(_THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    client.send_email(**values)
    return _per_processor_second(count, work)


def _lean(url: str, count: int) -> float:
    async def calls(client: JsonClient) -> None:
        for _ in range(count // _TASKS):
            data = base64.b64encode(_RAW).decode()
            values = {"Destination": {"ToAddresses": ["b@example.net"]}, "Content": {"Raw": {"Data": data}}}
            headers = {"content-type": "application/json"}
            await client.call(
                "POST", "/v2/email/outbound-emails", headers=headers, body=json.dumps(values).encode()
            )

    async def all_calls() -> None:
        client = JsonClient("ses", "eu-west-1", ServiceEndpoint.of(url), _Fixed(), lambda: datetime.now(UTC))
        await asyncio.gather(*(calls(client) for _ in range(_TASKS)))
        await client.close()

    return _per_processor_second(count // _TASKS * _TASKS, lambda: asyncio.run(all_calls()))
