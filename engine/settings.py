"""Settings, read from environment variables and a `.env` file (design: Settings)."""

import fnmatch
from functools import cached_property
from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from engine.model import Audience


def _data_dir() -> Path:
    return platformdirs.user_data_path("cis-mcp")


class Settings(BaseSettings):
    """Everything an operator can set; each field is the variable `CIS_<NAME>`."""

    model_config = SettingsConfigDict(
        env_prefix="CIS_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    data_dir: Path = Field(default_factory=_data_dir, description="database, raw mail, Maildir outbox")
    domain: str = Field("cis.test", description="domain of create@, rsvp@, bulk@ and of the From address")
    outbox: SecretStr = Field(SecretStr("maildir"), description="maildir, smtp://… or smtps://…")
    inbox: SecretStr = Field(
        SecretStr(""), description="where mail comes from: smtp://host:port, comma separated"
    )
    store: str = Field("", description="sqlite:/path; empty: a file in the data folder")
    organizer: str = Field("", description="whom the local actor acts for; empty: agent@<domain>")
    organizers: str = Field("", description="whose mail to create@ may make events; empty: *@<domain>")
    sender_auth: Literal["enforce", "flag", "off"] = Field(
        "enforce", description="what unauthenticated inbound mail may do"
    )
    authserv_ids: str = Field(
        "", description="authserv-ids whose topmost Authentication-Results header is trusted, comma separated"
    )
    update_audience: Audience = Audience.AUTO
    cancel_audience: Audience = Audience.AUTO
    send_rate: float = Field(0, ge=0, description="messages a second over all processes; 0: unlimited")
    invite_limit: int = Field(2500, ge=0, description="bulk invites an event may send; 0: no limit")
    domain_rates: str = Field(
        "", description="messages a second to single recipient domains: gmail.com=20,yahoo.com=5"
    )
    fail_share: float = Field(
        0.05,
        ge=0,
        le=1,
        description="a campaign of whose last 1,000 messages more failed pauses itself; 0: never",
    )
    public_url: str = Field("http://127.0.0.1:8000", description="for links in mail")
    max_mail_bytes: int = Field(10_000_000, ge=10_000, description="largest mail that is taken in")

    @field_validator("domain")
    @classmethod
    def _plain_domain(cls, value: str) -> str:
        value = value.strip().lower().rstrip(".")
        if not value or "@" in value or any(c.isspace() for c in value):
            raise ValueError("must be a bare domain name such as invites.example.com")
        return value

    @cached_property
    def local_organizer(self) -> str:
        return (self.organizer or f"agent@{self.domain}").lower()

    def may_organize(self, address: str) -> bool:
        """True where mail from `address` may make events (`CIS_ORGANIZERS`)."""
        patterns = (self.organizers or f"*@{self.domain}").lower().split(",")
        return any(fnmatch.fnmatchcase(address.lower(), p.strip()) for p in patterns if p.strip())

    @cached_property
    def trusted_authserv_ids(self) -> frozenset[str]:
        return frozenset(a.strip().lower() for a in self.authserv_ids.split(",") if a.strip())

    @cached_property
    def rates_by_domain(self) -> dict[str, float]:
        """Messages a second by recipient domain; raises ValueError with a sentence on what is wrong."""
        pairs = [pair.partition("=") for pair in self.domain_rates.split(",") if pair.strip()]
        try:
            rates = {domain.strip().lower(): float(rate) for domain, _, rate in pairs}
        except ValueError:
            raise ValueError("CIS_DOMAIN_RATES must be given as gmail.com=20,yahoo.com=5") from None
        if any(rate <= 0 for rate in rates.values()):
            raise ValueError("CIS_DOMAIN_RATES: a rate must be more than 0")
        return rates

    @cached_property
    def database(self) -> Path:
        return Path(self.store.removeprefix("sqlite:")) if self.store else self.data_dir / "cis.sqlite3"

    def mailbox(self, name: str, token: str = "") -> str:
        """Address of one of our own mailboxes: `rsvp` and a token give rsvp+token@domain."""
        return f"{name}+{token}@{self.domain}" if token else f"{name}@{self.domain}"
