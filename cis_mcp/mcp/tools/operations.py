"""The operator's tools: organizers whose mail may leave, agents' keys, the settings in force, the recount."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cis_mcp.mcp.tools.arguments import Arguments
from cis_mcp.mcp.tools.base import CallContext, Reply, Result, Spec, reads, writes
from cis_mcp.mcp.tools.fitting import fitted
from cis_mcp.views import settings
from cis_mcp.views.events import one_line, quoted, utc
from cis_mcp.views.keys import verbs
from cis_mcp.views.organizers import RegisteredOrganizer, SuspendedOrganizer
from engine.commands.agents.keys import RevokeKey
from engine.commands.agents.switches import SetOrganizerApproval
from engine.commands.operators.operators import SuspendOrganizer, may_administer
from engine.commands.operators.registration import RegisterOrganizer
from engine.inbox.intake import recount
from engine.inbox.routes.confirm import look_again
from engine.model import cursors
from engine.model.keys import Key

_DIFFERENCES_SHOWN = 100

Organizer = Annotated[
    str, Field(description="the organizer's address", max_length=1_000, examples=["ann@example.com"])
]


class OrganizerArguments(Arguments):
    """Arguments of the tools that speak of one organizer."""

    address: Organizer


class ApprovalArguments(OrganizerArguments):
    """Arguments of set_organizer_approval."""

    on: bool = Field(description="false: changes need no approval")
    approver: str = Field(
        "", description="address of the person who decides; empty: the organizer", max_length=1_000
    )


class NoArguments(Arguments):
    """Nothing to say."""


class ListKeysArguments(Arguments):
    """Arguments of list_keys."""

    limit: int = Field(50, ge=1, le=100)
    cursor: str | None = Field(None, description="next_cursor of the previous page", max_length=200)


class RevokeKeyArguments(Arguments):
    """Arguments of revoke_key."""

    key_id: str = Field(description="id of the key, from list_keys", min_length=1, max_length=40)


class OrganizerSwitch(Result):
    """Whether an organizer's changes by mail wait for a yes."""

    address: str
    on: bool
    approver: str = Field(description="who decides; empty: the organizer")


class KeyInfo(Result):
    """An agent's key; its secret is stored nowhere."""

    id: str
    name: str
    address: str = Field(description="the address it acts for")
    verbs: list[str] = Field(description="what it may do")
    unbounded: bool = Field(description="true: made before keys had bounds")
    owner: str = Field(description="the person responsible for it; empty: the operator")
    tier: str = Field(description="tools that it may use; empty: all that the server has")
    tools: list[str] = Field(description="only these; empty: all of the tier")
    read_only: bool
    created: str
    expires: str | None
    stopped: bool
    revoked: str | None = Field(description="null: it is good")


class Keys(Result):
    """Keys in the order in which they were made."""

    keys: list[KeyInfo]
    next_cursor: str | None


class RevokedKey(Result):
    """The key that was ended."""

    key: KeyInfo


class Checked(Result):
    """What a recount of statistics, ledger and files found."""

    sound: bool
    differences: list[str] = Field(description="the first 100; empty: none")
    total: int


class SettingsInForce(Result):
    """The server's settings."""

    settings: list[str] = Field(description="CIS_NAME=value, secrets masked")


async def register_organizer(call: CallContext, arguments: OrganizerArguments) -> Reply:
    """Allow an address to create events by mail. Its waiting mail is processed at once and may invite people: ask
    your user first. Operators only."""
    done = await call.apply(RegisterOrganizer(address=arguments.address))
    waited = await look_again(call.engine)
    words = f" Mails of theirs that waited and are carried out now: {len(waited)}." if waited else ""
    data = RegisteredOrganizer(address=done.address, mails=len(waited))
    return Reply(f"{done.address} may create events by mail.{words}", data)


async def suspend_organizer(call: CallContext, arguments: OrganizerArguments) -> Reply:
    """Stop all mail of an organizer at once, until resume_organizer. Queued messages wait, or are withdrawn when
    their turn comes, and new requests are refused. Ask your user first. Operators only."""
    return await _set(call, arguments.address, suspended=True)


async def resume_organizer(call: CallContext, arguments: OrganizerArguments) -> Reply:
    """Let a suspended organizer send again; messages withdrawn meanwhile are not sent. Operators only."""
    return await _set(call, arguments.address, suspended=False)


async def set_organizer_approval(call: CallContext, arguments: ApprovalArguments) -> Reply:
    """Require approval, by the organizer or by an approver, of changes and cancellations that an organizer makes in
    their calendar; or no longer require it. Ask your user first. Operators only."""
    command = SetOrganizerApproval(address=arguments.address, on=arguments.on, approver=arguments.approver)
    done = await call.apply(command)
    who = done.approver or "the organizer"
    words = f"changes wait for a yes of {who}" if done.on else "changes need no approval"
    return Reply(
        f"{done.address}: {words}.", OrganizerSwitch(address=done.address, on=done.on, approver=done.approver)
    )


async def list_keys(call: CallContext, arguments: ListKeysArguments) -> Reply:
    """List the keys that agents use over HTTP: whom each acts for and what it may do, never its secret. Operators
    only."""
    may_administer(call.actor)
    (after,) = cursors.opened(arguments.cursor, int) if arguments.cursor else [0]
    assert isinstance(after, int)
    keys = (await call.engine.keys())[max(0, after) :]

    async def page(limit: int) -> Reply:
        infos = [_key(key) for key in keys[:limit]]
        cursor = cursors.written(max(0, after) + limit) if len(keys) > limit else None
        lines = [_key_line(info) for info in infos] or ["There are no keys."]
        if cursor:
            lines.append(f"There are more; go on with cursor {cursor}")
        return Reply("\n".join(lines), Keys(keys=infos, next_cursor=cursor))

    return await fitted(arguments.limit, page)


async def revoke_key(call: CallContext, arguments: RevokeKeyArguments) -> Reply:
    """End an agent's key at once and for good; safe to repeat. Ask your user first. Operators only."""
    done = await call.apply(RevokeKey(key_id=arguments.key_id))
    return Reply(f"Ended: {_key_line(_key(done.key))[2:]}", RevokedKey(key=_key(done.key)))


async def check_server(call: CallContext, _arguments: NoArguments) -> Reply:
    """Recount statistics, messages and raw mails, and report every difference; changes nothing. It reads the whole
    store, so it takes a while on a large one. Operators only."""
    may_administer(call.actor)
    found = [*await call.engine.check(), *await recount.differences(call.engine)]
    shown = [one_line(difference, 300) for difference in found[:_DIFFERENCES_SHOWN]]
    data = Checked(sound=not found, differences=shown, total=len(found))
    more = [f"And {len(found) - len(shown)} more."] if len(found) > len(shown) else []
    return Reply("\n".join([*shown, *more]) or "Everything adds up.", data)


async def get_settings(call: CallContext, _arguments: NoArguments) -> Reply:
    """Show the server's settings in force, secrets masked. They are changed by environment variables and a restart,
    not here. Operators only."""
    may_administer(call.actor)
    shown = [one_line(line, 1_000) for line in settings.lines(call.engine.settings)]
    return Reply("\n".join(shown), SettingsInForce(settings=shown))


async def _set(call: CallContext, address: str, *, suspended: bool) -> Reply:
    done = await call.apply(SuspendOrganizer(address=address, suspended=suspended))
    words = "is suspended: nothing of it leaves" if done.suspended else "may send"
    data = SuspendedOrganizer(address=done.address, suspended=done.suspended)
    return Reply(f"{done.address} {words}.", data)


def _key(key: Key) -> KeyInfo:
    return KeyInfo(
        id=key.id,
        name=key.name,
        address=key.address,
        verbs=verbs(key),
        unbounded=key.bounds is None,
        owner=key.owner,
        tier=key.tier,
        tools=list(key.tools),
        read_only=key.read_only,
        created=utc(key.created),
        expires=utc(key.expires) if key.expires else None,
        stopped=key.stopped is not None,
        revoked=utc(key.revoked) if key.revoked else None,
    )


def _key_line(info: KeyInfo) -> str:
    name = f" {quoted(info.name)}" if info.name else ""
    ended = f", revoked {info.revoked}" if info.revoked else ""
    free = ", unbounded" if info.unbounded else ""
    stopped = ", stopped" if info.stopped else ""
    may = " ".join(info.verbs)
    return f"- {info.id}{name} for {info.address}: {may}{free}, made {info.created}{stopped}{ended}"


TOOLS = (
    Spec(
        register_organizer,
        "Register an organizer",
        OrganizerArguments,
        RegisteredOrganizer,
        writes(idempotent=True, mails=True),
        "admin",
    ),
    Spec(
        suspend_organizer,
        "Suspend an organizer",
        OrganizerArguments,
        SuspendedOrganizer,
        writes(destructive=True, idempotent=True),
        "admin",
    ),
    Spec(
        resume_organizer,
        "Resume an organizer",
        OrganizerArguments,
        SuspendedOrganizer,
        writes(idempotent=True, mails=True),
        "admin",
    ),
    Spec(
        set_organizer_approval,
        "Require approval of an organizer's changes",
        ApprovalArguments,
        OrganizerSwitch,
        writes(destructive=True, idempotent=True),
        "admin",
    ),
    Spec(list_keys, "List keys", ListKeysArguments, Keys, reads(), "admin"),
    Spec(
        revoke_key,
        "End a key",
        RevokeKeyArguments,
        RevokedKey,
        writes(destructive=True, idempotent=True),
        "admin",
    ),
    Spec(check_server, "Recount everything", NoArguments, Checked, reads(), "admin"),
    Spec(get_settings, "Show the settings", NoArguments, SettingsInForce, reads(), "admin"),
)
