"""What one transaction of the writer accepts: each request checked in order, stamped, and written with the others."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from ledger.attachments import ADDED, ERASED, Content
from ledger.checks import check, look_up
from ledger.event import CORRECTED, RETRACTED, Event, state_of, text_of
from ledger.head import Head, member_of
from ledger.log.entry import ENTRY_BYTES, entry_bytes
from ledger.refusals import Problem, Reason, Refusal, refuse
from ledger.requests import Accepted, Job, NotTried, Outcome, Request
from ledger.store import Answer, Entry, Stored, StoreError, WriteTransaction

# Bytes in a leaf of the log: of a character at most, as JSON escapes it, and of what stands around the texts.
LONGEST_CHARACTER, ENTRY_AROUND = 6, 100


class DryRun(Exception):
    """Leaves the transaction without writing."""


class Group:
    """What one transaction accepts, in order, and the answer to each job."""

    _transaction: WriteTransaction
    _first: dict[str, Answer | None]  # by key, as stored

    def __init__(self, records: Head, forbidden: Callable[[], str | None]) -> None:
        self._records = records
        self._forbidden = forbidden
        self.position = 0
        self.outcomes: list[list[Outcome] | Exception] = []
        self._entries: list[Entry] = []
        self._more_keys: list[tuple[str, int]] = []
        self._answers: dict[str, Answer] = {}
        self._contents: dict[str, Content] = {}  # by the event that adds it
        self._last_stamp = datetime.min.replace(tzinfo=UTC)

    def take(self, transaction: WriteTransaction, jobs: Sequence[Job]) -> None:
        """Answer every job and write what it accepts: events, index and answers in the one transaction."""
        self._transaction = transaction
        self._records.begin(transaction)
        self.position = transaction.head
        if transaction.last_recorded_at is not None:
            self._last_stamp = datetime.fromisoformat(transaction.last_recorded_at)
        self._look_up([request for job in jobs for request in job.requests])
        for job in jobs:
            mark = self._mark()
            try:
                self.outcomes.append(self._outcomes(job))
            except (StoreError, DryRun):
                raise
            except Exception as error:  # a fault of ours in one job must not take the others down
                self._undo(mark)
                self.outcomes.append(error)
            if job.dry_run:
                self.position = transaction.head
                raise DryRun
        if self._entries:
            transaction.append(
                self._entries,
                self._more_keys,
                list(self._answers.values()),
                list(self._contents.values()),
                [json.loads(one.state)["data"]["attachment"] for one in self._entries if one.type == ERASED],
            )

    def _look_up(self, requests: Sequence[Request]) -> None:
        """Ask the store at once for what the checks of all these requests would ask it for one by one."""
        look_up(self._records, [one for asked in requests for one in zip(asked.events, asked.ids, strict=True)])
        keys = dict.fromkeys(request.key for request in requests if request.key is not None)
        self._first = {**dict.fromkeys(keys), **self._transaction.answers(keys)}

    def kept(self, transaction: WriteTransaction) -> bool:
        """Whether this group's commit was kept after all; it is all there or nothing of it."""
        if not self._entries:
            return True
        # The id alone won't do: whoever sent the event may have sent it through another server too. Our stamp is in
        # the state.
        stored = transaction.by_id(self._entries[0].event_id)
        return stored is not None and stored.state == self._entries[0].state

    def _outcomes(self, job: Job) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for request in job.requests:
            if job.stop and outcomes and not isinstance(outcomes[-1], Accepted):
                outcomes.append(NotTried())
                continue
            mark = self._mark()
            try:
                outcomes.append(self._accept(request))
            except Refusal as refusal:
                self._undo(mark)
                outcomes.append(refusal)
        return outcomes

    def _accept(self, request: Request) -> Accepted:
        key, first = self._key(request)
        if first is not None:
            return self._repeat(first, request)
        if (why := self._forbidden()) is not None:
            raise refuse(Reason.READ_ONLY, "", why, "nothing was written: docs/operations.md says how to go on")
        events, warnings = [], []
        for index, (event, event_id) in enumerate(zip(request.events, request.ids, strict=True)):
            try:
                found = self._append(event, event_id, request, check_version=index == 0)
            except Refusal as refusal:
                raise refusal.under(f"/{index}") from None
            events.append({"id": event_id, "position": self.position, "type": event.type})
            warnings += [
                {"event": event_id, "pointer": one.pointer, "detail": one.detail, "mend": one.mend} for one in found
            ]
        if key is not None:
            told = Answer.told(self.position, events, warnings)
            self._answers[key] = Answer(key, request.body_sha256, told, self.position)
        return Accepted(self.position, events, warnings)

    def _key(self, request: Request) -> tuple[str | None, Answer | None]:
        """The key that the request goes by, and what was answered under it.

        A key whose events are gone has had its time, and the next one is made from it.
        """
        key, generation = request.key, 1
        while key is not None and (first := self._first_answer(key)) is not None:
            if not request.while_it_stands or self._stands(first):
                return key, first
            generation += 1
            key = f"{request.key}~{generation}"
        return key, None

    def _repeat(self, first: Answer, request: Request) -> Accepted:
        answer = json.loads(first.answer)
        same = first.body_sha256 == request.body_sha256
        if same and request.content is not None:
            # The digest leaves the bytes out, since it can't be erased.
            same = self._first_bytes(answer["events"][0]["id"]) == request.content.bytes
        if not same:
            raise refuse(
                Reason.KEY_REUSED,
                "",
                "this Idempotency-Key came before with another body, or what came with it is erased",
                "send the first body again, or use a new key for a new request",
            )
        return Accepted(answer["position"], answer["events"], answer["warnings"], repeated=True)

    def _first_bytes(self, event_id: str) -> bytes | None:
        held = self._contents.get(event_id)
        if held is None and (stored := self._transaction.by_id(event_id)) is not None:
            held = self._transaction.content(json.loads(stored.state)["data"]["attachment"])
        return None if held is None else held.bytes

    def _stands(self, first: Answer) -> bool:
        return any(self._records.stands(event["id"]) for event in json.loads(first.answer)["events"])

    def _first_answer(self, key: str) -> Answer | None:
        if key not in self._first:
            self._first[key] = self._transaction.answer(key)
        return self._answers.get(key) or self._first[key]

    def _append(self, event: Event, event_id: str, request: Request, *, check_version: bool) -> Sequence[Problem]:
        now = max(datetime.now(UTC), self._last_stamp + timedelta(microseconds=1))
        if check_version and request.if_match is not None:
            self._check_version(event, event_id, request.if_match)
        admitted = check(self._records, event, event_id, now.date())
        version = self._records.version(admitted.stream)
        stamp = now.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
        state = state_of(event, event_id, admitted.effective, admitted.known, stamp, request.origin)
        text = text_of(state)
        entry = Entry(admitted.stream, version + 1, event.type, text, event_id, admitted.chain, admitted.keys)
        _check_size(entry)
        self.position += 1
        stored = Stored(self.position, entry.stream, entry.version, entry.type, text, event_id, entry.chain)
        self._records.accept(stored, admitted.keys, admitted.moved, admitted.moved_to, member_of(stored, state))
        self._entries.append(entry)
        warnings = list(admitted.warnings)
        if request.content is not None:
            self._contents[event_id] = request.content
        elif event.type == ADDED and self._transaction.content(event.data["attachment"]) is None:
            warnings.append(_without_bytes(event.data["attachment"]))
        self._more_keys += [(key, earlier.position) for key in admitted.moved_to for earlier in admitted.moved]
        self._last_stamp = now
        return warnings

    def _check_version(self, event: Event, event_id: str, expected: int) -> None:
        """Whoever decided on an older version is told that first: what the rules would say may follow from it."""
        stream = event.model.stream(event.data, event_id)
        if event.type in (CORRECTED, RETRACTED) and (target := self._records.event(event.data["event"])) is not None:
            stream = target.stream
        version = self._records.version(stream)
        if version != expected:
            raise refuse(
                Reason.VERSION_MISMATCH,
                "",
                f"{stream} is at version {version}, not {expected}",
                "read the record again and decide anew",
            )

    def _mark(self) -> tuple[int, int, int, int, datetime]:
        return len(self._entries), len(self._more_keys), len(self._answers), self.position, self._last_stamp

    def _undo(self, mark: tuple[int, int, int, int, datetime]) -> None:
        """Take back what a request did before it was refused, or a whole job before it failed."""
        entries, more_keys, answers, self.position, self._last_stamp = mark
        gone = [entry.event_id for entry in self._entries[entries:]]
        self._records.withdraw(gone)
        for event_id in gone:
            self._contents.pop(event_id, None)
        del self._entries[entries:], self._more_keys[more_keys:]
        for key in list(self._answers)[answers:]:
            del self._answers[key]


def _without_bytes(attachment: str) -> Problem:
    return Problem(
        Reason.UNKNOWN_RECORD,
        "/data/hash",
        f"the log takes the hash of {attachment}; its salt and bytes are not in this ledger",
        "keep them where they are; a document comes in with its bytes by POST /v1/attachments or `dealledger attach`",
    )


def _check_size(entry: Entry) -> None:
    """Refuse what would not fit a leaf of the log."""
    if LONGEST_CHARACTER * (len(entry.state) + len(entry.stream) + len(entry.type)) < ENTRY_BYTES - ENTRY_AROUND:
        return
    size = len(entry_bytes(entry.stream, entry.version, entry.type, entry.state))
    if size > ENTRY_BYTES:
        raise refuse(
            Reason.TOO_LARGE,
            "",
            f"the event takes {size} bytes, and the log {ENTRY_BYTES}",
            "shorten its texts, or split what it says over several events",
        )
