"""`cis-mcp campaign`: the progress of campaigns, once or until they end; only reads the store."""

from __future__ import annotations

import asyncio

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cis_mcp.run.runtime import opened
from cis_mcp.views.events import called
from cis_mcp.watch.pace import Throughput, clock_time, in_words, settled
from engine.campaign_questions import CampaignView
from engine.engine import SYSTEM
from engine.model.campaigns import CampaignState
from engine.model.messages import Message
from engine.settings import Settings

_LOOK_S = 0.5
_FAILURES_SHOWN = 5
_ANSWER_SHOWN = 160
_ENDED = {CampaignState.FINISHED, CampaignState.CANCELLED}


async def list_campaigns(settings: Settings) -> int:
    """Print a line for each of the newest campaigns, newest first."""
    async with opened(settings, existing=True) as engine:
        views = await engine.campaigns(SYSTEM)
    for view in views:
        click.echo(_listed(view))
    if not views:
        click.echo("There are no campaigns.", err=True)
    return 0


async def show_campaign(settings: Settings, campaign_id: str) -> int:
    """Print the progress of a campaign. Raises Refused: UNKNOWN_CAMPAIGN."""
    async with opened(settings, existing=True) as engine:
        view = await engine.campaign(campaign_id, SYSTEM)
    click.echo(f"{_named(view)}: {in_words(view.counts, view.campaign.total)}")
    for line in [*_notes(view), *_failures(view)]:
        click.echo(line)
    return 0


async def follow_campaign(settings: Settings, campaign_id: str) -> int:
    """Show the progress of a campaign until it has ended; then 0, whatever became of its messages.

    Raises Refused: UNKNOWN_CAMPAIGN.
    """
    console = Console()
    pace = Throughput()
    loop = asyncio.get_running_loop()
    async with opened(settings, existing=True) as engine:
        with (_Bar if console.is_terminal else _Lines)(console) as shown:
            while True:
                view = await engine.campaign(campaign_id, SYSTEM)
                pace.see(loop.time(), view.counts)
                shown.show(view, pace)
                if view.campaign.state in _ENDED:
                    break
                await asyncio.sleep(_LOOK_S)
    for line in [*_notes(view), *_failures(view)]:
        click.echo(line)
    return 0


class _Lines:
    """Prints a line whenever something changed, for a pipe or a file."""

    def __init__(self, _console: Console) -> None:
        self._last = ""

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: nothing is open."""

    def show(self, view: CampaignView, pace: Throughput) -> None:
        line = f"{_named(view)}: {in_words(view.counts, view.campaign.total)}"
        if line != self._last:
            self._last = line
            click.echo(f"{line}{_speed(view, pace)}")


class _Bar:
    """A live bar with counts and first failures, for a person at a terminal."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, refresh_per_second=4)

    def __enter__(self) -> _Bar:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, view: CampaignView, pace: Throughput) -> None:
        self._live.update(_picture(view, pace), refresh=True)


def _picture(view: CampaignView, pace: Throughput) -> RenderableType:
    total, done = view.campaign.total, settled(view.counts)
    row = Table.grid(padding=(0, 1))
    row.add_row(
        ProgressBar(total=max(total, 1), completed=done, width=40), f"{done * 100 // max(total, 1)} %"
    )
    words = f"{in_words(view.counts, total)}{_speed(view, pace)}"
    # Failures are listed when all is over; while it runs, they stand below the bar.
    failures = [] if view.campaign.state in _ENDED else _failures(view)
    return Group(Text(_named(view)), row, Text(words), *map(Text, failures))


def _named(view: CampaignView) -> str:
    campaign = view.campaign
    return f"Campaign {campaign.id}, {campaign.kind} for {called(view.event, campaign.event_uid)}, {campaign.state}"


def _listed(view: CampaignView) -> str:
    campaign = view.campaign
    done = f"{settled(view.counts)}/{campaign.total}"
    failed = f", {view.counts.get('failed', 0)} failed" if view.counts.get("failed") else ""
    made = f"{campaign.created:%Y-%m-%d %H:%M}Z"
    return (
        f"{campaign.id}  {made}  {campaign.kind}  {campaign.state}  {done} done{failed}  {campaign.event_uid}"
    )


def _speed(view: CampaignView, pace: Throughput) -> str:
    if view.campaign.state is not CampaignState.RUNNING or pace.rate is None:
        return ""
    left = pace.left_s(view.counts, view.campaign.total)
    return f"; {pace.rate:.1f}/s" + (f", about {clock_time(left)} left" if left is not None else "")


def _notes(view: CampaignView) -> list[str]:
    return [f"Note: {_printable(view.campaign.note)}"] if view.campaign.note else []


def _failures(view: CampaignView) -> list[str]:
    shown = [_failure(message) for message in view.failures[:_FAILURES_SHOWN]]
    more = view.counts.get("failed", 0) - len(shown)
    return shown + ([f"and {more} more that failed"] if shown and more > 0 else [])


def _failure(message: Message) -> str:
    return f"Failed: {message.email}: {message.code} {_printable(message.answer)}".rstrip()


def _printable(text: str) -> str:
    """A mail server's reply on one line, without control characters."""
    line = " ".join(text.split())[:_ANSWER_SHOWN]
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)
