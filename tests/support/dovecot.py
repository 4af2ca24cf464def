"""A Dovecot of the test's own on loopback ports, where it is installed: plain and over TLS, one user."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.certificates import server_context
from tests.support.ports import free_port, listens
from tests.support.waiting import DEADLINE_S, eventually

USER = "post@example.com"
PASSWORD = "s3cret/p@ss,word"
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"
_CONFIG = """\
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
mail_location = maildir:{folder}/mail
disable_plaintext_auth = no
auth_failure_delay = 0
auth_mechanisms = plain login
default_internal_user = {internal}
default_login_user = {login}
default_internal_group = {group}
first_valid_uid = {uid}
first_valid_gid = 0
mail_uid = {uid}
mail_gid = {gid}
ssl = yes
ssl_cert = <{folder}/authority.pem
ssl_key = <{folder}/key.pem
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}
}}
namespace inbox {{
  inbox = yes
  separator = {separator}
  prefix = {prefix}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
imap_capability = {capability}
"""


@dataclass
class Dovecot:
    """A running Dovecot and its one Maildir."""

    folder: Path
    port: int
    tls_port: int
    owner: tuple[int, int]
    process: asyncio.subprocess.Process | None = None
    delivered: int = field(default=0)

    def url(self, password: str = PASSWORD, folder: str = "", **options: str) -> str:
        """As `CIS_INBOX` has it, over TLS."""
        options = {"cafile": str(self.folder / "authority.pem"), **options}
        return _url("imaps", self.tls_port, password, folder, options)

    def plain_url(self, port: int | None = None, folder: str = "", **options: str) -> str:
        """The same without TLS, at another port if there is something between."""
        return _url("imap", port or self.port, PASSWORD, folder, {"starttls": "no", **options})

    def deliver(self, *mails: EmailMessage | bytes) -> None:
        """Put mails into the Maildir, as a delivering agent does."""
        for mail in mails:
            self.delivered += 1
            raw = mail if isinstance(mail, bytes) else mail.as_bytes()
            name = f"{time.time_ns()}.{self.delivered}.mx"
            temporary = self.folder / "mail" / "tmp" / name
            temporary.write_bytes(raw)
            os.chown(temporary, *self.owner)
            temporary.rename(self.folder / "mail" / "new" / name)

    def files(self, folder: str = "") -> list[str]:
        """The names of the mails in a folder of the Maildir."""
        parts = [self.folder / "mail" / folder / part for part in ("new", "cur")]
        return sorted(path.name for part in parts if part.is_dir() for path in part.iterdir())

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    async def start(self) -> None:
        assert self.process is None
        quiet = asyncio.subprocess.DEVNULL
        self.process = await asyncio.create_subprocess_exec(
            _program(),
            "-F",
            "-c",
            str(self.folder / "dovecot.conf"),
            stdout=quiet,
            stderr=quiet,
            start_new_session=True,
        )
        await eventually(lambda: listens(self.port))

    async def stop(self) -> None:
        """End it in good order, which takes it a second."""
        assert self.process is not None
        self.process.terminate()
        await asyncio.wait_for(self.process.wait(), DEADLINE_S)
        self.process = None

    async def kill(self) -> None:
        """End it at once; its processes are one group."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            await asyncio.wait_for(self.process.wait(), DEADLINE_S)
            self.process = None


def _url(scheme: str, port: int, password: str, folder: str, options: dict[str, str]) -> str:
    user = f"{quote(USER, safe='')}:{quote(password, safe='')}"
    words = "&".join(f"{name}={value}" for name, value in options.items())
    return f"{scheme}://{user}@localhost:{port}/{quote(folder)}?{words}"


def _program() -> str:
    found = shutil.which("dovecot", path=_PATH)
    if found is None:
        if os.environ.get("CIS_JUDGES") == "required":
            pytest.fail("dovecot is not installed: run tests/judges/install.sh")
        pytest.skip("dovecot is not installed")
    return found


@asynccontextmanager
async def _open_folder() -> AsyncIterator[Path]:
    """A folder that Dovecot's own users may enter, unlike pytest's."""
    folder = Path(tempfile.mkdtemp(prefix="dovecot-"))
    try:
        folder.chmod(0o755)
        yield folder
    finally:
        # Processes that were just killed may still be writing.
        await eventually(lambda: _removed(folder))


def _removed(folder: Path) -> bool:
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


def _names() -> dict[str, object]:
    """Dovecot's users: its own where root starts it, else ours for everything."""
    ours = pwd.getpwuid(os.getuid())
    if ours.pw_uid:
        return {
            "internal": ours.pw_name,
            "login": ours.pw_name,
            "group": ours.pw_name,
            "uid": ours.pw_uid,
            "gid": ours.pw_gid,
        }
    own = pwd.getpwnam("dovecot")
    return {
        "internal": "dovecot",
        "login": "dovenull",
        "group": "dovecot",
        "uid": own.pw_uid,
        "gid": own.pw_gid,
    }


@asynccontextmanager
async def dovecot(
    separator: str = "/", prefix: str = "", capability: str = "", password: str = PASSWORD
) -> AsyncIterator[Dovecot]:
    """A Dovecot with one empty mailbox; skips where it is not installed."""
    _program()
    async with _open_folder() as folder:
        server_context(folder)
        (folder / "users").write_text(f"{USER}:{{PLAIN}}{password}\n")
        names = _names()
        port, tls_port = free_port(), free_port()
        owner = (int(str(names["uid"])), int(str(names["gid"])))
        _make_maildir(folder / "mail", owner)
        (folder / "dovecot.conf").write_text(
            _CONFIG.format(
                **names,
                folder=folder,
                port=port,
                tls_port=tls_port,
                separator=separator,
                prefix=prefix,
                capability=capability,
            )
        )
        server = Dovecot(folder, port, tls_port, owner)
        try:
            await server.start()
            yield server
        finally:
            await server.kill()


def _make_maildir(folder: Path, owner: tuple[int, int]) -> None:
    for path in (folder, *(folder / part for part in ("tmp", "new", "cur"))):
        path.mkdir()
        os.chown(path, *owner)
