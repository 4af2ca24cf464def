"""Triggers: rules by which deliveries from a system of record become commands, and what became of each delivery."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field

from engine.model.base import Value
from engine.model.rules import Deed, Lookup, Reconciling, Rule
from engine.refusals import Code

SECRETS_MAX = 2
"""Secrets at one time: the present one, and the one before it or after it while it is being changed."""


class Sender(StrEnum):
    """The sender whose way of signing deliveries a hook expects."""

    HUBSPOT = "hubspot"
    STRIPE = "stripe"
    SHOPIFY = "shopify"
    GREENHOUSE = "greenhouse"
    ASHBY = "ashby"
    LEVER = "lever"
    PIPEDRIVE = "pipedrive"
    SALESFORCE_FLOW = "salesforce-flow"
    SALESFORCE_MESSAGE = "salesforce-message"
    QUICKBOOKS = "quickbooks"
    XERO = "xero"
    GITHUB = "github"
    STANDARD = "standard-webhooks"
    HMAC = "hmac"
    BEARER = "bearer"
    EVENTS = "events"
    """Nobody outside: what happens here to the organizer's events."""


class HmacForm(Value):
    """How a sender without a module of its own signs: where the signature is, and what it covers."""

    header: str = Field("X-Signature", max_length=100)
    prefix: str = Field("", max_length=40, description="what stands before the signature, such as sha256=")
    encoding: Literal["hex", "base64"] = "hex"
    algorithm: Literal["sha256", "sha512"] = "sha256"
    signed: tuple[str, ...] = Field(
        ("body",),
        max_length=10,
        description="what is signed, in order: body, method, url, timestamp, id; anything else stands for itself",
    )
    timestamp_header: str = Field("", max_length=100, description="header with the Unix time; empty: none")
    timestamp_unit: Literal["s", "ms"] = "s"
    id_header: str = Field("", max_length=100, description="header with the delivery's id; empty: none")


class Proof(Value):
    """How deliveries at a hook are proven."""

    sender: Sender
    header: str = Field(
        "", max_length=100, description="of salesforce-flow and bearer: the header; empty: Authorization"
    )
    organization: str = Field("", max_length=40, description="of salesforce-message: id of the organization")
    form: HmacForm = HmacForm()


class DeliveryState(StrEnum):
    """What became of a delivery."""

    KEPT = "kept"
    """Not handled yet, or its trigger is not live."""
    WAITING = "waiting"
    """Matched; it is carried out when the time to undo is over."""
    DONE = "done"
    PARTIAL = "partial"
    """Carried out, but for people who were refused."""
    UNCHANGED = "unchanged"
    """The object has this very content already."""
    NOTHING = "nothing"
    """No rule matched, or the rule does nothing."""
    STALE = "stale"
    """A newer version of its object was seen before."""
    REPLACED = "replaced"
    """A newer version came while it waited."""
    HELD = "held"
    """It waits for approval."""
    FAILED = "failed"
    """It can be replayed once the reason is gone."""

    @property
    def settled(self) -> bool:
        """True if it is final unless it is replayed."""
        return self not in {DeliveryState.KEPT, DeliveryState.WAITING}


class Trigger(Value):
    """A hook and the rules for what is delivered there; it acts as a key, within its bounds."""

    id: str
    name: str
    organizer: str
    key: str = Field(description="id of the key that it acts as")
    proof: Proof
    secrets: tuple[str, ...] = Field((), repr=False, max_length=SECRETS_MAX)
    rules: tuple[Rule, ...]
    live: bool = Field(False, description="false: deliveries are kept, and nothing is done")
    stopped: str = Field("", description="code of the reason for which it stopped; empty: it did not")
    created: datetime
    cursor: str = Field("", description="of what happens here: up to where the log of changes was read")
    looked: datetime | None = Field(None, description="up to when starts and ends were looked for")
    told: str = Field("", description="of the second behind `looked`: up to which place they were told")
    lookups: tuple[Lookup, ...] = ()
    reconciling: Reconciling | None = None
    starting_minutes: int = Field(1_440, description="how long before its start an event is starting")


class PostedRequest(Value):
    """A request as it was posted and verified, without the secrets that would verify another one."""

    id: str
    trigger_id: str
    received: datetime
    posted: Posted


class TriggerCounts(Value):
    """Counts of the requests at a hook, and of what they did."""

    deliveries: int = 0
    invited: int = 0
    withdrawn: int = 0


class RefusedPerson(Value):
    """Somebody whom a delivery names and who was left out."""

    email: str
    code: str
    bound: str = Field("", description="of `out_of_bounds`: by which bound of the key")


class AskedFor(Value):
    """What a delivery that waits asks for, as far as a newer one is compared with it."""

    do: Deed
    uid: str = ""
    fields: tuple[str, ...] = Field((), description="of the event")
    people: bool = Field(False, description="it names people")
    stay: bool = Field(False, description="who was named before and is not now stays")
    digest: str = Field("", description="SHA-256 of the content")


class Delivery(Value):
    """One signed request of a system of record, or one element of its batch, and what became of it."""

    id: str = Field(description="ours")
    trigger_id: str
    delivery_id: str = Field(description="the sender's, or a hash of the content where it gives none")
    received: datetime
    state: DeliveryState = DeliveryState.KEPT
    due: datetime | None = Field(None, description="when it is handled next; None: not at all")
    object: str = ""
    version: float | None = None
    code: str = Field("", description="why it failed, or is marked")
    detail: str = ""
    unanswered: datetime | None = Field(
        None,
        description="since when the system of record cannot be asked about it; None: it could be, or was not",
    )
    chain: str = Field("", description="what began it, and how many triggers ago")
    event_uid: str = ""
    invited: int = 0
    withdrawn: int = 0
    refused: tuple[RefusedPerson, ...] = ()
    asked: AskedFor | None = Field(None, description="while it waits")
    held: str = Field("", description="id of the held action that it waits for")
    approved: str = Field(
        "",
        description="while it goes on in parts: the digest of the held action that was approved, if one was",
    )

    def about(self, forgotten: str) -> Delivery:
        """What stays of it once its object is forgotten: nothing that names the object or people.

        If it waits for a yes it fails, so that the yes does nothing.
        """
        gone: dict[str, object] = {
            "object": forgotten,
            "detail": "",
            "refused": (),
            "asked": None,
            "approved": "",
        }
        if self.state is DeliveryState.HELD:
            gone |= {"state": DeliveryState.FAILED, "code": Code.FORGOTTEN.value, "held": ""}
        return self.model_copy(update=gone)


class TriggerObject(Value):
    """What a trigger knows of one object of the system of record."""

    object: str
    version: float | None = None
    digest: str = Field("", description="SHA-256 of the content that was carried out last")
    reminded: str = Field("", description="that of the last reminder")
    event_uid: str = ""
    people: tuple[str, ...] = Field((), description="whom the object named last, of those who were invited")
    effects: tuple[datetime, ...] = Field((), description="when it last had an effect")


class Posted(Value):
    """A request as it arrived, before it is verified."""

    method: str
    url: str = Field(description="the public address that it was posted to, query and all, from our settings")
    headers: Mapping[str, str] = Field(description="by name in lower case; one that came twice is left out")
    body: bytes
