"""Traffic: senders that give commands of all kinds over HTTP, each until it is answered, and note the answers."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event, Lock, Thread
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

import httpx
import jwt

from api.settings import AuthSettings
from tests.support.client import Client, document_of
from tests.support.customer import Customer

ANSWERED_WITHIN = 90.0  # seconds, over all tries
_PAUSE = 0.05  # before another try


class UnavailableError(Exception):
    """It was answered that whether this was done is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    field: str
    given: dict[str, Any]

    @property
    def key(self) -> str:
        return str(self.given["idempotencyKey"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a command was answered in the end: `kind` names the receipt or the refusal; `seconds` are the last try's.

    `failures` says what became of the tries before that: the name of an exception.
    """

    command: Command
    kind: str
    failures: tuple[str, ...]
    seconds: float

    @property
    def tries(self) -> int:
        return len(self.failures) + 1

    @property
    def accepted(self) -> bool:
        return self.kind.endswith("Accepted")


@dataclass(slots=True, kw_only=True)
class Sender:
    """One client of one API; a command that is not answered there goes to the next one, with the same key."""

    urls: Sequence[str]
    customer: Customer
    a_second: float
    token: str
    timeout: float
    answered: list[Answered] = field(default_factory=list)  # appended to, and never otherwise changed
    unanswered: list[Command] = field(default_factory=list)
    sending: Lock = field(default_factory=Lock)

    def work(self, enough: Event) -> None:
        with httpx.Client(timeout=self.timeout) as http:
            while not enough.is_set():
                with self.sending:
                    self._send(http, with_key(*self.customer.wants()))
                sleep(1 / self.a_second)

    def _send(self, http: httpx.Client, command: Command) -> None:
        document, until, failures = document_of(command.field), monotonic() + ANSWERED_WITHIN, list[str]()
        while monotonic() < until:
            began = monotonic()
            try:
                kind = self._try(http, self.urls[len(failures) % len(self.urls)], document, command)
            except (httpx.TransportError, UnavailableError) as error:
                failures.append(type(error).__name__)
                sleep(_PAUSE)
                continue
            seconds = monotonic() - began
            self.answered.append(Answered(command=command, kind=kind, failures=tuple(failures), seconds=seconds))
            if kind.endswith("Accepted"):
                self.customer.note(command.field, command.given)
            return
        self.unanswered.append(command)

    def _try(self, http: httpx.Client, url: str, document: str, command: Command) -> str:
        """Return what is answered; raise where nothing is, or that whether it was done is not known."""
        sender = Client(http=http, url=url, token=self.token)
        answer = sender.post(document, input=command.given).json()
        if "errors" in answer:
            codes = {error["extensions"]["code"] for error in answer["errors"]}
            assert codes == {"UNAVAILABLE"}, answer
            raise UnavailableError
        return str(answer["data"][command.field]["__typename"])


@dataclass(slots=True, kw_only=True)
class Traffic:
    senders: Sequence[Sender]

    def answered(self) -> list[Answered]:
        return [each for sender in self.senders for each in list(sender.answered)]

    def answered_since(self, counts: Sequence[int]) -> list[Answered]:
        """Return what was answered after `counts()` gave these."""
        pairs = zip(self.senders, counts, strict=True)
        return [each for sender, count in pairs for each in sender.answered[count:]]

    def counts(self) -> list[int]:
        """Return how many commands each sender had answered so far."""
        return [len(sender.answered) for sender in self.senders]

    def accepted(self) -> set[str]:
        """Return the keys of the commands that were acknowledged."""
        return {each.command.key for each in self.answered() if each.accepted}

    def refused(self) -> set[str]:
        return {each.command.key for each in self.answered() if not each.accepted}

    def unanswered(self) -> list[Command]:
        return [command for sender in self.senders for command in sender.unanswered]

    def count(self) -> int:
        return sum(self.counts())

    def kinds(self) -> Counter[str]:
        """Count what was accepted, by command."""
        return Counter(each.command.field for each in self.answered() if each.accepted)

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Let all senders wait, once what they send is answered."""
        with ExitStack() as stack:
            for sender in self.senders:
                stack.enter_context(sender.sending)
            yield


@contextmanager
def traffic(
    urls: Sequence[str], *, senders: int, a_second: float, seed: int = 1, timeout: float = 15
) -> Iterator[Traffic]:
    """Give about `a_second` commands a second in all while the block runs; a dead sender fails it.

    `timeout`: seconds of silence after which a sender asks the next API.
    """
    found = Traffic(
        senders=[
            Sender(
                urls=[*urls[place % len(urls) :], *urls[: place % len(urls)]],
                customer=Customer(chance=random.Random(seed * 1000 + place)),
                a_second=a_second / senders,
                token=staff_token(),
                timeout=timeout,
            )
            for place in range(senders)
        ]
    )
    enough, failed = Event(), list[BaseException]()

    def work(sender: Sender) -> None:
        try:
            sender.work(enough)
        except BaseException as error:  # noqa: BLE001 - it is raised below, by the one who looks
            failed.append(error)

    threads = [Thread(target=work, args=(sender,), daemon=True) for sender in found.senders]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        enough.set()
        for thread in threads:
            thread.join()
    if failed:
        raise failed[0]


def staff_token() -> str:
    """Return a token that holds whether a clock is two days ahead or behind."""
    auth, now = AuthSettings(), datetime.now(UTC)
    claims = {"sub": "tests", "role": "staff", "iss": auth.issuer, "aud": auth.audience}
    times = {"iat": now - timedelta(days=3), "exp": now + timedelta(days=3)}
    return jwt.encode(claims | times, auth.secret, algorithm="HS256")


def with_key(field: str, given: dict[str, Any]) -> Command:
    return Command(field=field, given={**given, "idempotencyKey": uuid4().hex})
