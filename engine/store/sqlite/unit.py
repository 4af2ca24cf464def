"""The unit of work of the SQLite store, composed of its parts."""

from __future__ import annotations

from engine.store.sqlite.answers import Answers
from engine.store.sqlite.attendees import Attendees
from engine.store.sqlite.branding import Brandings
from engine.store.sqlite.bulk_changes import BulkChanges
from engine.store.sqlite.campaigns import Campaigns
from engine.store.sqlite.claims import Claims
from engine.store.sqlite.confirmations import Confirmations
from engine.store.sqlite.digests import Digests
from engine.store.sqlite.events import Events
from engine.store.sqlite.feeds import Feeds
from engine.store.sqlite.forgetting import Forgetting
from engine.store.sqlite.held import HeldActions
from engine.store.sqlite.inbox_messages import InboxMessages
from engine.store.sqlite.keys import Keys
from engine.store.sqlite.links import Links
from engine.store.sqlite.notices import GatheredNotices
from engine.store.sqlite.orders import Orders
from engine.store.sqlite.organizer_profiles import OrganizerProfiles
from engine.store.sqlite.pages import Pages
from engine.store.sqlite.pictures import Pictures
from engine.store.sqlite.posted import PostedRequests
from engine.store.sqlite.prompting import PromptRecords
from engine.store.sqlite.proofs import Proofs
from engine.store.sqlite.quarantine import Quarantine
from engine.store.sqlite.record import Record
from engine.store.sqlite.requests import Requests
from engine.store.sqlite.sessions import Sessions
from engine.store.sqlite.suppressions import SuppressionList
from engine.store.sqlite.triggers import Triggers
from engine.store.sqlite.turns import ProcessTurns
from engine.store.sqlite.undo import Undos
from engine.store.sqlite.webhooks import Webhooks


class SqliteUnit(
    Undos,
    Brandings,
    Forgetting,
    Events,
    Attendees,
    Answers,
    Claims,
    BulkChanges,
    Campaigns,
    Feeds,
    Confirmations,
    PromptRecords,
    Proofs,
    SuppressionList,
    GatheredNotices,
    Quarantine,
    HeldActions,
    Keys,
    Sessions,
    Digests,
    ProcessTurns,
    Requests,
    Record,
    InboxMessages,
    Pages,
    Pictures,
    Links,
    OrganizerProfiles,
    Orders,
    Triggers,
    PostedRequests,
    Webhooks,
):
    """A complete unit of work."""
