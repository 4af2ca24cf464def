"""The tool by which a key creates narrower keys under itself."""

from __future__ import annotations

from pydantic import Field

from cis_mcp.mcp.tools.arguments import Arguments
from cis_mcp.mcp.tools.base import CallContext, Reply, Result, Spec, writes
from cis_mcp.views import keys as views
from cis_mcp.views.events import utc
from engine.commands.agents.keys import CreateKey

_MANY = 500


class CreateKeyArguments(Arguments):
    """Arguments of create_key."""

    name: str = Field("", description="your name for it", max_length=200)
    verbs: list[str] | None = Field(None, description="some of your own verbs", max_length=20)
    to: list[str] | None = Field(None, description="who it may mail, such as *@example.com", max_length=_MANY)
    not_to: list[str] | None = Field(
        None, description="who it may not mail; overrides `to`", max_length=_MANY
    )
    links: list[str] | None = Field(None, description="hosts that its texts may link to", max_length=_MANY)
    day: int | None = Field(None, ge=1, description="mails a day")
    bulk_max: int | None = Field(None, ge=1, description="rows of one list")
    expires_days: int | None = Field(None, ge=1, le=36_500, description="days until it ends")


class CreatedKey(Result):
    """A key under the caller's own."""

    id: str
    key: str = Field(description="the secret, shown only now")
    verbs: list[str]
    expires: str | None


async def create_key(call: CallContext, arguments: CreateKeyArguments) -> Reply:
    """Make a key for another agent, within your own key's bounds: bounds you leave out are the same as yours. Its
    mails count against your budgets, and it stops or ends together with your key."""
    given = arguments.model_dump(exclude={"name"}, exclude_none=True)
    bounds = views.read_bounds(given) if given else None
    done = await call.apply(CreateKey(name=arguments.name, bounds=bounds))
    expires = utc(done.key.expires) if done.key.expires else None
    data = CreatedKey(id=done.key.id, key=done.secret, verbs=views.verbs(done.key), expires=expires)
    words = f"Made {done.key.id}: it may {', '.join(data.verbs)}. Its secret, shown only now: {done.secret}"
    return Reply(words, data)


TOOLS = (
    Spec(
        create_key, "Make a narrower key", CreateKeyArguments, CreatedKey, writes(), "delegate", beside=True
    ),
)
