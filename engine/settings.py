"""Settings, read from environment variables and a `.env` file; docs/settings.md lists them."""

import fnmatch
import ipaddress
import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

import platformdirs
from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from engine.model.exports import EXPORT_URL, SNAPSHOT_URL
from engine.network import is_loopback
from engine.organizer_settings import OrganizerSettings
from engine.setting_values import (
    Address,
    Addresses,
    Claim,
    Domain,
    File,
    Folder,
    Lists,
    Networks,
    Patterns,
    PublicAddress,
    Rates,
    Resolver,
    SafeAddress,
    Servers,
    TokenAudience,
    listed,
    rates_in,
)

OWN_MAILBOXES = frozenset(
    {"create", "bulk", "console", "rsvp", "unsubscribe", "confirm", "postmaster", "abuse", "notification"}
)
_OF_ISSUER = ("oauth_jwks", "oauth_audience", "oauth_client", "oauth_client_secret")
DAYS_MAX = 36_500
"""A century; to keep for ever, set 0."""


def _data_dir() -> Path:
    return platformdirs.user_data_path("cis-mcp")


class Settings(OrganizerSettings):
    """Everything an operator can set; each field is the variable `CIS_<NAME>`."""

    model_config = SettingsConfigDict(
        env_prefix="CIS_",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        allow_inf_nan=False,
    )

    data_dir: Folder = Field(default_factory=_data_dir, description="database, raw mail, Maildir outbox")
    domain: Domain = Field("cis.test", description="domain of create@, rsvp@, bulk@ and of the From address")
    outbox: SecretStr = Field(SecretStr("maildir"), description="maildir, smtp(s)://… or ses://REGION")
    inbox: SecretStr = Field(
        SecretStr(""),
        description="where mail comes from: smtp://…, imaps://…, maildir:///…, sqs://QUEUE?region=…[&bucket=…]",
    )
    organizer: Address = Field("", description="the address the local actor acts for; empty: agent@<domain>")
    key: SecretStr = Field(
        SecretStr(""), description="key with which a stdio server acts; empty: the local operator"
    )
    owner: Address = Field("", description="owner of new keys made without one: a person's address")
    registration: Literal["closed", "approve", "open"] = Field(
        "approve", description="how other addresses become organizers by mail"
    )
    organizers: Patterns = Field(
        "", description="who may create events by mail to create@; empty: *@<domain>"
    )
    aliases: Addresses = Field(
        "",
        description="other addresses that lead to create@ or bulk@, comma separated, as mail to them names them",
    )
    sender_auth: Literal["enforce", "flag", "off"] = Field(
        "enforce", description="what unauthenticated inbound mail may do"
    )
    messages_from: Patterns = Field(
        "*", description="who may write to agents in free text: addresses or patterns, comma separated"
    )
    message_answer: str = Field(
        "", max_length=2_000, description="automatic answer to a person who writes to an agent; empty: none"
    )
    search_snapshot: str = Field(
        "",
        description="s3://BUCKET/PREFIX where a store on DynamoDB keeps its search index for cold starts",
    )
    export: str = Field("", description="s3://BUCKET/PREFIX: every night all tables go there")
    audiences: Lists = Field("", description="patterns of lists on AWS that agents may name, comma separated")
    authserv_ids: Servers = Field(
        "", description="authserv-ids whose topmost Authentication-Results is trusted"
    )
    relays: Networks = Field(
        "127.0.0.0/8,::1,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7",
        description="networks of your own mail servers in front of the listener, comma separated; none: no server",
    )
    dns: Resolver = Field(
        "", description="host:port of the DNS resolver for sender checks; empty: the system's"
    )
    confirm_receipts: bool = Field(
        True, description="ask an attendee by mail whether an unauthenticated answer is theirs"
    )
    first_proof_max: int = Field(
        50,
        ge=0,
        description="people an organizer's mail may reach in a day while its proof is new; 0: no limit",
    )
    first_contact_max: int = Field(
        5,
        ge=0,
        le=50,
        description="invites that an address gets by pages in a day before its owner has confirmed once",
    )
    digest_hour: int = Field(
        7,
        ge=-1,
        le=23,
        description="hour (UTC) from which owners of keys are mailed what their agents did; -1: never",
    )
    report_on_screen: bool = Field(True, description="false: the console shows no addresses in full")
    keep_mail_days: int = Field(
        90, ge=0, le=DAYS_MAX, description="days that handled mails are kept; 0: for ever"
    )
    keep_quarantine_days: int = Field(
        30, ge=0, le=DAYS_MAX, description="days that mail waits in quarantine; 0: for ever"
    )
    quarantine_mb: int = Field(
        500,
        ge=0,
        description="MB of mail kept although it changed nothing, unproven senders' deleted first; 0: no limit",
    )
    record_days: int = Field(
        0, ge=0, le=DAYS_MAX, description="days after which the beginning of the record is cut away; 0: never"
    )
    disk_reserve_mb: int = Field(
        200,
        ge=0,
        description="MB of the disk that mail in (else answered 452) and exports at the console leave free; 0: none",
    )
    undo_s: int = Field(
        0, ge=0, le=86_400, description="seconds that mail waits, so that it can be undone; 0: none"
    )
    undo_campaign_s: int | None = Field(
        None,
        ge=0,
        le=86_400,
        description="seconds in which a campaign can be undone; not set: 10 for one that starts unseen",
    )
    undo_trigger_s: int = Field(
        60,
        ge=0,
        le=86_400,
        description="seconds that the mails of a trigger wait, so that a newer version can replace them",
    )
    send_rate: float = Field(0, ge=0, description="messages a second over all processes; 0: unlimited")
    day_limit: int = Field(
        0, ge=0, description="mails in 24 hours over all processes, further ones wait; 0: unlimited"
    )
    senders: int = Field(
        default_factory=lambda: min(2, os.cpu_count() or 1),
        ge=1,
        le=8,
        description="processes that send a large campaign at the same time; 1: only this one",
    )
    domain_rates: Rates = Field(
        "", description="messages a second to single recipient domains: gmail.com=20,yahoo.com=5"
    )
    fail_share: float = Field(
        0.05,
        ge=0,
        le=1,
        description="a campaign pauses when more than this share of its last 1,000 messages failed; 0: never",
    )
    public_url: PublicAddress = Field("http://127.0.0.1:8000", description="for links in mail")
    local_receivers: Networks = Field(
        "none", description="networks beside the internet that webhooks and look-ups may reach, http too"
    )
    http_rate: float = Field(300, ge=0, description="HTTP requests a second for each key; 0: unlimited")
    http_concurrency: int = Field(64, ge=0, description="HTTP requests at a time for each key; 0: unlimited")
    proxies: Networks = Field(
        "127.0.0.1,::1",
        description="addresses of proxies in front whose X-Forwarded-For is believed, and which may hold more "
        "than 100 connections; none: no one",
    )
    oauth_issuer: SafeAddress = Field(
        "", description="OAuth 2.1 issuer whose tokens count beside keys; empty: none"
    )
    oauth_jwks: SafeAddress = Field("", description="URL of its public keys; empty: as its metadata says")
    oauth_audience: TokenAudience = Field(
        "", description="audience that a token must have; empty: CIS_PUBLIC_URL/mcp"
    )
    oauth_subjects: Literal["any", "listed"] = Field(
        "any", description="listed: only tokens whose subject has bounds; any: others as well"
    )
    oauth_client: str = Field("", description="client id of the console at the issuer; empty: none")
    oauth_client_secret: SecretStr = Field(SecretStr(""), description="its secret; empty: only PKCE")
    oauth_claim: Claim = Field(
        "email", description="claim that holds the address a token acts for; email must be verified"
    )
    tls_cert: File = Field(
        "", description="certificate chain (PEM) with which the SMTP listener offers STARTTLS"
    )
    tls_key: File = Field("", description="its private key (PEM); empty: in the same file")
    log: Literal["text", "json"] = Field(
        "text", description="log lines on stderr: text, or json for machines"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="what is logged")
    metrics: Literal["local", "open"] = Field(
        "local",
        description="who reads /metrics: callers on this machine and keys with the scope admin, or everyone",
    )
    max_mail_bytes: int = Field(10_000_000, ge=10_000, description="largest mail that is accepted")

    @field_validator("search_snapshot")
    @classmethod
    def _snapshot(cls, value: str) -> str:
        if value.strip() and not SNAPSHOT_URL.fullmatch(value.strip()):
            raise ValueError("must be s3://BUCKET/PREFIX[?region=REGION]")
        return value.strip()

    @field_validator("export")
    @classmethod
    def _bucket(cls, value: str) -> str:
        if value.strip() and not EXPORT_URL.fullmatch(value.strip()):
            raise ValueError("must be s3://BUCKET/PREFIX[?region=REGION][&addresses=yes]")
        return value.strip()

    @model_validator(mode="after")
    def _whole(self) -> "Settings":
        """Refuse a setting that would do nothing because the setting it belongs to is missing."""
        if self.tls_key and not self.tls_cert:
            raise ValueError("CIS_TLS_KEY: needs a certificate; set CIS_TLS_CERT as well")
        alone = [name for name in _OF_ISSUER if _given(getattr(self, name))]
        if alone and not self.oauth_issuer:
            raise ValueError(f"CIS_{alone[0].upper()}: needs an issuer; set CIS_OAUTH_ISSUER as well")
        return self

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with `update`, validated anew: pydantic's own keeps what was derived from the old values."""
        return type(self).model_validate(dict(self) | dict(update or {}))

    @cached_property
    def relay_networks(self) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
        return tuple(ipaddress.ip_network(network, strict=False) for network in listed(self.relays))

    @cached_property
    def trusted_proxies(self) -> tuple[str, ...]:
        return tuple(listed(self.proxies))

    @cached_property
    def proxy_networks(self) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
        return tuple(ipaddress.ip_network(network, strict=False) for network in listed(self.proxies))

    @cached_property
    def local_organizer(self) -> str:
        return (self.organizer or f"agent@{self.domain}").lower()

    def may_organize(self, address: str) -> bool:
        """True if mail from `address` may make events (`CIS_ORGANIZERS`)."""
        patterns = (self.organizers or f"*@{self.domain}").lower().split(",")
        return any(fnmatch.fnmatchcase(address.lower(), p.strip()) for p in patterns if p.strip())

    def may_write(self, address: str) -> bool:
        """True if mail in free text from `address` is kept for agents (`CIS_MESSAGES_FROM`)."""
        patterns = self.messages_from.lower().split(",")
        return any(fnmatch.fnmatchcase(address.lower(), p.strip()) for p in patterns if p.strip())

    def names_organizer(self, address: str) -> bool:
        """True if `CIS_ORGANIZERS` contains exactly `address`, not only a pattern that it matches."""
        return address.lower() in {p.strip() for p in self.organizers.lower().split(",")}

    @cached_property
    def alias_addresses(self) -> frozenset[str]:
        return frozenset(alias.lower() for alias in listed(self.aliases))

    @cached_property
    def commanded(self) -> frozenset[str]:
        """The addresses to which organizers mail what they want done: create@, bulk@ and their aliases."""
        return frozenset({self.mailbox("create"), self.mailbox("bulk")}) | self.alias_addresses

    @cached_property
    def trusted_authserv_ids(self) -> frozenset[str]:
        return frozenset(a.strip().lower() for a in self.authserv_ids.split(",") if a.strip())

    @cached_property
    def rates_by_domain(self) -> dict[str, float]:
        """Messages a second by recipient domain."""
        return rates_in(self.domain_rates)

    @property
    def database(self) -> Path:
        own = self.data_dir / "cis.sqlite3"
        return Path(self.store.removeprefix("sqlite:")) if self.store and not self.in_table else own

    @property
    def outbox_is_folder(self) -> bool:
        """True if mails become files, and nothing leaves the machine."""
        return self.outbox.get_secret_value().strip() == "maildir"

    @property
    def disk_reserve(self) -> int:
        """Bytes of the disk that incoming mail leaves free."""
        return self.disk_reserve_mb * 1_000_000

    def page(self, path: str) -> str:
        """The address of one of our pages, for mail; empty if `CIS_PUBLIC_URL` leads only to this machine."""
        host = urlsplit(self.public_url).hostname or ""
        return "" if not host or is_loopback(host) else f"{self.public_url.rstrip('/')}/{path}"

    def unsubscribe_url(self, token: str) -> str:
        """The page that unsubscribes an attendee with one click; empty if `public_url` is not HTTPS (RFC 8058)."""
        if not self.public_url.lower().startswith("https://"):
            return ""
        return f"{self.public_url.rstrip('/')}/unsubscribe/{token}"

    def is_own_mailbox(self, address: str) -> bool:
        """True for an address (in lower case) that the server itself reads or writes from; it is never invited."""
        local, _, host = address.rpartition("@")
        return host == self.domain and local.partition("+")[0] in OWN_MAILBOXES

    def mailbox(self, name: str, token: str = "") -> str:
        """Address of one of our own mailboxes: `rsvp` and a token give rsvp+token@domain."""
        return f"{name}+{token}@{self.domain}" if token else f"{name}@{self.domain}"


def _given(value: str | SecretStr) -> bool:
    return bool(value.get_secret_value() if isinstance(value, SecretStr) else value)
