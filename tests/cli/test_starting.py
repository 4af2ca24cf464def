"""What a server loads before it is asked for anything."""

from __future__ import annotations

import subprocess
import sys

from tests.cli.processes import ROOT

_LOADED = "import sys; import cis_mcp.run.runtime, cis_mcp.stdio.serve; print(*sys.modules)"
_LATER = {
    "botocore",
    "dkim",
    "email_validator",
    "engine.aws.client",
    "engine.inbox.sources.imap",
    "engine.inbox.sources.sqs",
    "engine.outbox.ses",
    "h11",
    "httpcore",
    "imapclient",
    "jinja2",
    "rich",
    "spf",
    "xml.etree.ElementTree",
}
"""What only a rule, a page, a mail or another setting needs."""


def test_a_server_on_stdio_starts_without_what_it_may_never_need() -> None:
    done = subprocess.run([sys.executable, "-c", _LOADED], cwd=ROOT, capture_output=True, check=True)
    assert not _LATER & set(done.stdout.decode().split())
