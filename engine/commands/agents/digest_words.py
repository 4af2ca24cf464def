"""Commands, outcomes and bounds, as a digest names them."""

from __future__ import annotations

import re

from engine.mail.locale.language import ENGLISH, Language, noop_term

_CAMEL = re.compile(r"(?<!^)(?=[A-Z])")
_COMMANDS = (
    noop_term("what a key did", "AcceptProposal"),
    noop_term("what a key did", "AddInstance"),
    noop_term("what a key did", "Batch"),
    noop_term("what a key did", "CancelEvent"),
    noop_term("what a key did", "CancelInstance"),
    noop_term("what a key did", "ChangeInstance"),
    noop_term("what a key did", "ChangeKey"),
    noop_term("what a key did", "ControlCampaign"),
    noop_term("what a key did", "ControlWebhook"),
    noop_term("what a key did", "CreateEvent"),
    noop_term("what a key did", "CreateKey"),
    noop_term("what a key did", "CreateLink"),
    noop_term("what a key did", "CreatePage"),
    noop_term("what a key did", "CreateTrigger"),
    noop_term("what a key did", "CreateWebhook"),
    noop_term("what a key did", "Decide"),
    noop_term("what a key did", "DecideOwed"),
    noop_term("what a key did", "DeclineProposal"),
    noop_term("what a key did", "DraftAndStart"),
    noop_term("what a key did", "DraftCampaign"),
    noop_term("what a key did", "FireTrigger"),
    noop_term("what a key did", "ForgetPerson"),
    noop_term("what a key did", "KeepPicture"),
    noop_term("what a key did", "PublishEvents"),
    noop_term("what a key did", "RegisterOrganizer"),
    noop_term("what a key did", "ReleaseMail"),
    noop_term("what a key did", "DropMail"),
    noop_term("what a key did", "Remind"),
    noop_term("what a key did", "ReplayDelivery"),
    noop_term("what a key did", "ReplayPosting"),
    noop_term("what a key did", "ReplyMessage"),
    noop_term("what a key did", "ResetBranding"),
    noop_term("what a key did", "RevokeKey"),
    noop_term("what a key did", "RotateKey"),
    noop_term("what a key did", "SaveVendor"),
    noop_term("what a key did", "ScheduleCampaign"),
    noop_term("what a key did", "SendInvite"),
    noop_term("what a key did", "SendInvites"),
    noop_term("what a key did", "SendReport"),
    noop_term("what a key did", "SetAddressList"),
    noop_term("what a key did", "SetBranding"),
    noop_term("what a key did", "SetOrganizerApproval"),
    noop_term("what a key did", "SetTriggerLive"),
    noop_term("what a key did", "SetTriggerSecrets"),
    noop_term("what a key did", "SettleLandingHosts"),
    noop_term("what a key did", "SettleOrganizer"),
    noop_term("what a key did", "ShowAddresses"),
    noop_term("what a key did", "ShowListedAddresses"),
    noop_term("what a key did", "StopKey"),
    noop_term("what a key did", "StopSending"),
    noop_term("what a key did", "Suppress"),
    noop_term("what a key did", "SuspendOrganizer"),
    noop_term("what a key did", "UndoCommand"),
    noop_term("what a key did", "Unsuppress"),
    noop_term("what a key did", "UpdateEvent"),
    noop_term("what a key did", "UpdateInstance"),
    noop_term("what a key did", "UpdateLink"),
    noop_term("what a key did", "UpdatePage"),
    noop_term("what a key did", "WidenKey"),
    noop_term("what a key did", "WithdrawInvite"),
)
"""Commands that a key may give; what is not here is called by its name in English."""
_OTHERS = (
    noop_term("what a key did", "AskForData"),
    noop_term("what a key did", "AskToForget"),
    noop_term("what a key did", "AskToForgetShop"),
    noop_term("what a key did", "AskToSignIn"),
    noop_term("what a key did", "ChooseOrganizer"),
    noop_term("what a key did", "ConfirmPageRequest"),
    noop_term("what a key did", "ContinueBulkChange"),
    noop_term("what a key did", "ExpireHeld"),
    noop_term("what a key did", "FinishCampaign"),
    noop_term("what a key did", "HandleDelivery"),
    noop_term("what a key did", "MailBrandingCopies"),
    noop_term("what a key did", "MakeSignInLink"),
    noop_term("what a key did", "NoteExport"),
    noop_term("what a key did", "PauseFailing"),
    noop_term("what a key did", "RecordAutomaticReply"),
    noop_term("what a key did", "RecordBounce"),
    noop_term("what a key did", "RecordComplaint"),
    noop_term("what a key did", "RecordProposal"),
    noop_term("what a key did", "RecordReceipt"),
    noop_term("what a key did", "Refresh"),
    noop_term("what a key did", "ReinstateEvent"),
    noop_term("what a key did", "ReportEndedPlans"),
    noop_term("what a key did", "ReturnOrder"),
    noop_term("what a key did", "SendFromLink"),
    noop_term("what a key did", "SendFromPage"),
    noop_term("what a key did", "SendGathered"),
    noop_term("what a key did", "SignIn"),
    noop_term("what a key did", "SignInWithKey"),
    noop_term("what a key did", "SignInWithToken"),
    noop_term("what a key did", "SignOut"),
    noop_term("what a key did", "StartScheduled"),
    noop_term("what a key did", "StopByOwner"),
    noop_term("what a key did", "SuppressOfService"),
    noop_term("what a key did", "TakeOrder"),
    noop_term("what a key did", "TakeOverAttendees"),
    noop_term("what a key did", "TakeOverEvent"),
    noop_term("what a key did", "TakeOverOrganizers"),
    noop_term("what a key did", "TellEnded"),
    noop_term("what a key did", "Unsubscribe"),
    noop_term("what a key did", "UseConfirmation"),
)
"""Commands of people, of pages and of the server itself, as the record has them."""
_OUTCOMES = (
    noop_term("outcome", "done"),
    noop_term("outcome", "refused"),
    noop_term("outcome", "held"),
    noop_term("outcome", "dry_run"),
    noop_term("outcome", "only observed"),
)
_BOUNDS = (
    noop_term("bound of a key", "to"),
    noop_term("bound of a key", "not_to"),
    noop_term("bound of a key", "links"),
    noop_term("bound of a key", "day"),
    noop_term("bound of a key", "minute"),
    noop_term("bound of a key", "new_people_day"),
    noop_term("bound of a key", "person_day"),
    noop_term("bound of a key", "changes_day"),
    noop_term("bound of a key", "bulk_max"),
    noop_term("bound of a key", "events_max"),
    noop_term("bound of a key", "horizon_days"),
    noop_term("bound of a key", "depth"),
    noop_term("bound of a key", "stopped"),
    noop_term("bound of a key", "key"),
    noop_term("bound of a key", "verbs"),
    noop_term("bound of a key", "hours"),
    noop_term("bound of a key", "timezone"),
    noop_term("bound of a key", "approval"),
    noop_term("bound of a key", "approval_bulk"),
    noop_term("bound of a key", "decides_for"),
    noop_term("bound of a key", "attended"),
    noop_term("bound of a key", "expires_days"),
    noop_term("bound of a key", "owner"),
    noop_term("bound of a key", "mode"),
    noop_term("bound of a key", "probation_days"),
    noop_term("bound of a key", "probation_ends"),
)


def command(name: str, language: Language = ENGLISH) -> str:
    """The name of a command in a language; in English it is made from the class name."""
    told = language.term("what a key did", name)
    return _CAMEL.sub(" ", name).lower() if told == name else told


def outcome(said: str, language: Language) -> str:
    """The outcome of a command, as in the record: `refused (out_of_bounds: day)`, `done, only observed`."""
    told, _, why = said.partition(" (")
    words = [language.term("outcome", word) for word in told.split(", ")]
    code, _, bound_name = why.rstrip(")").partition(": ")
    ends = f"{code}: {bound(bound_name, language)}" if bound_name else code
    return language.term("between the names of a list", ", ").join(words) + (f" ({ends})" if why else "")


def bound(name: str, language: Language) -> str:
    """The name of a bound; in English its own name."""
    return language.term("bound of a key", name)
