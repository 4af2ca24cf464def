"""The limit of mails a day to one person, whoever asks for them, which protects people from floods."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from engine.commands.base import Work
from engine.refusals import Code, Refused
from engine.store.rules import PERSON_DAY, PERSON_PROMPTED_DAY, person


class PersonLimit:
    """What the people with some addresses may still be owed today; an address with a +tag is the same person."""

    def __init__(self, left: dict[str, int], most: int) -> None:
        self._left, self._most, self._used = left, most, Counter[str]()

    @classmethod
    async def of(cls, work: Work, emails: Collection[str], *, prompted: bool = False) -> PersonLimit:
        """The limit for `emails`, by one query; `prompted`: for mails that strangers ask for."""
        mails = await work.unit.person_mails(emails, work.now)
        left = {who: PERSON_DAY - n.all for who, n in mails.items()}
        if prompted:
            left = {who: min(left[who], PERSON_PROMPTED_DAY - n.prompted) for who, n in mails.items()}
        return cls(left, PERSON_PROMPTED_DAY if prompted else PERSON_DAY)

    def mailed(self, email: str) -> bool:
        """True if the person is owed any mail today."""
        return person(email) in self._left

    def take(self, email: str) -> bool:
        """Count one more mail to `email` if the limit allows it; True if it does."""
        who = person(email)
        if self._used[who] >= self._left.get(who, self._most):
            return False
        self._used[who] += 1
        return True


async def refuse_person_limit(work: Work, email: str, *, prompted: bool = False) -> None:
    """Refuse with PERSON_LIMIT if `email` has reached the limit of a day."""
    if not (await PersonLimit.of(work, [email], prompted=prompted)).take(email):
        raise Refused(
            Code.PERSON_LIMIT,
            "This address has already received as many invites today as one person may.",
            "Try again tomorrow; the day ends at 00:00 UTC.",
        )
