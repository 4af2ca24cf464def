"""What every command shares: the settings in force, and how a command ends."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import click

from engine.observe import logs

if TYPE_CHECKING:
    from engine.settings import Settings

_BAD_SETTING = 2


def settings_in_force() -> Settings:
    """The settings in force; a bad one ends the command with a line for each problem and exit 2."""
    from cis_mcp.views.settings import problems_in
    from engine.settings import Settings

    try:
        settings = Settings()
    except (ValueError, OSError) as error:
        for problem in problems_in(error):
            click.echo(problem, err=True)
        sys.exit(_BAD_SETTING)
    logs.adjust(settings.log, settings.log_level)
    return settings


def run(
    work: Coroutine[Any, Any, int], runner: Callable[[Coroutine[Any, Any, int]], int] = asyncio.run
) -> None:
    """Run `work` and exit with its code; what is refused is a line and exit 2, what fails a line and exit 1."""
    from pydantic import ValidationError

    from cis_mcp.cli import hints
    from engine.refusals import Refused

    try:
        sys.exit(runner(work))
    except Refused as refused:
        click.echo(hints.line(refused), err=True)
        sys.exit(_BAD_SETTING)
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False, include_context=False):
            where = ".".join(map(str, problem["loc"]))
            click.echo(
                f"{where}: {problem['msg'].removeprefix('Value error, ')}".removeprefix(": "), err=True
            )
        sys.exit(_BAD_SETTING)
    except BrokenPipeError:
        # Who reads has read enough; Python would complain once more when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        click.echo(f"{error.strerror or error}: {error.filename or 'network'}", err=True)
        sys.exit(1)
