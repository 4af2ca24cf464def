"""What an installation costs per month, at list prices of us-east-1 (docs/aws.md says which are sourced)."""

from __future__ import annotations

from engine.model.base import Value

_INSTANCE_H = {"t4g.micro": 0.0084, "t4g.small": 0.0168, "t4g.medium": 0.0336, "t4g.large": 0.0672}
_HOURS = 730
_GB_MONTH, _SNAPSHOT_GB = 0.08, 0.05
_IPV4_H = 0.005
_MAIL = 0.10 / 1_000
_SHARE_ANSWERED = 0.3
_REQUEST = 0.40 / 1_000_000
_REQUESTS_OF_A_MAIL = 4
_POLLS = 30 * 24 * 3_600 / 20
_TASK_H = 0.03238 + 2 * 0.00356
"""Fargate on Arm: one processor, and two GB."""
_BALANCER_H = 0.0225
_WRITE_UNIT, _UNITS_OF_AN_INVITE, _UNITS_OF_AN_ANSWER = 0.625 / 1e6, 12, 14
_SECRET = 0.40
_OBJECT_KB, _S3_GB, _PUT = 10, 0.023, 0.005 / 1_000


class Costs(Value):
    """US dollars per month: the fixed costs, and those of `invites`."""

    invites: int
    machine: float
    volume: float
    mail_out: float
    mail_in: float
    queues: float
    storage: float
    tasks: float = 0.0
    table: float = 0.0

    @property
    def total(self) -> float:
        """The sum of a month, in US dollars."""
        standing = self.machine + self.volume + self.tasks
        return standing + self.mail_out + self.mail_in + self.queues + self.storage + self.table

    @property
    def line(self) -> str:
        """One line for a person."""
        where = f"machine {self.machine:.2f}, volume {self.volume:.2f}"
        if self.tasks:
            where = f"tasks and load balancer {self.tasks:.2f}, DynamoDB {self.table:.2f}"
        parts = f"{where}, mail out {self.mail_out:.2f}"
        rest = f"mail in {self.mail_in:.2f}, queues {self.queues:.2f}, S3 {self.storage:.2f}"
        return f"{self.invites:>9,} invites a month: ${self.total:,.2f} ({parts}, {rest})"


def estimate(
    invites: int, instance_type: str, volume_gb: int, *, machine: bool = True, serverless: bool = False
) -> Costs:
    """Estimate a month: three of ten people answer by mail, and a machine that is not listed costs what t4g.large does.

    `serverless`: one task all month, with a load balancer; function calls stay within the free tier of Lambda.
    """
    machine = machine and not serverless
    hour = _INSTANCE_H.get(instance_type, _INSTANCE_H["t4g.large"]) + _IPV4_H
    answers = invites * _SHARE_ANSWERED
    return Costs(
        invites=invites,
        machine=hour * _HOURS if machine else 0.0,
        volume=volume_gb * (_GB_MONTH + _SNAPSHOT_GB) if machine else 0.0,
        mail_out=invites * _MAIL,
        mail_in=answers * _MAIL,
        queues=(_POLLS + answers * _REQUESTS_OF_A_MAIL) * _REQUEST,
        storage=answers * (_OBJECT_KB / 1e6 * _S3_GB + _PUT),
        tasks=(_TASK_H + _IPV4_H + _BALANCER_H) * _HOURS + _SECRET if serverless else 0.0,
        table=(invites * _UNITS_OF_AN_INVITE + answers * _UNITS_OF_AN_ANSWER) * _WRITE_UNIT
        if serverless
        else 0.0,
    )
