"""Why a request was turned down: one list of codes, one exception."""

from __future__ import annotations

from enum import StrEnum


class Code(StrEnum):
    """Every reason for which the engine refuses a request or sets a mail aside."""

    # the request itself
    INVALID_ARGUMENT = "invalid_argument"
    INVALID_TIME = "invalid_time"
    UNKNOWN_TIMEZONE = "unknown_timezone"
    END_BEFORE_START = "end_before_start"
    INVALID_RECURRENCE = "invalid_recurrence"
    INVALID_ADDRESS = "invalid_address"
    EMPTY_LIST = "empty_list"
    INVALID_CURSOR = "invalid_cursor"
    INVALID_TEMPLATE = "invalid_template"
    MISSING_FIELD = "missing_field"
    TOO_LARGE = "too_large"
    # the thing it speaks of
    UNKNOWN_EVENT = "unknown_event"
    AMBIGUOUS_EVENT = "ambiguous_event"
    UNKNOWN_ATTENDEE = "unknown_attendee"
    UNKNOWN_PROPOSAL = "unknown_proposal"
    UNKNOWN_CAMPAIGN = "unknown_campaign"
    UNKNOWN_KEY = "unknown_key"
    UNKNOWN_HELD_ACTION = "unknown_held_action"
    UNKNOWN_UNDO = "unknown_undo"
    UNDO_OVER = "undo_over"
    UNKNOWN_TRIGGER = "unknown_trigger"
    UNKNOWN_DELIVERY = "unknown_delivery"
    UNKNOWN_WEBHOOK = "unknown_webhook"
    UNKNOWN_POSTING = "unknown_posting"
    WEBHOOK_STATE = "webhook_state"
    UNKNOWN_TOOL = "unknown_tool"
    TRIGGER_STATE = "trigger_state"
    UNKNOWN_PAGE = "unknown_page"
    UNKNOWN_REVISION = "unknown_revision"
    HANDED_OVER = "handed_over"
    PAGE_EXISTS = "page_exists"
    UNKNOWN_PICTURE = "unknown_picture"
    UNREADABLE_PICTURE = "unreadable_picture"
    UNKNOWN_LINK = "unknown_link"
    EVENT_EXISTS = "event_exists"
    EVENT_IN_PAST = "event_in_past"
    EVENT_CANCELLED = "event_cancelled"
    EVENT_FINISHED = "event_finished"
    EVENT_FULL = "event_full"
    SEQUENCE_MISMATCH = "sequence_mismatch"
    IDEMPOTENCY_CONFLICT = "idempotency_conflict"
    CAMPAIGN_STATE = "campaign_state"
    HELD_ACTION_STATE = "held_action_state"
    CONFIRM_TOKEN_INVALID = "confirm_token_invalid"
    # who asks, and for whom
    NOT_ALLOWED = "not_allowed"
    NOT_OWNER = "not_owner"  # of records made before an event of somebody else was as unknown as none
    NOT_THE_PROPOSER = "not_the_proposer"
    ORGANIZER_SUSPENDED = "organizer_suspended"
    ORGANIZER_NOT_ALLOWED = "organizer_not_allowed"
    OUT_OF_BOUNDS = "out_of_bounds"
    KEY_ENDED = "key_ended"
    ATTENDEE_BLOCKED = "attendee_blocked"
    ADDRESS_SUPPRESSED = "address_suppressed"
    INVITE_LIMIT_REACHED = "invite_limit_reached"
    EVENT_LIMIT_REACHED = "event_limit_reached"
    FREE_TRIAL_ENDED = "free_trial_ended"
    ORDER_RETURNED = "order_returned"
    DATA_REQUESTED = "data_requested"
    PERSON_LIMIT = "person_limit"
    INVITE_WITHDRAWN = "invite_withdrawn"
    FORGOTTEN = "forgotten"
    # rows of an uploaded list
    DUPLICATE_ROW = "duplicate_row"
    ALREADY_INVITED = "already_invited"
    MISSING_UID = "missing_uid"
    CSV_NO_HEADER = "csv_no_header"
    CSV_UNREADABLE = "csv_unreadable"
    PATH_NOT_READABLE = "path_not_readable"
    # calendars that are imported
    URL_NOT_ALLOWED = "url_not_allowed"
    URL_NOT_READABLE = "url_not_readable"
    CALENDAR_SHRUNK = "calendar_shrunk"
    # mail that came in
    UNREADABLE_MAIL = "unreadable_mail"
    TOO_COSTLY = "too_costly"
    PROCESS_DIED = "process_died"
    ENCRYPTED_MAIL = "encrypted_mail"
    TNEF_UNREADABLE = "tnef_unreadable"
    NO_CALENDAR = "no_calendar"
    INVALID_CALENDAR = "invalid_calendar"
    NOT_AN_EVENT = "not_an_event"
    MISSING_UID_IN_CALENDAR = "missing_uid_in_calendar"
    UNSUPPORTED_METHOD = "unsupported_method"
    NO_LIST = "no_list"
    NO_SENDER = "no_sender"
    FOR_OPERATOR = "for_operator"
    UNKNOWN_TOKEN = "unknown_token"
    UNKNOWN_MAIL = "unknown_mail"
    FIRST_PROOF = "first_proof"
    SENDER_UNAUTHENTICATED = "sender_unauthenticated"
    AUTOMATIC_MAIL = "automatic_mail"
    READ_RECEIPT = "read_receipt"
    STALE = "stale"
    UNKNOWN_INSTANCE = "unknown_instance"
    TOO_SOON = "too_soon"
    TOO_MANY = "too_many"
    BUSY = "busy"
    NO_CHANGE = "no_change"
    # what systems of record post
    INVALID_RULE = "invalid_rule"
    INVALID_PAYLOAD = "invalid_payload"
    LOOP = "loop"
    LOOKUP_FAILED = "lookup_failed"
    GONE = "gone"
    FAILING = "failing"
    # what became of a message
    TAKEN_BACK = "taken_back"
    SUPERSEDED = "superseded"
    CAMPAIGN_CANCELLED = "campaign_cancelled"
    REJECTED_BY_SERVER = "rejected_by_server"
    RETRIES_EXHAUSTED = "retries_exhausted"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    RENDER_FAILED = "render_failed"
    DISK_FULL = "disk_full"
    PACKAGE_MISSING = "package_missing"
    INTERNAL = "internal"


class Refused(Exception):  # noqa: N818 -- a refusal is an answer, not a fault
    """A request that is turned down: nothing was changed and nothing will be sent.

    `code` is for programs, `message` says what is wrong, `hint` what to do next; `bound`: of OUT_OF_BOUNDS, which.
    """

    def __init__(self, code: Code, message: str, hint: str = "", bound: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.bound = bound

    def __reduce__(self) -> tuple[type[Refused], tuple[Code, str, str, str]]:
        return type(self), (self.code, self.message, self.hint, self.bound)

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()
