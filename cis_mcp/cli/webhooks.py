"""`cis-mcp webhook …`: signed webhooks, which tell other systems what happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cis_mcp.cli.base import run, settings_in_force

if TYPE_CHECKING:
    from engine.settings import Settings


@click.group()
def webhook() -> None:
    """Signed webhooks that tell other systems what happens."""


@webhook.command()
@click.argument("url")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    help="What to post, such as receipt or event.changed; repeatable; default: all.",
)
@click.option("--organizer", default="", metavar="ADDRESS", help="Whose events; default: all organizers'.")
@click.option(
    "--starting-minutes",
    default=15,
    show_default=True,
    help="How long before its start an event counts as starting.",
)
def create(url: str, **options: Any) -> None:
    """Post whatever happens from now on to URL."""
    run(_create(settings_in_force(), url, options))


@webhook.command("list")
def list_() -> None:
    """List the webhooks."""
    run(_list(settings_in_force()))


def _acting(name: str, summary: str) -> click.Command:
    def act(webhook_id: str) -> None:
        run(_act(settings_in_force(), webhook_id, name))

    act.__doc__ = summary
    return click.command(name.replace("_", "-"))(click.argument("webhook_id", metavar="ID")(act))


for _name, _summary in (
    ("pause", "Post nothing until “resume”; what happens is kept."),
    ("resume", "Resume posting, beginning with what happened meanwhile."),
    ("rotate", "Make a new secret; the old one also signs until “drop-old”."),
    ("drop_old", "Stop signing with the old secret."),
    ("take_back", "Stop signing with the new secret, if it is lost."),
    ("delete", "Delete the webhook and its log of postings."),
):
    webhook.add_command(_acting(_name, _summary))


@webhook.command()
@click.argument("webhook_id", metavar="ID")
@click.option("--failed", is_flag=True, help="Only those that were given up.")
def postings(webhook_id: str, *, failed: bool) -> None:
    """List the postings, newest first, and their outcomes."""
    run(_postings(settings_in_force(), webhook_id, failed=failed))


@webhook.command()
@click.argument("webhook_id", metavar="ID")
@click.argument("posting_id", metavar="POSTING")
def replay(webhook_id: str, posting_id: str) -> None:
    """Post something again, under the same id."""
    run(_replay(settings_in_force(), webhook_id, posting_id))


async def _create(settings: Settings, url: str, options: dict[str, Any]) -> int:
    from cis_mcp.run.runtime import opened
    from engine.model.webhooks import WebhookKind
    from engine.refusals import Code, Refused
    from engine.webhooks import asking
    from engine.webhooks.signing import public_key

    try:
        kinds = [WebhookKind(kind) for kind in options.pop("kinds")]
    except ValueError as error:
        known = ", ".join(WebhookKind)
        raise Refused(Code.INVALID_ARGUMENT, f"{error}. There are {known}.") from None
    async with opened(settings) as engine:
        done = await asking.create(engine, engine.local, url, kinds, **options)
        key = public_key(engine.signer)
    click.echo(f"Webhook {done.webhook.id} to {done.webhook.url}")
    click.echo(f"Secret for v1, shown once: {done.secret}")
    click.echo(f"Public key for v1a: {key}")
    return 0


async def _list(settings: Settings) -> int:
    from cis_mcp.run.runtime import opened
    from cis_mcp.views import webhooks as views
    from engine.webhooks import asking

    async with opened(settings, existing=True) as engine:
        found = await asking.webhooks(engine, engine.local)
    for one in found:
        click.echo(views.line(one))
    if not found:
        click.echo("There are no webhooks.", err=True)
    return 0


async def _act(settings: Settings, webhook_id: str, action: str) -> int:
    from cis_mcp.run.runtime import opened
    from cis_mcp.views import webhooks as views
    from engine.commands.webhooks.webhooks import ControlWebhook, WebhookAction

    command = ControlWebhook(webhook_id=webhook_id, action=WebhookAction(action))
    async with opened(settings, existing=True) as engine:
        done = await engine.apply(command, engine.local)
    if done.secret:
        click.echo(f"New secret, shown once: {done.secret}")
    elif action == "delete":
        click.echo(f"{webhook_id} is deleted.")
    else:
        click.echo(
            f"{webhook_id} is {views.state(done.webhook)}, with {len(done.webhook.secrets)} secret(s)."
        )
    return 0


async def _postings(settings: Settings, webhook_id: str, *, failed: bool) -> int:
    from cis_mcp.run.runtime import opened
    from cis_mcp.views import webhooks as views
    from engine.model.webhooks import PostingState
    from engine.webhooks import asking

    state = PostingState.FAILED if failed else None
    async with opened(settings, existing=True) as engine:
        found = await asking.postings(engine, webhook_id, engine.local, state=state, limit=200)
    for one in found:
        click.echo(views.posting_line(one))
    if not found:
        click.echo("Nothing was posted.", err=True)
    return 0


async def _replay(settings: Settings, webhook_id: str, posting_id: str) -> int:
    from cis_mcp.run.runtime import opened
    from engine.commands.webhooks.webhooks import ReplayPosting

    command = ReplayPosting(webhook_id=webhook_id, posting_id=posting_id)
    async with opened(settings, existing=True) as engine:
        await engine.apply(command, engine.local)
    click.echo(f"{posting_id} is posted again.")
    return 0
