"""The settings of what organizers may do: audiences, limits, plans, and a shop's orders."""

from functools import cached_property

from pydantic import Field, SecretStr, field_validator, model_validator

from engine.machine_settings import MachineSettings
from engine.model.messages import Audience
from engine.model.plans import Plan, Product, plans_in, products_in
from engine.model.triggers import SECRETS_MAX
from engine.setting_values import Hosts


class OrganizerSettings(MachineSettings):
    """What organizers may do, by their plan and without one, and what orders do."""

    update_audience: Audience = Audience.AUTO
    cancel_audience: Audience = Audience.AUTO
    invite_limit: int = Field(2500, ge=0, description="bulk invites an event may send; 0: no limit")
    landing_hosts: Hosts = Field(
        "",
        description="hosts that API 7 and campaign links may lead to after sending: example.com,*.example.com",
    )
    plans: str = Field(
        "",
        description="plans of organizers, as name=events/invites[/days]: free=5/2500,pro=0/10000/365; empty: no limits",
    )
    products: str = Field(
        "", description="what orders of products do, by the shop's id: 8811=pro,8812=event:UID"
    )
    order_secrets: SecretStr = Field(
        SecretStr(""), description="secrets with which a shop signs orders, up to two; empty: it takes none"
    )

    @field_validator("plans")
    @classmethod
    def _known_plans(cls, value: str) -> str:
        plans_in(value)
        return value

    @model_validator(mode="after")
    def _known_products(self) -> "OrganizerSettings":
        try:
            products_in(self.products, plans_in(self.plans))
        except ValueError as error:
            raise ValueError(f"CIS_PRODUCTS: {error}") from None
        return self

    @field_validator("order_secrets")
    @classmethod
    def _few(cls, value: SecretStr) -> SecretStr:
        if len(_secrets(value)) > SECRETS_MAX:
            raise ValueError(f"must be at most {SECRETS_MAX} secrets, comma separated")
        return value

    @cached_property
    def plans_by_name(self) -> dict[str, Plan]:
        return dict(plans_in(self.plans))

    @cached_property
    def products_by_id(self) -> dict[str, Product]:
        return dict(products_in(self.products, self.plans_by_name))

    @property
    def shop_secrets(self) -> tuple[str, ...]:
        """The secrets that an order may be signed with."""
        return _secrets(self.order_secrets)


def _secrets(value: SecretStr) -> tuple[str, ...]:
    return tuple(one.strip() for one in value.get_secret_value().split(",") if one.strip())
