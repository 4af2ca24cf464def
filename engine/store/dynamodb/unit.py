"""The unit of work of the DynamoDB store, composed of its parts."""

from __future__ import annotations

from engine.store.dynamodb.answers import Answers
from engine.store.dynamodb.branding import Brandings
from engine.store.dynamodb.claims import Claims
from engine.store.dynamodb.confirmations import Confirmations
from engine.store.dynamodb.events import Events
from engine.store.dynamodb.feeds import Feeds
from engine.store.dynamodb.forgetting import Forgetting
from engine.store.dynamodb.held import HeldActions
from engine.store.dynamodb.inbox_messages import InboxMessages
from engine.store.dynamodb.keys import Keys
from engine.store.dynamodb.links import Links
from engine.store.dynamodb.notices import Notices
from engine.store.dynamodb.orders import Orders
from engine.store.dynamodb.organizers import Organizers
from engine.store.dynamodb.pages import Pages
from engine.store.dynamodb.pictures import Pictures
from engine.store.dynamodb.quarantine import Quarantine
from engine.store.dynamodb.questions import NamingQuestions
from engine.store.dynamodb.record import Record
from engine.store.dynamodb.requests import Requests
from engine.store.dynamodb.revisions import Revisions
from engine.store.dynamodb.sessions import Sessions
from engine.store.dynamodb.suppressions import Suppressions
from engine.store.dynamodb.tallies import Counting
from engine.store.dynamodb.triggers import Triggers
from engine.store.dynamodb.turns import ProcessTurns
from engine.store.dynamodb.webhooks import Webhooks


class DynamoUnit(
    Forgetting,
    Feeds,
    Notices,
    NamingQuestions,
    Revisions,
    Organizers,
    Answers,
    Quarantine,
    Confirmations,
    HeldActions,
    InboxMessages,
    Record,
    Keys,
    Requests,
    Sessions,
    Suppressions,
    Claims,
    Orders,
    Triggers,
    ProcessTurns,
    Webhooks,
    Links,
    Pages,
    Pictures,
    Brandings,
    Events,
    Counting,
):
    """A complete unit of work."""
