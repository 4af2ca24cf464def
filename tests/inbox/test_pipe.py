"""`cis-mcp ingest` as the pipe of a real postfix."""

from __future__ import annotations

import os
import pwd
import shutil
import site
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiosmtplib
import pytest

from tests.inbox.test_ingest import ingest
from tests.outbox.postfix import postfix
from tests.support import mails
from tests.support.engines import engine_in
from tests.support.sources import taken
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[2]


def interpreter() -> str:
    """A Python that the user nobody may run, with what the program imports."""
    for program in (sys.executable, "/usr/bin/python3"):
        try:
            done = subprocess.run(
                [program, "-c", "import pydantic_settings"],
                env={"PYTHONPATH": _imports()},
                user="nobody",
                cwd="/",
                capture_output=True,
                check=False,
            )
        except OSError:
            continue
        if done.returncode == 0:
            return program
    pytest.skip("no Python here that postfix could run as another user")


def _imports() -> str:
    return os.pathsep.join([str(ROOT), *site.getsitepackages()])


@contextmanager
def folder_of_nobody() -> Iterator[Path]:
    """A home for the server of the user nobody, with its settings in `.env`."""
    folder = Path(tempfile.mkdtemp(prefix="cis-"))
    try:
        settings = {"DATA_DIR": folder / "data", "AUTHSERV_IDS": mails.OPERATOR_SERVER}
        (folder / ".env").write_text("".join(f"CIS_{name}={value}\n" for name, value in settings.items()))
        os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)
        yield folder
    finally:
        shutil.rmtree(folder)


async def test_postfix_hands_mail_over_and_keeps_what_was_not_stored() -> None:
    if os.getuid() != 0:
        pytest.skip("postfix starts for root alone")
    program = interpreter()
    with folder_of_nobody() as folder:
        service = (
            "cis unix - n n - 4 pipe flags=DORu user=nobody "
            f"directory={folder} argv=/usr/bin/env PYTHONPATH={_imports()} {program} -m cis_mcp ingest\n"
        )
        async with postfix(
            services=service,
            relay_domains="cis.test",
            transport_maps="inline:{cis.test=cis:}",
            cis_destination_recipient_limit="1",
        ) as server:
            (folder / "data").write_text("in the way")
            await hand_over(server.port)
            await eventually(lambda: "status=deferred" in server.log.read_text())
            (folder / "data").unlink()
            await hand_over(server.port)
            await eventually(lambda: "status=sent" in server.log.read_text())
        async with engine_in(folder / "data") as engine:
            (intake,) = await taken(engine)
    assert (intake.mailbox, intake.action) == ("create", "created")


async def hand_over(port: int) -> None:
    mail = mails.request()
    mail.replace_header("To", "undisclosed@example.com")
    client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False)
    async with client:
        await client.sendmail("olga@cis.test", ["create@cis.test"], mail.as_bytes())


async def test_the_line_that_a_delivering_agent_puts_on_top_is_no_part_of_the_mail(tmp_path: Path) -> None:
    raw = b"From olga@cis.test Mon Mar  1 09:00:00 2027\n" + mails.request().as_bytes()
    code, (line,) = await ingest(tmp_path, stdin=raw)
    assert (code, line["action"]) == (0, "created")
