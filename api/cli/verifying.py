"""`dealledger verify`: everything that a log claims is checked, and nothing that it says is believed."""

from __future__ import annotations

import json
import os
from contextlib import closing
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.progress import Progress

from api.cli.ledgers import Data, Url
from api.cli.places import Place, place_of
from api.cli.replaying import check_answers
from api.cli.talking import Exit, fail, failures_told, messages, say, shown, tell
from ledger.answered import check_answers as check_kept_answers
from ledger.columns import Misplaced, check_columns, check_keys
from ledger.log.bundle.proofs import check_proofs
from ledger.log.checkpoint import Checkpoint
from ledger.log.files import CHECKPOINT, Files, NotThere
from ledger.log.note import Note, NotSigned, VerifierKey, encoded, parse_signatures, parse_verifier_key
from ledger.log.remade import Fault, check_root, remade
from ledger.log.tiles import Malformed
from ledger.log.verify import Kind, NotVerified, Seen, Verified, keys_of
from ledger.log.verify import verify as verify_log
from ledger.store import Store, TreeDamaged
from ledger.vouched import NotVouched, vouched
from projections.comparing import differing
from projections.database import ReadModel
from projections.follower import Follower


@dataclass
class Cosignatures:
    """How many are kept of all checkpoints."""

    right: int = 0
    """By witnesses whose keys are known here."""
    unknown: int = 0
    """By others: who signed these, nobody can tell without their keys."""


@dataclass
class Report:
    """What was found, as `--json` prints it."""

    verified: bool
    kind: str | None = None
    detail: str | None = None
    origin: str | None = None
    key: str | None = None
    size: int | None = None
    root: str | None = None
    keys: list[str] = field(default_factory=list)
    """All keys that signed the log, the newest last; each handed over to the next."""
    old: list[int] = field(default_factory=list)
    """The sizes of the older checkpoints that the log was compared with."""
    witnesses: dict[str, int] = field(default_factory=dict)
    """When each witness signed, in POSIX seconds."""
    cosignatures: dict[str, int] | None = None
    """How many signatures of witnesses are kept of this and of older checkpoints; only a store tells."""
    unsigned: int | None = None
    """Events beyond the checkpoint that fit their leaves; only a store tells."""
    attachments: dict[str, int] | None = None
    """How many have their bytes here, were erased, or came in as a hash alone; only a store tells."""
    read_model: str | None = None
    answers: int | None = None
    """Answers in a bundle that a ledger of its events alone gives again, to the byte."""
    proofs: int | None = None
    """Proofs in a bundle that lead from their event to the log's root."""
    warnings: list[str] = field(default_factory=list)


def verify(
    data: Data = None,
    url: Url = None,
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", help="A folder or a .zip with the log's files, such as `export --bundle` writes."),
    ] = None,
    vkey: Annotated[
        str | None, typer.Option("--vkey", help="The log's public key, or a file with it. `dealledger key` prints it.")
    ] = None,
    old: Annotated[
        list[Path] | None, typer.Option("--old", help="A checkpoint of an earlier time; more than one if you like.")
    ] = None,
    witness: Annotated[
        list[str] | None, typer.Option("--witness", help="The public key of a witness that must have signed.")
    ] = None,
    seen: Annotated[
        Path | None,
        typer.Option(
            "--seen",
            help="The folder that keeps what was verified here, the older checkpoint of the next time. Default:"
            " dealledger in XDG_STATE_HOME or ~/.local/state.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="What was found, as JSON on stdout.")] = False,
) -> None:
    """Check a whole log against its public key and its own past, from a folder, a database, a service or a bundle."""
    if sum(one is not None for one in (data, url, bundle)) > 1:
        fail(Exit.BAD_USAGE, "More than one of --data, --url and --bundle is given.", "Give one of them.")
    remembered = Seen(seen or _state_folder())
    with failures_told(), place_of(data, url, bundle) as place:
        key, warnings = _key(vkey, place)
        witnesses = tuple(_parsed(one) for one in witness or [])
        notes = [path.read_bytes() for path in old or []]
        report = Report(True, origin=key.name, key=str(key), warnings=warnings)
        if place.unready is not None:
            warnings.append(shown(place.unready.says))
        try:
            keys = keys_of(place.files, key).all
            notes += [last for last in map(remembered.checkpoint, keys) if last is not None]
            if not notes:
                warnings.append(
                    "no older checkpoint is known here, so a history that the key's owner rewrote would look right;"
                    " from now on it won't"
                )
            verified = _verified(place.files, key, notes, witnesses, place.witnesses)
            for one in keys:
                remembered.keep(one, verified.signed)
            _fill(report, verified)
            if place.store is not None:
                _check_high_water(place, place.store, verified)
                report.cosignatures = asdict(_check_checkpoints(place.store, verified, (*witnesses, *place.witnesses)))
                _check_store(report, place.store, verified)
                _check_attachments(report, place.store)
            if place.store is not None and place.folder is not None:
                _check_read_model(report, place.store, place.folder)
            if place.proofs:
                report.proofs = check_proofs(place.proofs, verified.signed)
            if place.answers:
                report.answers = check_answers(place.files, verified.signed.checkpoint.size, place.answers)
            if place.unready is not None and place.unready.damaged:
                report.verified, report.kind = False, place.unready.kind
                report.detail = (
                    f"the first {report.size} events are as they were signed, but their service says that its log isn't"
                )
        except NotVerified as error:
            unsigned = error.kind == Kind.MISSING and _is_unsigned(place.files)
            detail = _why_unsigned(bundle, notes, place.high_water) if unsigned else str(error)
            report.verified, report.kind, report.detail = False, str(error.kind), shown(detail)
        except TreeDamaged as error:
            report.verified, report.kind, report.detail = False, str(Kind.TREE), shown(str(error))
        except Fault as error:
            report.verified, report.kind, report.detail = False, str(error.kind), shown(str(error))
    _tell(report, as_json)


def _state_folder() -> Path:
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "dealledger"


# --- the key ------------------------------------------------------------------------------------------------------


def _key(given: str | None, place: Place) -> tuple[VerifierKey, list[str]]:
    """The key to verify with, and a warning if it is the log's own word."""
    if given is not None:
        return _parsed(given), []
    if place.key is None:
        fail(
            Exit.BAD_USAGE,
            "The log's public key is not known.",
            "Give it as --vkey; `dealledger key` prints it where the ledger runs.",
        )
    return _parsed(place.key), ["no --vkey is given, so who signed is taken from where the log is"]


def _parsed(text: str) -> VerifierKey:
    if os.path.isfile(text):
        text = Path(text).read_text()
    try:
        return parse_verifier_key(text.removesuffix("\n"))
    except Malformed as error:
        fail(Exit.BAD_USAGE, f"This is no public key: {error}.", "It is written like name+0a1b2c3d+AQ….")


# --- what is looked at ------------------------------------------------------------------------------------------


def _verified(
    files: Files,
    key: VerifierKey,
    notes: list[bytes],
    asked: tuple[VerifierKey, ...],
    known: tuple[VerifierKey, ...],
) -> Verified:
    """The log, whose checkpoint all witnesses that are asked for have signed; those known may have. Raises
    NotVerified."""
    with Progress(console=messages, transient=True, disable=not messages.is_terminal) as progress:
        task = progress.add_task("Verifying", total=None)
        verified = verify_log(
            files, key, notes, (*asked, *known), lambda done, of: progress.update(task, completed=done, total=of)
        )
    signed = {(one.name, one.key_id) for one in verified.signed.cosignatures}
    if missing := [one.name for one in asked if (one.name, one.id) not in signed]:
        raise NotVerified(Kind.UNSIGNED, f"the checkpoint isn't signed by the witness {missing[0]}")
    return verified


def _is_unsigned(files: Files) -> bool:
    try:
        files.read(CHECKPOINT)
    except NotThere:
        return True
    return False


def _why_unsigned(bundle: Path | None, notes: list[bytes], high_water: bytes | None) -> str:
    """What it means that there is no checkpoint. Ends the command if that is only too early."""
    if bundle is not None:
        return f"{bundle} has no checkpoint of the log, so nothing in it is signed: it isn't all there"
    if notes or high_water is not None:
        return (
            "no checkpoint can be had from the log, and one was signed before: checkpoints were deleted, or can't be"
            " read, or an older state was restored"
        )
    fail(Exit.NOT_READY, "Nothing of this log has been signed yet.", "Start its service, and try again.")


def _fill(report: Report, verified: Verified) -> None:
    checkpoint = verified.signed.checkpoint
    report.size, report.root = checkpoint.size, encoded(checkpoint.root)
    report.keys = [str(one) for one in verified.keys.all]
    report.old = [one.checkpoint.size for one in verified.old]
    report.witnesses = {one.name: one.time for one in verified.signed.cosignatures}


def _check_high_water(place: Place, store: Store, verified: Verified) -> None:
    """What is kept beside the database was not signed of a newer log, or another. Raises NotVerified, Fault."""
    if place.high_water is None:
        return
    try:
        kept = verified.keys.open(place.high_water).checkpoint
    except (Malformed, NotSigned) as error:
        raise NotVerified(Kind.UNSIGNED, f"the high-water file is not one of this log: {error}") from None
    signed = verified.signed.checkpoint.size
    if kept.size > signed:
        raise NotVerified(
            Kind.SHRUNK,
            f"the log is signed up to {signed} events, and the high-water file says that {kept.size} were: an older"
            " state was restored, or checkpoints were deleted",
        )
    check_root(store, kept)


def _check_checkpoints(store: Store, verified: Verified, witnesses: tuple[VerifierKey, ...]) -> Cosignatures:
    """Each checkpoint that is kept was signed by a key of its time, has the log's root at its size, and is found by
    it; what is kept as a witness's signature of it is one, and right where the witness's key is known. Also of those
    that nobody shows any more. Raises NotVerified, Fault."""
    sizes, found = set[int](), Cosignatures()
    for note in store.checkpoints():
        try:
            kept = verified.keys.open(note.encode()).checkpoint
        except (Malformed, NotSigned) as error:
            raise NotVerified(
                Kind.UNSIGNED, f"the database keeps a checkpoint that is none of this log: {error}"
            ) from None
        if kept.size in sizes or store.checkpoint_of(kept.size) != note:
            raise NotVerified(Kind.INDEX, f"the checkpoint of {kept.size} events is kept as that of another size")
        sizes.add(kept.size)
        check_root(store, kept)
        for line in store.cosignatures(kept.size):
            if _is_known(line, kept, witnesses):
                found.right += 1
            else:
                found.unknown += 1
    if (stray := store.stray_cosignature()) is not None:
        raise NotVerified(Kind.INDEX, f"a witness's signature is kept of a checkpoint of {stray} events: there is none")
    return found


def _is_known(line: str, checkpoint: Checkpoint, witnesses: tuple[VerifierKey, ...]) -> bool:
    """Whether one of these witnesses signed it. Raises NotVerified if its signature is wrong, or it is none at all."""
    what = f"what is kept as a witness's signature of the checkpoint of {checkpoint.size} events"
    try:
        return bool(Note(checkpoint.text, parse_signatures(line.encode())).signed_by(witnesses))
    except Malformed as error:
        raise NotVerified(Kind.MALFORMED, f"{what} can't be read: {error}") from None
    except NotSigned as error:
        raise NotVerified(Kind.UNSIGNED, f"{what} is not to be trusted: {error}") from None


def _check_store(report: Report, store: Store, verified: Verified) -> None:
    """What nobody has signed yet fits its leaves at least, and what no leaf covers follows from the events.

    Raises NotVerified, Fault.
    """
    heads, size = store.heads(), verified.signed.checkpoint.size
    if heads.position != heads.leaves:
        raise NotVerified(Kind.TREE, f"the log has {heads.position} events and its tree {heads.leaves} leaves")
    remade(store, size, heads.leaves)
    try:
        check_columns(store)
        check_keys(store)
        check_kept_answers(store)
    except Misplaced as error:
        raise NotVerified(Kind.INDEX, str(error)) from None
    report.unsigned = heads.leaves - size


def _check_attachments(report: Report, store: Store) -> None:
    """What lies beside the log is what the log has the hashes of."""
    try:
        report.attachments = asdict(vouched(store))
    except NotVouched as error:
        raise NotVerified(Kind.ATTACHMENT, str(error)) from None


def _check_read_model(report: Report, store: Store, folder: Path) -> None:
    """The read model that answers holds what follows from the verified events, and nothing else."""
    with (
        TemporaryDirectory(prefix="dealledger-") as temporary,
        closing(ReadModel(Path(temporary))) as fresh,
        closing(ReadModel(folder)) as model,
    ):
        fresh.rebuild(store, "to be compared with")
        Follower(store, model).catch_up()
        if wrong := differing(model, fresh):
            raise NotVerified(
                Kind.READ_MODEL,
                f"the log is as it was signed, but the read model isn't what follows from it: {', '.join(wrong)}."
                " Make it again with `dealledger rebuild`",
            )
        if missed := model.set_aside():
            raise NotVerified(
                Kind.READ_MODEL,
                f"{len(missed)} events can't be applied, so the answers lack them, the first at position"
                f" {missed[0]['position']}: {missed[0]['error']}",
            )
    report.read_model = "what follows from the log"


# --- what is told -----------------------------------------------------------------------------------------------


def _tell(report: Report, as_json: bool) -> None:
    if as_json:
        tell(json.dumps(asdict(report), ensure_ascii=False, indent=2))
    else:
        for warning in report.warnings:
            say(f"Note: {warning}.")
        if report.verified:
            tell(f"Verified: {report.size} events of {report.origin}, root {report.root}.")
            for before, after in pairwise(report.keys):
                tell(f"The key {before} was handed over to {after}.")
            if report.old:
                tell(f"It begins with what was signed at {', '.join(map(str, report.old))} events.")
            for name, time in report.witnesses.items():
                tell(f"The witness {name} signed it at {time}.")
            if report.cosignatures is not None and any(report.cosignatures.values()):
                said = "Of all checkpoints {right} signatures of known witnesses are kept, and {unknown} of others."
                tell(said.format(**report.cosignatures))
            if report.unsigned:
                tell(f"{report.unsigned} later events fit their leaves, and are not signed yet.")
            if report.attachments is not None and any(report.attachments.values()):
                said = "Attachments: {held} are what was attached, {erased} are erased, {missing} are not here."
                tell(said.format(**report.attachments))
            if report.read_model is not None:
                tell(f"The read model is {report.read_model}.")
            if report.proofs is not None:
                tell(f"{report.proofs} proofs lead from their events to the root.")
            if report.answers is not None:
                tell(f"{report.answers} answers follow from the events, to the byte.")
    if not report.verified:
        fail(Exit.FOUND_WRONG, f"NOT VERIFIED ({report.kind}): {report.detail}.")
