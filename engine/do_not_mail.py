"""The questions about the do-not-mail list, with the check of whose it is."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.commands import text
from engine.commands.invites.suppressing import whose
from engine.model import forgetting
from engine.model.actors import Actor
from engine.model.suppressions import Suppression
from engine.refusals import Code, Refused
from engine.store.protocol import Store

_ADDRESS = re.compile(r"[^\s@<>()\[\],;:\"“”]{0,64}+@[\w-]{1,63}+(?>\.[\w-]{1,63}){1,10}+")
_NAMED_MAX = 5


class DoNotMail:
    """Asks who takes no mail, and why."""

    store: Store

    async def suppressions(
        self, actor: Actor, organizer: str, limit: int, after: tuple[str, str] | None = None
    ) -> list[Suppression]:
        """Entries of the do-not-mail list: the actor's own; the operator's are all, or those of one organizer.

        Raises Refused: NOT_ALLOWED, INVALID_ADDRESS.
        """
        refuse_unreading(actor)
        return await self.store.suppressions(whose(actor, organizer) or None, limit, after)

    async def suppressions_of(self, actor: Actor, organizer: str, address: str) -> list[Suppression]:
        """What keeps mail of the actor from an address or a domain: their own entries and those for everyone.

        Raises Refused: NOT_ALLOWED, INVALID_ADDRESS.
        """
        refuse_unreading(actor)
        target = text.address_or_domain(address)
        return await self.store.suppressions_of(whose(actor, organizer) or None, text.with_domains(target))

    async def takes_no_mail(self, organizer: str, emails: Sequence[str]) -> list[str]:
        """Those of `emails`, attendees that the caller was shown, to whom no mail of the organizer leaves."""
        named = {email: text.with_domains(email) for email in emails}
        targets = {target for targets in named.values() for target in targets}
        found = (
            {one.target for one in await self.store.suppressions_of(organizer, targets)} if targets else set()
        )
        return [
            email
            for email, targets in named.items()
            if found & set(targets) or email.endswith(f"@{forgetting.DOMAIN}")
        ]

    async def suppressions_named(self, actor: Actor, words: str, organizer: str = "") -> list[Suppression]:
        """What keeps mail of the organizer, by default the actor, from the first five addresses in `words`.

        Raises Refused: NOT_ALLOWED.
        """
        refuse_unreading(actor)
        found: list[Suppression] = []
        for address in dict.fromkeys(_ADDRESS.findall(words)[:_NAMED_MAX]):
            try:
                found += await self.suppressions_of(actor, organizer, address)
            except Refused as refused:
                # Words of a question are no argument: what is no address names none.
                if refused.code is not Code.INVALID_ADDRESS:
                    raise
        return found


def refuse_unreading(actor: Actor) -> None:
    """Refuse with NOT_ALLOWED a key that may not read."""
    if not actor.may_read:
        raise Refused(Code.NOT_ALLOWED, "This key may not read: it lacks “read”.")
