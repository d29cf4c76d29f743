"""Asking a copy of the log: a ledger of its entries alone gives the answers that a bundle has, to the byte."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

from api.cli.bundling import asking, is_pinned
from api.cli.ledgers import follow, opened
from ledger.columns import AMENDING, id_of, named_in, state_of
from ledger.log.bundle import ANSWERS
from ledger.log.entry import parse_entry
from ledger.log.files import Files
from ledger.log.tiles import WIDTH, bundles, split_bundle
from ledger.log.verify import Kind, NotVerified
from ledger.store import Entry, open_store

_NAME = re.compile(r"([1-9][0-9]{0,8})\.(address|json)")


def check_answers(files: Files, size: int, answers: Mapping[str, bytes]) -> int:
    """How many there are in a bundle, by the names of their files, each with the address of its question. Raises
    NotVerified unless a ledger of the log's events gives each of them again, to the byte."""
    asked = _asked(answers)
    for (number, address), again in zip(asked, replayed(files, size, [address for _, address in asked]), strict=True):
        if again != answers[f"{number}.json"]:
            raise NotVerified(Kind.ANSWER, f"the answer to {address} isn't what follows from the events")
    return len(asked)


def _asked(answers: Mapping[str, bytes]) -> list[tuple[int, str]]:
    """The number and the question of each answer."""
    numbers = set()
    for name in answers:
        match = _NAME.fullmatch(name)
        if match is None:
            raise NotVerified(Kind.MALFORMED, f"{ANSWERS}/{name[:100]} is neither an answer nor its question")
        numbers.add(int(match[1]))
    for number in sorted(numbers):
        for lacking in {f"{number}.address", f"{number}.json"} - answers.keys():
            raise NotVerified(Kind.ANSWER, f"there is no {ANSWERS}/{lacking}")
    asked = [(number, answers[f"{number}.address"].decode(errors="replace").strip()) for number in sorted(numbers)]
    for _, address in asked:
        if not is_pinned(address):
            raise NotVerified(Kind.ANSWER, f"{address[:100]} is no pinned question")
    return asked


def replayed(files: Files, size: int, addresses: list[str]) -> Iterator[bytes]:
    """What a ledger of this log's entries alone answers at these addresses."""
    with tempfile.TemporaryDirectory(prefix="dealledger-") as temporary:
        folder = Path(temporary)
        with closing(open_store(folder, None)) as store, store.write() as transaction:
            transaction.append(list(_entries(files, size)))
        with opened(folder, make=True, log_in_folder=True) as service:
            follow(service)
            get = asking(service)
            for address in addresses:
                yield get(address).content


def _entries(files: Files, size: int) -> Iterator[Entry]:
    """The events as a store takes them: which fact each is of follows from what it corrects or retracts."""
    facts: dict[str, str] = {}
    for bundle in bundles(size):
        for place, entry in enumerate(split_bundle(files.read(bundle.path), bundle.width), 1):
            leaf = parse_entry(entry)
            state = state_of(leaf)
            event_id = id_of(leaf, state)
            fact = facts.get(named_in(state) or "") if leaf.type in AMENDING else event_id
            if event_id is None or fact is None:
                position = bundle.index * WIDTH + place
                raise NotVerified(Kind.ORDER, f"position {position} holds no event that a ledger can be made of")
            facts[event_id] = fact
            yield Entry(leaf.stream, leaf.version, leaf.type, leaf.state, event_id, fact, (leaf.stream,))
