"""One folder of an IMAP account, open: blocking calls in the words of the source (RFC 9051)."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from engine.inbox.sources.account import ImapAccount
from engine.inbox.sources.patience import SourceFault
from engine.model.base import Value

if TYPE_CHECKING:
    from imapclient import IMAPClient

_CONNECT_S = 20.0
_ANSWER_S = 60.0
_CLOSE_S = 2.0
_WINDOW = 50_000
"""UIDs a search spans: imaplib gives up on an answer of more than a million bytes."""
_DONE_FOLDER = ("CIS", "done")
_KEYWORD = b"$CisDone"
_BYTES = re.compile(r"b(['\"])(.*)\1")
_SEEN, _DELETED, _FLAGGED = b"\\Seen", b"\\Deleted", b"\\Flagged"


class Unmarked(Exception):  # noqa: N818 -- mails are in; the server would not have them marked
    """The server refused to mark mails as done, in words that hold no password and no address."""


class FetchRefused(Exception):  # noqa: N818 -- the server's answer, not a fault of ours
    """The server refused to hand mails over, in words that hold no password and no address."""


class FolderMail(Value):
    """A mail in the folder: its size in bytes and its time of arrival in seconds, 0 where the server says none."""

    uid: int
    size: int
    arrived: int


class ImapFolder:
    """A connection with the folder selected. All methods block, and raise SourceFault if the connection is lost.

    One thread at a time may call; `close` may be called meanwhile, by another.
    """

    def __init__(self, account: ImapAccount) -> None:
        self._account = account
        self._client: IMAPClient | None = None
        self._closed = False
        self._busy = threading.Lock()
        self._done_folder = ""
        self.validity = 0
        self.idles = False
        """True if the server tells of new mail by itself (RFC 2177)."""

    def open(self) -> None:
        """Connect, log in, select the folder, and see to it that mails can be marked there."""
        with self._guarded():
            self._client = self._connected()
            client = self._open_client()
            self._login(client)
            self.idles = bool(client.has_capability("IDLE"))
            self._select(client)
            if self._account.done == "move":
                self._done_folder = _made(client)

    def _connected(self) -> IMAPClient:
        from imapclient import SocketTimeout

        from engine.inbox.sources.idling import IdlingClient

        account = self._account
        context = None if account.tls == "off" else account.trust()
        client: IMAPClient = IdlingClient(
            account.host,
            account.port,
            ssl=account.tls == "on",
            ssl_context=context,
            timeout=SocketTimeout(connect=_CONNECT_S, read=_ANSWER_S),
        )
        client.normalise_times = False
        if account.tls == "starttls":
            try:
                client.starttls(context)
            except BaseException:
                client.shutdown()
                raise
        return client

    def _login(self, client: IMAPClient) -> None:
        account = self._account
        if (account.user + account.password).isascii():
            client.login(account.user, account.password)
        else:
            client.plain_login(account.user, account.password)

    def _select(self, client: IMAPClient) -> None:
        answer = client.select_folder(self._account.folder)
        self.validity = int(answer.get(b"UIDVALIDITY", 0))
        keeps = {flag.lower() for flag in answer.get(b"PERMANENTFLAGS", ())}
        if self._account.done == "flag" and not keeps & {b"\\*", _KEYWORD.lower()}:
            raise SourceFault("the server keeps no keywords there; use done=move or done=delete")

    def new(self, above: int, most: int) -> list[int]:
        """The first UIDs above `above` that are not marked, at most `most`."""
        with self._speaking() as client:
            last = max(client.search(["UID", "*"]), default=0)
            for first in range(above + 1, last + 1, _WINDOW):
                found = client.search(["UID", f"{first}:{first + _WINDOW - 1}", *self._unmarked()])
                if found:
                    return sorted(found)[:most]
        return []

    def left(self, above: int, upto: int, most: int) -> list[int]:
        """The first UIDs up to `upto` that may have to be marked and are not, as after a crash; at most `most`.

        Among them are mails that were left for a person, who has taken the flag off again.
        """
        first = max(above + 1, upto - _WINDOW)
        if first > upto:
            return []
        with self._speaking() as client:
            found = client.search(["UID", f"{first}:{upto}", "UNFLAGGED", *self._unmarked()])
        return sorted(found)[:most]

    def _unmarked(self) -> list[str]:
        return ["UNDELETED", *(["UNKEYWORD", _KEYWORD.decode()] if self._account.done == "flag" else [])]

    def measured(self, uids: Sequence[int]) -> list[FolderMail]:
        """The sizes and times of mails, by UID; those that are gone are left out."""
        with self._speaking() as client:
            found = _measures(client, uids)
            # Once more for what was left out: a mail whose time is told another day would be taken for another mail.
            if unsaid := [uid for uid in uids if b"INTERNALDATE" not in found.get(uid, {})]:
                again = _measures(client, unsaid)
                found |= {uid: {**found.get(uid, {}), **said} for uid, said in again.items()}
            missing = [str(uid) for uid in uids if b"RFC822.SIZE" not in found.get(uid, {})]
            still = set(client.search(["UID", ",".join(missing)])) if missing else set()
        return [
            FolderMail(uid=uid, size=int(said.get(b"RFC822.SIZE", 0)), arrived=_seconds(said))
            for uid in sorted(set(uids))
            if b"RFC822.SIZE" in (said := found.get(uid, {})) or uid in still
        ]

    def fetched(self, uids: Sequence[int], most: int) -> dict[int, bytes]:
        """The mails, each cut off after `most` bytes, whatever size the server said; none becomes seen.

        Those that are gone are left out. Raises FetchRefused.
        """
        with self._asking(FetchRefused) as client:
            answer = client.fetch(uids, [f"BODY.PEEK[]<0.{most}>"])
            found = {uid: answer[uid].get(b"BODY[]<0>") for uid in uids if uid in answer}
            raws = {uid: raw for uid, raw in found.items() if raw}
            missing = [str(uid) for uid in uids if uid not in raws]
            if missing and client.search(["UID", ",".join(missing)]):
                raise FetchRefused("its content did not come")
        return raws

    def mark_done(self, uids: Sequence[int]) -> None:
        """Mark mails as the account says. Raises Unmarked."""
        with self._asking(Unmarked) as client:
            if self._account.done == "flag":
                client.add_flags(uids, [_SEEN, _KEYWORD], silent=True)
                return
            client.add_flags(uids, [_SEEN], silent=True)
            if self._account.done == "move" and client.has_capability("MOVE"):
                client.move(uids, self._done_folder)
                return
            if self._account.done == "move":
                client.copy(uids, self._done_folder)
            client.add_flags(uids, [_DELETED], silent=True)
            # Without UIDPLUS an EXPUNGE would also take what others have marked; it is left to them.
            if client.has_capability("UIDPLUS"):
                client.uid_expunge(uids)

    def mark_left(self, uids: Sequence[int]) -> None:
        """Mark mails that stay where they are for a person to see. Raises Unmarked."""
        with self._asking(Unmarked) as client:
            client.add_flags(uids, [_FLAGGED], silent=True)

    def idle(self, seconds: float) -> None:
        """Return when the server tells of something, or when `seconds` are over."""
        with self._speaking() as client:
            client.idle()
            until = time.monotonic() + seconds
            responses = client.idle_check(0)
            while not _news(responses) and (left := until - time.monotonic()) > 0:
                responses = client.idle_check(left)
                if not responses:
                    break  # time is up, or the connection is gone, which DONE shows
            client.idle_done()
            _refuse_warning(responses)

    def close(self) -> None:
        """Hang up, also on a call that is under way."""
        self._closed = True
        client = self._client
        if client is None:
            return
        with suppress(OSError):
            client.socket().shutdown(socket.SHUT_RDWR)
        if self._busy.acquire(timeout=_CLOSE_S):
            with suppress(OSError):
                client.shutdown()
            self._busy.release()

    def _open_client(self) -> Any:
        if self._client is None or self._closed:
            raise SourceFault("the connection is closed")
        return self._client

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Whatever goes wrong is a Fault in the server's words, without secrets."""
        from imapclient.exceptions import IMAPClientError

        with self._busy:
            try:
                yield
            except (
                IMAPClientError,
                OSError,
                ValueError,
                LookupError,
                TypeError,
                AttributeError,
                AssertionError,
            ) as error:  # fmt: skip -- whatever the library trips over, the server is to blame
                raise SourceFault(self._message(error)) from None
            finally:
                if self._closed and self._client is not None:
                    with suppress(OSError):
                        self._client.shutdown()

    @contextmanager
    def _speaking(self) -> Iterator[Any]:
        with self._guarded():
            yield self._open_client()

    @contextmanager
    def _asking(self, refused: type[Unmarked | FetchRefused]) -> Iterator[Any]:
        """As `_speaking`, where a NO of the server raises `refused`."""
        from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

        with self._speaking() as client:
            try:
                yield client
            except IMAPClientAbortError:
                raise
            except IMAPClientError as error:
                raise refused(self._message(error)) from None

    def _message(self, error: BaseException) -> str:
        """What went wrong, as one line for the log."""
        words = str(error) or "no answer in time"
        if isinstance(error, OSError) and error.strerror:
            words = error.strerror
        message = self._account.without_secrets(_BYTES.sub(r"\2", words))
        return f"the login is refused: {message}" if type(error).__name__ == "LoginError" else message


def _made(client: IMAPClient) -> str:
    """The folder for what is done, made where it is missing; named as this server names folders."""
    prefix, delimiter = "", "/"
    if client.has_capability("NAMESPACE") and (personal := client.namespace().personal):
        prefix, delimiter = personal[0][0], personal[0][1] or "/"
    name = prefix + delimiter.join(_DONE_FOLDER)
    if not client.folder_exists(name):
        client.create_folder(name)
    return name


def _refuse_warning(responses: Sequence[Any]) -> None:
    """Raises SourceFault if the server warned of something (an untagged NO or BAD: RFC 9051, 7.1).

    Whoever watches a folder that was taken away is warned hundreds of times a second, and sees no mail of a new one.
    """
    for response in responses:
        if response[0] in (b"NO", b"BAD"):
            words = response[-1] if isinstance(response[-1], bytes) else b""
            raise SourceFault(f"the server warned: {words[:200].decode(errors='replace')}")


def _news(responses: Sequence[Any]) -> bool:
    """True if the server told of more than that it is still there."""
    return any(response[0] != b"OK" for response in responses)


def _measures(client: IMAPClient, uids: Sequence[int]) -> dict[int, dict[bytes, Any]]:
    answer = client.fetch(uids, ["RFC822.SIZE", "INTERNALDATE"])
    return {uid: answer[uid] for uid in uids if uid in answer}


def _seconds(answer: dict[bytes, Any]) -> int:
    """INTERNALDATE, which stays the same for as long as the UID does; 0 if the server gives none."""
    arrived = answer.get(b"INTERNALDATE")
    return max(0, int(arrived.timestamp())) if isinstance(arrived, datetime) else 0
