"""The commands that may wait for approval, what they change, and the commands that never wait."""

from __future__ import annotations

from engine.commands.agents.messages import MessageDone, ReplyMessage
from engine.commands.answers.proposals import DeclineProposal, ProposalDone
from engine.commands.base import Command, Done, Work
from engine.commands.campaigns.campaigns import CampaignAction, CampaignDone, ControlCampaign
from engine.commands.campaigns.reports import ReportDone, SendReport
from engine.commands.events.accepting import AcceptProposal
from engine.commands.events.events import CancelEvent, CreateEvent, EventDone, UpdateEvent
from engine.commands.events.instances import AddInstance, CancelInstance, ChangeInstance, UpdateInstance
from engine.commands.invites.invites import InviteDone, SendInvite
from engine.commands.invites.reminding import Remind, RemindDone
from engine.commands.invites.send_many import InvitesDone, SendInvites
from engine.commands.invites.withdrawing import WithdrawDone, WithdrawInvite
from engine.commands.triggers.deliveries import DeliveryDone, HandleDelivery
from engine.commands.triggers.triggers import SetTriggerLive
from engine.model.campaigns import CampaignState
from engine.model.events import Event
from engine.model.triggers import DeliveryState

CLIENT_CHANGES = (UpdateEvent, CancelEvent, ChangeInstance, CancelInstance, AddInstance)
"""What an organizer's calendar client may ask for, beside making events."""
_COMMANDS: tuple[type[Command[Done]], ...] = (
    *CLIENT_CHANGES,
    CreateEvent,
    UpdateInstance,
    AcceptProposal,
    DeclineProposal,
    SendInvite,
    SendInvites,
    Remind,
    WithdrawInvite,
    SendReport,
    ReplyMessage,
    ControlCampaign,
    HandleDelivery,
    SetTriggerLive,
)
COMMANDS = {command.__name__: command for command in _COMMANDS}
"""By the name under which they are kept."""


def free(command: Command[Done]) -> bool:
    """True for a command that never needs approval: it only shows, drafts, or stops something."""
    if isinstance(command, ControlCampaign):
        return command.action in {CampaignAction.PAUSE, CampaignAction.CANCEL}
    return command.free or bool(getattr(command, "dry_run", False))


def changed(work: Work, done: Done) -> bool:
    """True if the command changed something; a repeated request is answered and does not wait."""
    match done:
        case EventDone():
            return bool(done.changed or done.created) and not done.repeated
        case InviteDone() | WithdrawDone():
            return not done.already
        case InvitesDone():
            return any(one.done and not one.done.already for one in done.invites)
        case RemindDone():
            return done.reminded > 0
        case DeliveryDone():
            return bool(done.to_come) or done.delivery.state in {DeliveryState.DONE, DeliveryState.PARTIAL}
        case MessageDone():
            return not done.repeated
        case CampaignDone():
            begun = work.now in {done.campaign.started, done.campaign.resumed}
            return begun or done.campaign.state is CampaignState.SCHEDULED
        case _:
            return True


def people(done: Done) -> int:
    """How many people are mailed."""
    match done:
        case EventDone():
            return done.notified
        case InvitesDone():
            return sum(1 for one in done.invites if one.done and not one.done.already)
        case RemindDone():
            return done.reminded
        case CampaignDone():
            return done.campaign.valid
        case DeliveryDone():
            return done.delivery.invited + done.delivery.withdrawn + done.to_come
        case WithdrawDone():
            return 1 if done.message else 0
        case InviteDone() | ProposalDone() | ReportDone() | MessageDone():
            return 1
        case _:
            return 0


async def subject(work: Work, done: Done) -> Event | None:
    """The event that a command is about, if it is about one that there was before."""
    match done:
        case EventDone():
            return done.old
        case RemindDone() | WithdrawDone() | CampaignDone() | ProposalDone() | ReportDone():
            return done.event
        case InviteDone():
            return await work.unit.event(done.attendee.event_uid)
        case InvitesDone():
            first = next((one for one in done.invites if one.done), None)
            return await work.unit.event(first.uid) if first else None
        case _:
            return None


def made(done: Done) -> str:
    """The id of the campaign that announces it, or of the event that was made."""
    match done:
        case EventDone() | RemindDone() if done.campaign_id:
            return done.campaign_id
        case EventDone() if done.created:
            return done.event.uid
        case CampaignDone():
            return done.campaign.id
        case _:
            return ""
