"""Budgets of keys, enforced where mails are owed: a refusal says what is left; reserving is part of the same unit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.commands.agents.bounds import refuse
from engine.commands.base import Work
from engine.model.bounds import Bounds
from engine.model.budgets import Spent
from engine.model.campaigns import Campaign
from engine.model.keys import Key, Standing
from engine.store.protocol import Unit
from engine.store.rules import budget_of, changes_allowed, person

_ENDS = "The day ends at 00:00 UTC."


async def refuse_mail(work: Work, standing: Standing, email: str) -> None:
    """Refuse with OUT_OF_BOUNDS one more mail to `email` that passes a budget of one of the keys."""
    people = await KeyPeople.of(work, standing, [email])
    await _refuse_over(work, standing, mails=1, new=people.new)
    if not people.take(email):
        refuse(
            work,
            standing,
            "person_day",
            f"This person has already been mailed as often today as allowed. {_ENDS}",
        )


async def refuse_report(work: Work, standing: Standing) -> None:
    """Refuse with OUT_OF_BOUNDS one more report that passes the budget of a day."""
    await _refuse_over(work, standing, mails=1, new={})


async def _refuse_over(work: Work, standing: Standing, *, mails: int, new: dict[str, int]) -> None:
    spent = await work.unit.spent([key.id for key in standing.keys], work.now)
    for key, bounds in bounded(standing):
        _refuse_day(work, standing, bounds.day, spent[key.id].mails, mails)
        _refuse_new(work, standing, bounds.new_people_day, spent[key.id].people, new.get(key.id, 0))


def _refuse_day(work: Work, standing: Standing, most: int, used: int, wanted: int) -> None:
    if most and used + wanted > most:
        left = max(0, most - used)
        refuse(work, standing, "day", f"{wanted} more mails today; {left} of {most} are left. {_ENDS}")


def _refuse_new(work: Work, standing: Standing, most: int, used: int, wanted: int) -> None:
    if most and wanted and used + wanted > most:
        left = max(0, most - used)
        why = f"{wanted} more people whom it never mailed; {left} of {most} are left today. {_ENDS}"
        refuse(work, standing, "new_people_day", why)


async def passing(unit: Unit, standing: Standing, emails: Sequence[str], now: datetime) -> dict[str, str]:
    """Those of `emails` that would pass a budget of today, with the bound; nothing is reserved."""
    keys = bounded(standing)
    spent = await unit.spent([key.id for key, _ in keys], now)
    today = [
        Today(bounds, spent[key.id], await unit.mailed_today(key.id, emails, now)) for key, bounds in keys
    ]
    refused: dict[str, str] = {}
    met: Counter[str] = Counter()
    for email in emails:
        if bound := next((bound for one in today if (bound := one.passed(person(email), met))), ""):
            refused[email] = bound
        else:
            met[person(email)] += 1
    return refused


@dataclass(frozen=True)
class Today:
    """What a key has spent today, and how many mails each person whom it knows got."""

    bounds: Bounds
    spent: Spent
    mailed: Mapping[str, int]

    def passed(self, who: str, met: Counter[str]) -> str:
        """The budget that one more mail to `who` passes, behind those to `met`; empty: none."""
        bounds, new = self.bounds, len(met.keys() - self.mailed.keys())
        if bounds.day and self.spent.mails + met.total() >= bounds.day:
            return "day"
        unknown = who not in self.mailed and who not in met
        if bounds.new_people_day and unknown and self.spent.people + new >= bounds.new_people_day:
            return "new_people_day"
        often = bounds.person_day and self.mailed.get(who, 0) + met[who] >= bounds.person_day
        return "person_day" if often else ""


def bounded(standing: Standing) -> list[tuple[Key, Bounds]]:
    """The keys that have bounds, each with its bounds."""
    return [(key, key.bounds) for key in standing.keys if key.bounds]


class KeyPeople:
    """Which people each key mailed before, and how often it may still mail each of them today."""

    def __init__(self, new: dict[str, int], limited: list[tuple[int, dict[str, int]]]) -> None:
        self.new = new
        # Key by key: one above has also mailed what other keys under it did.
        self._limited, self._used = limited, Counter[str]()

    @classmethod
    async def of(cls, work: Work, standing: Standing, emails: Collection[str]) -> KeyPeople:
        """The people with these addresses, by one query a key; `new`: how many of them each key never mailed."""
        persons = {person(email) for email in emails}
        mailed = {
            key.id: await work.unit.mailed_today(key.id, emails, work.now) for key, _ in bounded(standing)
        }
        new = {key: len(persons - known.keys()) for key, known in mailed.items()}
        limited = [(bounds.person_day, mailed[key.id]) for key, bounds in bounded(standing)]
        return cls(new, [(most, known) for most, known in limited if most])

    def take(self, email: str) -> bool:
        """Count one more mail to `email` if the keys' budgets allow it; True if they do."""
        who = person(email)
        if any(known.get(who, 0) + self._used[who] >= most for most, known in self._limited):
            return False
        self._used[who] += 1
        return True


async def reserve_list(work: Work, standing: Standing, campaign: Campaign) -> None:
    """Reserve a whole list in one write, or refuse it whole with OUT_OF_BOUNDS."""
    if not campaign.key:
        return
    new = {key.id: await work.unit.new_people(key.id, campaign.id) for key, _ in bounded(standing)}
    await _refuse_over(work, standing, mails=campaign.valid, new=new)
    acting = new.get(campaign.key.split()[-1], 0)
    await work.unit.reserve(campaign.id, campaign.key, work.now, Spent(mails=campaign.valid, people=acting))


async def reserve_change(work: Work, standing: Standing, campaign: Campaign) -> None:
    """Reserve what a change, a cancellation or a reminder to `campaign.valid` people will cause.

    Raises Refused: OUT_OF_BOUNDS.
    """
    if not campaign.key:
        # What passed a bound and was approved leaves by another's word; it counts all the same, and to the end.
        if work.key:
            await work.unit.reserve(campaign.id, work.key, work.now, Spent(changes=campaign.valid))
        return
    if budget_of(campaign.kind) == "mails":
        await _refuse_over(work, standing, mails=campaign.valid, new={})
        spent = Spent(mails=campaign.valid)
    else:
        spent = Spent(changes=campaign.valid)
    await work.unit.reserve(campaign.id, campaign.key, work.now, spent)


async def exceed_changes(work: Work, standing: Standing, people: int) -> None:
    """Note that changes for `people` pass the allowance of a day, if they do."""
    spent = await work.unit.spent([key.id for key in standing.keys], work.now)
    for key, _ in bounded(standing):
        most = changes_allowed(spent[key.id].met)
        if spent[key.id].changes + people > most:
            work.exceed("changes_day", f"{people} more changes today; {most} are allowed. {_ENDS}")
