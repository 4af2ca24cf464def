"""Settings, read from environment variables and a `.env` file; docs/settings.md lists them."""

import fnmatch
import ipaddress
import os
import re
from functools import cached_property
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import platformdirs
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from engine.model.exports import EXPORT_URL
from engine.network import is_loopback
from engine.organizer_settings import OrganizerSettings

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
_ADDRESS = re.compile(r"[^@\s]+@[^@\s.][^@\s]*")
OWN_MAILBOXES = frozenset(
    {"create", "bulk", "console", "rsvp", "unsubscribe", "confirm", "postmaster", "abuse", "notification"}
)


def _data_dir() -> Path:
    return platformdirs.user_data_path("cis-mcp")


class Settings(OrganizerSettings):
    """Everything an operator can set; each field is the variable `CIS_<NAME>`."""

    model_config = SettingsConfigDict(
        env_prefix="CIS_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    data_dir: Path = Field(default_factory=_data_dir, description="database, raw mail, Maildir outbox")
    domain: str = Field("cis.test", description="domain of create@, rsvp@, bulk@ and of the From address")
    outbox: SecretStr = Field(SecretStr("maildir"), description="maildir, smtp(s)://… or ses://REGION")
    inbox: SecretStr = Field(
        SecretStr(""),
        description="where mail comes from: smtp://…, imaps://…, maildir:///…, sqs://QUEUE?region=…[&bucket=…]",
    )
    organizer: str = Field("", description="the address the local actor acts for; empty: agent@<domain>")
    key: SecretStr = Field(
        SecretStr(""), description="key with which a stdio server acts; empty: the local operator"
    )
    owner: str = Field("", description="who answers for new keys that name no owner: a person's address")
    registration: Literal["closed", "approve", "open"] = Field(
        "approve", description="how other addresses become organizers by mail"
    )
    organizers: str = Field("", description="who may create events by mail to create@; empty: *@<domain>")
    aliases: str = Field(
        "",
        description="other addresses that lead to create@ or bulk@, comma separated, as mail to them names them",
    )
    sender_auth: Literal["enforce", "flag", "off"] = Field(
        "enforce", description="what unauthenticated inbound mail may do"
    )
    messages_from: str = Field(
        "*", description="who may write to agents in free text: addresses or patterns, comma separated"
    )
    message_answer: str = Field(
        "", max_length=2_000, description="automatic answer to a person who writes to an agent; empty: none"
    )
    export: str = Field("", description="s3://BUCKET/PREFIX: every night all tables go there")
    audiences: str = Field("", description="patterns of lists on AWS that agents may name, comma separated")
    authserv_ids: str = Field("", description="authserv-ids whose topmost Authentication-Results is trusted")
    relays: str = Field(
        "127.0.0.0/8,::1,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7",
        description="networks of mail servers of ours in front of the listener, comma separated; none: no server",
    )
    dns: str = Field("", description="host:port of the DNS resolver for sender checks; empty: the system's")
    confirm_receipts: bool = Field(
        True, description="ask an attendee by mail whether an unauthenticated answer is theirs"
    )
    first_proof_max: int = Field(
        50,
        ge=0,
        description="people mail may reach for an organizer in a day while what proves it is new; 0: no limit",
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
    keep_mail_days: int = Field(90, ge=0, description="days that handled mails are kept; 0: for ever")
    keep_quarantine_days: int = Field(30, ge=0, description="days that mail waits in quarantine; 0: for ever")
    quarantine_mb: int = Field(
        500,
        ge=0,
        description="MB of mail that changed nothing which are kept, strangers' go first; 0: no limit",
    )
    record_days: int = Field(
        0, ge=0, description="days after which the beginning of the record is cut away; 0: never"
    )
    disk_reserve_mb: int = Field(
        200,
        ge=0,
        description="MB of the disk that mail in (else answered 452) and exports at the console leave free; 0: none",
    )
    undo_s: int = Field(
        0, ge=0, le=86_400, description="seconds in which what is owed can be taken back; 0: none"
    )
    undo_campaign_s: int | None = Field(
        None,
        ge=0,
        le=86_400,
        description="seconds in which a campaign can be taken back; not set: 10 for one that starts unseen",
    )
    undo_trigger_s: int = Field(
        60,
        ge=0,
        le=86_400,
        description="seconds that what a trigger asks for waits, so that a newer version replaces it",
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
    domain_rates: str = Field(
        "", description="messages a second to single recipient domains: gmail.com=20,yahoo.com=5"
    )
    fail_share: float = Field(
        0.05,
        ge=0,
        le=1,
        description="a campaign pauses when more than this share of its last 1,000 messages failed; 0: never",
    )
    public_url: str = Field("http://127.0.0.1:8000", description="for links in mail")
    local_receivers: str = Field(
        "none", description="networks beside the internet that webhooks and look-ups may reach, http too"
    )
    http_rate: float = Field(300, ge=0, description="HTTP requests a second for each key; 0: unlimited")
    http_concurrency: int = Field(64, ge=0, description="HTTP requests at a time for each key; 0: unlimited")
    proxies: str = Field(
        "127.0.0.1,::1",
        description="addresses of proxies in front whose X-Forwarded-For is believed, and which may hold more "
        "than 100 connections; none: no one",
    )
    oauth_issuer: str = Field("", description="OAuth 2.1 issuer whose tokens count beside keys; empty: none")
    oauth_jwks: str = Field("", description="URL of its public keys; empty: as its metadata says")
    oauth_audience: str = Field("", description="audience that a token must have; empty: CIS_PUBLIC_URL/mcp")
    oauth_subjects: Literal["any", "listed"] = Field(
        "any", description="listed: only tokens for whose subject bounds were made; any: others as well"
    )
    oauth_client: str = Field("", description="client id of the console at the issuer; empty: none")
    oauth_client_secret: SecretStr = Field(SecretStr(""), description="its secret; empty: PKCE alone")
    oauth_claim: str = Field(
        "email", description="claim that holds the address a token acts for; email must be verified"
    )
    tls_cert: str = Field(
        "", description="certificate chain (PEM) with which the SMTP listener offers STARTTLS"
    )
    tls_key: str = Field("", description="its private key (PEM); empty: in the same file")
    log: Literal["text", "json"] = Field(
        "text", description="log lines on stderr: text, or json for machines"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="what is logged")
    metrics: Literal["local", "open"] = Field(
        "local",
        description="who reads /metrics: callers on this machine and keys with the scope admin, or everyone",
    )
    max_mail_bytes: int = Field(10_000_000, ge=10_000, description="largest mail that is accepted")

    @field_validator("export")
    @classmethod
    def _bucket(cls, value: str) -> str:
        if value.strip() and not EXPORT_URL.fullmatch(value.strip()):
            raise ValueError("must be s3://BUCKET/PREFIX[?region=REGION][&addresses=yes]")
        return value.strip()

    @field_validator("domain")
    @classmethod
    def _plain_domain(cls, value: str) -> str:
        value = value.strip().lower().rstrip(".")
        if not value or "@" in value or any(c.isspace() for c in value):
            raise ValueError("must be a bare domain name such as invites.example.com")
        return value

    @field_validator("data_dir")
    @classmethod
    def _folder(cls, value: Path) -> Path:
        """Refuse what is no path, which would else become the name of a folder."""
        if _URL.match(str(value)):
            raise ValueError("must be a folder of this machine")
        return value

    @field_validator("organizer", "owner")
    @classmethod
    def _address(cls, value: str) -> str:
        if value and not _ADDRESS.fullmatch(value.strip()):
            raise ValueError("must be an address such as agent@invites.example.com")
        return value.strip()

    @field_validator("aliases")
    @classmethod
    def _addresses(cls, value: str) -> str:
        if not all(_ADDRESS.fullmatch(alias) for alias in _listed(value)):
            raise ValueError("must be addresses such as events@example.com, comma separated")
        return value

    @field_validator("organizers")
    @classmethod
    def _patterns(cls, value: str) -> str:
        """Refuse patterns that no address fits, such as the bare name of a domain."""
        wrong = [p for p in (p.strip() for p in value.split(",")) if p and "@" not in p and p != "*"]
        if wrong:
            raise ValueError("must be patterns of addresses such as *@example.com, comma separated, or *")
        return value

    @field_validator("public_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        parts = urlsplit(value.strip())
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("must be a web address such as https://cis.example.com")
        return value.strip()

    @field_validator("domain_rates")
    @classmethod
    def _rates(cls, value: str) -> str:
        rates_in(value)
        return value

    @field_validator("dns")
    @classmethod
    def _resolver(cls, value: str) -> str:
        value = value.strip()
        if value:
            host_and_port(value, 53)
        return value

    @field_validator("oauth_issuer", "oauth_jwks")
    @classmethod
    def _safe(cls, value: str) -> str:
        if value and not is_safe_web_address(value):
            raise ValueError("must be an https URL (http for this machine alone)")
        return value

    @field_validator("relays", "proxies", "local_receivers")
    @classmethod
    def _networks(cls, value: str) -> str:
        for network in _listed(value):
            try:
                ipaddress.ip_network(network, strict=False)
            except ValueError:
                raise ValueError("must be networks such as 192.0.2.0/24,2001:db8::1, or none") from None
        return value

    @cached_property
    def relay_networks(self) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
        return tuple(ipaddress.ip_network(network, strict=False) for network in _listed(self.relays))

    @cached_property
    def trusted_proxies(self) -> tuple[str, ...]:
        return tuple(_listed(self.proxies))

    @cached_property
    def proxy_networks(self) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
        return tuple(ipaddress.ip_network(network, strict=False) for network in _listed(self.proxies))

    @cached_property
    def local_organizer(self) -> str:
        return (self.organizer or f"agent@{self.domain}").lower()

    def may_organize(self, address: str) -> bool:
        """True where mail from `address` may make events (`CIS_ORGANIZERS`)."""
        patterns = (self.organizers or f"*@{self.domain}").lower().split(",")
        return any(fnmatch.fnmatchcase(address.lower(), p.strip()) for p in patterns if p.strip())

    def may_write(self, address: str) -> bool:
        """True where mail in free text from `address` is kept for agents (`CIS_MESSAGES_FROM`)."""
        patterns = self.messages_from.lower().split(",")
        return any(fnmatch.fnmatchcase(address.lower(), p.strip()) for p in patterns if p.strip())

    def names_organizer(self, address: str) -> bool:
        """True where `CIS_ORGANIZERS` names the very `address`; a pattern is empty."""
        return address.lower() in {p.strip() for p in self.organizers.lower().split(",")}

    @cached_property
    def alias_addresses(self) -> frozenset[str]:
        return frozenset(alias.lower() for alias in _listed(self.aliases))

    @cached_property
    def commanded(self) -> frozenset[str]:
        """The addresses at which organizers' mail is carried out."""
        return frozenset({self.mailbox("create"), self.mailbox("bulk")}) | self.alias_addresses

    @cached_property
    def trusted_authserv_ids(self) -> frozenset[str]:
        return frozenset(a.strip().lower() for a in self.authserv_ids.split(",") if a.strip())

    @cached_property
    def rates_by_domain(self) -> dict[str, float]:
        """Messages a second by recipient domain."""
        return rates_in(self.domain_rates)

    @cached_property
    def database(self) -> Path:
        own = self.data_dir / "cis.sqlite3"
        return Path(self.store.removeprefix("sqlite:")) if self.store and not self.in_table else own

    @property
    def outbox_is_folder(self) -> bool:
        """True where mails become files, and nothing leaves the machine."""
        return self.outbox.get_secret_value().strip() == "maildir"

    @property
    def disk_reserve(self) -> int:
        """Bytes that mail in leaves free."""
        return self.disk_reserve_mb * 1_000_000

    def page(self, path: str) -> str:
        """Address of one of our pages, for mail; empty where `CIS_PUBLIC_URL` leads to this machine alone."""
        host = urlsplit(self.public_url).hostname or ""
        return "" if not host or is_loopback(host) else f"{self.public_url.rstrip('/')}/{path}"

    def unsubscribe_url(self, token: str) -> str:
        """The page that unsubscribes an attendee at one click; empty where `public_url` is not HTTPS (RFC 8058)."""
        if not self.public_url.lower().startswith("https://"):
            return ""
        return f"{self.public_url.rstrip('/')}/unsubscribe/{token}"

    def is_own_mailbox(self, address: str) -> bool:
        """True for an address (in lower case) that the server itself reads or writes from: nobody to invite."""
        local, _, host = address.rpartition("@")
        return host == self.domain and local.partition("+")[0] in OWN_MAILBOXES

    def mailbox(self, name: str, token: str = "") -> str:
        """Address of one of our own mailboxes: `rsvp` and a token give rsvp+token@domain."""
        return f"{name}+{token}@{self.domain}" if token else f"{name}@{self.domain}"


def is_safe_web_address(url: str) -> bool:
    """True where nobody on the way can change what is read there: https, or http on this very machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return (
        bool(host)
        and parts.username is None
        and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)))
    )


def rates_in(text: str) -> dict[str, float]:
    """Messages a second by recipient domain, from `gmail.com=20,yahoo.com=5`; raises ValueError."""
    pairs = [pair.partition("=") for pair in text.split(",") if pair.strip()]
    try:
        rates = {domain.strip().lower(): float(rate) for domain, _, rate in pairs}
    except ValueError:
        raise ValueError("must be given as gmail.com=20,yahoo.com=5") from None
    if any(not rate > 0 for rate in rates.values()):
        raise ValueError("a rate must be more than 0")
    if any("@" in domain or "." not in domain for domain in rates):
        raise ValueError("names what is no domain; give gmail.com=20")
    return rates


def _listed(networks: str) -> list[str]:
    return [n.strip() for n in networks.split(",") if n.strip() and n.strip().lower() != "none"]


def host_and_port(value: str, port: int) -> tuple[str, int]:
    """(address, port) of 192.0.2.1, 192.0.2.1:5353 or [2001:db8::1]:53; `port` where none is given.

    Raises ValueError.
    """
    host, colon, given = value.rpartition(":")
    if not colon or value.endswith("]") or (value.count(":") > 1 and not value.startswith("[")):
        host, given = value, str(port)
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        raise ValueError("must be an IP address and a port, such as 192.0.2.53:53") from None
    if not given.isdecimal() or not 0 < int(given) < 65_536:
        raise ValueError("must be an IP address and a port, such as 192.0.2.53:53")
    return str(address), int(given)
