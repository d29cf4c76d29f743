"""Asks witnesses to sign a log's newest checkpoint, and keeps what they sign."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
import structlog

from ledger.log.checkpoint import SignedCheckpoint, parse_text
from ledger.log.handovers import rotations
from ledger.log.note import (
    NOTE_BYTES,
    WITNESS,
    NotSigned,
    VerifierKey,
    parse_decimal,
    parse_note,
    parse_signatures,
    parse_verifier_key,
)
from ledger.log.prover import Prover
from ledger.log.tiles import Malformed
from ledger.log.witness import SIZE_TYPE, Request, cosignatures
from ledger.store import Store, StoreError

SECONDS = 10
# Whoever sends a little now and then is given up after so long.
ANSWER_SECONDS = 30
STOP_SECONDS = 3
# How long a witness that failed is left alone: at first, and at most, with twice as long each time between.
FIRST_PAUSE, LAST_PAUSE = 10.0, 600.0


class NotWitnessed(Exception):
    """The witness didn't sign; the message says why. If it answered 409 or 422, the log may have been rewritten."""


@dataclass(frozen=True, slots=True)
class Witness:
    """Somebody who signs: the address below which `add-checkpoint` is, and the public key."""

    url: str
    key: VerifierKey


def ask(client: httpx.Client, witness: Witness, store: Store, prover: Prover, signed: SignedCheckpoint) -> None:
    """Have the witness sign the checkpoint, and keep what it signs. Raises NotWitnessed, and what the store does."""
    size = signed.checkpoint.size
    answer = _post(client, witness, Request(0, (), signed.note))
    if answer.status == httpx.codes.CONFLICT and answer.kind == SIZE_TYPE:
        try:
            last = parse_decimal(answer.text.removesuffix("\n"), size + 1)
        except Malformed:
            raise NotWitnessed(f"it signed {answer.text.strip()[:100]} events before, and the log has {size}") from None
        answer = _post(client, witness, Request(last, tuple(prover.consistency(last, size)), signed.note))
    if answer.status != httpx.codes.OK:
        raise NotWitnessed(f"it answered {answer.status}: {answer.text[:200].strip()}")
    try:
        found = cosignatures(answer.body, signed.checkpoint, [witness.key])
    except (Malformed, NotSigned) as error:
        raise NotWitnessed(str(error)) from None
    with store.write() as transaction:
        for one in found:
            transaction.add_cosignature(size, one.line)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    kind: str | None
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")


def _post(client: httpx.Client, witness: Witness, request: Request) -> _Answer:
    url, body, deadline = f"{witness.url.rstrip('/')}/add-checkpoint", b"", time.monotonic() + ANSWER_SECONDS
    try:
        with client.stream("POST", url, content=request.text.encode(), timeout=SECONDS) as response:
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > NOTE_BYTES or time.monotonic() > deadline:
                    raise NotWitnessed("its answer doesn't come to an end")
            return _Answer(response.status_code, response.headers.get("content-type"), body)
    except httpx.HTTPError as error:
        raise NotWitnessed(f"it did not answer: {type(error).__name__}") from None


# --- now and then -----------------------------------------------------------------------------------------------


def parse_witnesses(text: str) -> tuple[Witness, ...]:
    """`URL VKEY`, several with commas between. Raises ValueError, which says what is wrong with which of them."""
    found: list[Witness] = []
    for one in text.split(","):
        url, _, key = one.strip().partition(" ")
        try:
            witness = Witness(url, parse_verifier_key(key.strip()))
        except Malformed as error:
            raise ValueError(f"{one.strip()[:100]!r} is not an address and a witness's key: {error}") from None
        if urlsplit(url).scheme not in ("http", "https") or witness.key.algorithm != WITNESS:
            raise ValueError(f"{one.strip()[:100]!r} is not an address of http or https and the key of a witness")
        found.append(witness)
    return tuple(found)


@dataclass
class State:
    """Where a witness stands."""

    witness: Witness
    size: int | None = None
    """Of the last checkpoint that it signed, as far as it is known here."""
    failure: str | None = None
    """Why it didn't sign the newest one."""
    pause: float = FIRST_PAUSE
    again: float = 0.0
    """When it is asked again if nothing else happens, on the monotonic clock."""


class Asking:
    """Has some witnesses sign whatever is newest, in a thread of its own: it holds up neither the signer nor requests.

    `newest` gives the log's newest checkpoint, `pause` how long a witness that failed is left alone at first, in
    seconds. `states` may be read at any time.
    """

    def __init__(
        self,
        store: Store,
        newest: Callable[[], SignedCheckpoint | None],
        witnesses: Iterable[Witness],
        pause: float = FIRST_PAUSE,
    ) -> None:
        self._store = store
        self._prover = Prover(store)
        self._newest = newest
        self._pause = pause
        self._woken = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self.states = [State(one, pause=pause) for one in witnesses]

    def start(self) -> None:
        """Ask now, whenever `wake` is called, and again whoever failed; until `stop`."""
        if self.states:
            self._thread = threading.Thread(target=self._run, name="witnesses", daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """There may be a newer checkpoint."""
        self._woken.set()

    def stop(self) -> None:
        """Have what is newest signed, and end the thread; a witness that takes its time isn't waited for."""
        self._stopping = True
        self._woken.set()
        if self._thread is not None:
            self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        with httpx.Client(trust_env=False) as client:
            last = False
            while not last:
                last = self._stopping  # once more, for what was signed in the end
                for state in self.states:
                    self._look(client, state)
                if not last:
                    self._woken.wait(self._pause)
                    self._woken.clear()

    def _look(self, client: httpx.Client, state: State) -> None:
        """Ask this witness if it hasn't signed the newest checkpoint, and wasn't asked in vain a moment ago."""
        signed = self._newest()
        if signed is None or (state.failure is None and state.size == signed.checkpoint.size):
            return
        if state.failure is not None and time.monotonic() < state.again:
            return
        try:
            try:
                self._ask(client, state, signed)
            except NotWitnessed:
                self._ask_for_handover(client, state, signed)
                raise
        except (NotWitnessed, StoreError, Malformed) as error:
            if state.failure != str(error):
                structlog.get_logger("witnesses").warning(
                    "not_witnessed", witness=state.witness.key.name, why=str(error)
                )
            state.failure, state.again = str(error), time.monotonic() + state.pause
            state.pause = min(state.pause * 2, LAST_PAUSE)
        else:
            state.failure, state.pause = None, self._pause

    def _ask(self, client: httpx.Client, state: State, signed: SignedCheckpoint) -> None:
        size, key = signed.checkpoint.size, state.witness.key
        lines = "".join(self._store.cosignatures(size)).encode()
        known = parse_signatures(lines) if lines else ()
        if not any((one.name, one.key_id) == (key.name, key.id) for one in known):
            ask(client, state.witness, self._store, self._prover, signed)
        state.size = size

    def _ask_for_handover(self, client: httpx.Client, state: State, newest: SignedCheckpoint) -> None:
        """A witness that knows only a key of before can sign at least that it gave way; the newest handover that it
        can is the best."""
        notes = [one.note for one in rotations(self._store) if one.note is not None and one.note != newest.note]
        for note in reversed(notes):
            checkpoint = parse_text(parse_note(note.encode()).text)
            with suppress(NotWitnessed):
                return self._ask(client, state, SignedCheckpoint(checkpoint, note))
