"""What the engine asks of a store, in the words of the domain: one protocol for each consumer.

`Unit` is what a command may read and write within one unit of work; `Store` is everything else, put together from
the protocols of those who ask: questions, searches, the dispatcher, jobs, the inbox, and those who watch.
"""

from __future__ import annotations

from typing import Protocol

from engine.store.protocol.answers import Answers
from engine.store.protocol.attendees import Attendees
from engine.store.protocol.branding import BrandingQuestions, Brandings
from engine.store.protocol.budgets import Budgets
from engine.store.protocol.bulk_changes import BulkChanges
from engine.store.protocol.campaigns import Campaigns
from engine.store.protocol.claims import Claims
from engine.store.protocol.confirmations import Confirmations, Prompting, Proofs
from engine.store.protocol.digests import Digests
from engine.store.protocol.events import Events
from engine.store.protocol.exports import Exports
from engine.store.protocol.feeds import Feeds
from engine.store.protocol.forgetting import Forgetting, Traces
from engine.store.protocol.held import HeldActions, HeldQuestions
from engine.store.protocol.inbox import ArrivedMails, Recipients
from engine.store.protocol.inbox_messages import InboxMessages, InboxQuestions
from engine.store.protocol.jobs import Job, Jobs
from engine.store.protocol.keys import AlreadyTakenIn, Keys, Requests
from engine.store.protocol.ledger import Ledger
from engine.store.protocol.limits import Limits
from engine.store.protocol.links import LinkQuestions, Links
from engine.store.protocol.notices import NOTICE_PAUSE, Notices
from engine.store.protocol.orders import OrderQuestions, Orders
from engine.store.protocol.organizers import OrganizerQuestions, Organizers
from engine.store.protocol.pages import PageQuestions, Pages, Pictures
from engine.store.protocol.posted import PostedQuestions, PostedRequests
from engine.store.protocol.quarantine import KeptMails, Quarantine
from engine.store.protocol.questions import Questions, Reports, Searching
from engine.store.protocol.record import Record, RecordQuestions
from engine.store.protocol.revisions import RevisionQuestions
from engine.store.protocol.sessions import SessionQuestions, Sessions
from engine.store.protocol.stops import StopQuestions, Stops
from engine.store.protocol.suppressions import SuppressionList, Suppressions
from engine.store.protocol.timing import TimingQuestions
from engine.store.protocol.triggers import TriggerQuestions, Triggers
from engine.store.protocol.turns import ProcessTurns
from engine.store.protocol.undo import Undos
from engine.store.protocol.units import Conflict, Units
from engine.store.protocol.watching import Checking, Watching
from engine.store.protocol.webhooks import WebhookQuestions, Webhooks


class Unit(
    Events,
    Attendees,
    Answers,
    Ledger,
    BulkChanges,
    Limits,
    Campaigns,
    Feeds,
    Confirmations,
    Prompting,
    Proofs,
    Suppressions,
    Notices,
    KeptMails,
    HeldActions,
    Sessions,
    Stops,
    Digests,
    ProcessTurns,
    Triggers,
    PostedRequests,
    Keys,
    Budgets,
    Requests,
    Record,
    Pages,
    Pictures,
    Links,
    Organizers,
    Orders,
    Forgetting,
    InboxMessages,
    Undos,
    Brandings,
    Webhooks,
    Protocol,
):
    """One unit of work: all of it is kept, or nothing."""


class Store(
    Units[Unit],
    Questions,
    Searching,
    SuppressionList,
    PageQuestions,
    OrganizerQuestions,
    OrderQuestions,
    RevisionQuestions,
    LinkQuestions,
    Claims,
    Jobs,
    Recipients,
    ArrivedMails,
    Quarantine,
    RecordQuestions,
    Traces,
    InboxQuestions,
    Watching,
    Checking,
    HeldQuestions,
    SessionQuestions,
    StopQuestions,
    TriggerQuestions,
    PostedQuestions,
    WebhookQuestions,
    TimingQuestions,
    Exports,
    BrandingQuestions,
    Protocol,
):
    """Keeps everything; several processes may use one at once (promise 6)."""


__all__ = [
    "NOTICE_PAUSE",
    "AlreadyTakenIn",
    "ArrivedMails",
    "Checking",
    "Claims",
    "Conflict",
    "Job",
    "Jobs",
    "Quarantine",
    "Questions",
    "Recipients",
    "RecordQuestions",
    "Reports",
    "Searching",
    "Store",
    "Unit",
    "Units",
    "Watching",
]
