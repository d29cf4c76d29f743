"""The file of the read model: whatever happens to it, the answers are the log's; a file that is well is not rebuilt."""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from projections.database import FILE, ReadModel, ReadModelInUse
from projections.follower import Follower
from tests.facts import Fact, commit, correct, draw, entity, ident, invest, mark, rate, retract, stake, usd
from tests.projections.conftest import Books
from tests.projections.logs import ListedLog, log_of

WAL = FILE + ".wal"


def facts(count: int = 400) -> list[Fact]:
    """A bit of everything, with chains."""
    found = [entity("acme"), entity("beta"), commit("pledge", "acme", "beta", usd("1000000")), rate("EUR", "USD", "1")]
    while len(found) < count:
        number = len(found)
        found += [
            invest("acme", "beta", usd(str(number)), units="1", stake=stake("0.001"), id=ident(number)),
            draw("pledge", usd("1")),
            mark("beta", usd(str(number))),
            correct(ident(number), invest("acme", "beta", usd("1")), id=ident(10_000 + number), known="2024-01-01"),
            *([retract(ident(10_000 + number), known="2024-02-01")] if number % 3 else []),
        ]
    return found


LOG = log_of(facts())


def answers(books: Books) -> list[Any]:
    half = LOG.head() // 2
    points: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({}, {}),
        ({"position": half, "known_at": "2024-01-15"}, {"position": half}),
    ]
    return [
        [books.holdings(**times), books.commitments(**times), books.marks("beta", **times), books.trail(**past)]
        for times, past in points
    ]


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """What the log says."""
    books = Books(tmp_path_factory.mktemp("right"), LOG)
    books.follower.catch_up()
    found = answers(books)
    books.model.close()
    assert len(found[0][3].rows) == LOG.head()
    return found


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the file as it is after a clean end."""
    folder = tmp_path_factory.mktemp("closed")
    books = Books(folder, LOG)
    books.follower.catch_up()
    books.model.close()
    assert not (folder / WAL).exists()
    return folder


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the file and its write-ahead log as a killed server leaves them."""
    folder, copy = tmp_path_factory.mktemp("running"), tmp_path_factory.mktemp("killed")
    log = ListedLog()
    books = Books(folder, log)
    books.follower.catch_up()
    for stored in LOG.events:
        log.put(stored.type, stored.state, stored.event_id, stored.stream, stored.chain)
        if stored.position % 20 == 0:
            books.follower.catch_up()
    books.follower.catch_up()
    for path in folder.iterdir():
        shutil.copy(path, copy)
    books.model.close()
    assert (copy / WAL).stat().st_size > 10_000
    return copy


Harm = Callable[[Path], None]


def opened(folder: Path, log: ListedLog, caplog: pytest.LogCaptureFixture) -> tuple[Books, list[str]]:
    """Open what is in the folder and catch up; why it was rebuilt, if it was."""
    caplog.clear()
    books = Books(folder, log)
    with caplog.at_level(logging.INFO, "projections"):
        books.follower.catch_up()
    assert books.follower.failure is None
    return books, [record.getMessage().partition(": ")[2] for record in caplog.records if "rebuilt" in record.msg]


@pytest.fixture
def check(tmp_path: Path, right: list[Any], caplog: pytest.LogCaptureFixture) -> Callable[[Path, Harm], list[str]]:
    """Copy a folder, harm it, open it: the answers must be right. Gives the reason of the rebuild, if there was one."""
    numbers = iter(range(1_000_000))

    def checked(original: Path, harm: Harm) -> list[str]:
        folder = tmp_path / str(next(numbers))
        shutil.copytree(original, folder)
        harm(folder)
        books, reasons = opened(folder, LOG, caplog)
        try:
            assert answers(books) == right
        finally:
            books.model.close()
        shutil.rmtree(folder)
        return reasons

    return checked


Check = Callable[[Path, Harm], list[str]]


def test_a_file_that_is_well_is_opened_as_it_is(check: Check, closed: Path, killed: Path) -> None:
    """The control: neither after a clean end nor after a kill is anything rebuilt."""
    assert check(closed, lambda folder: None) == []
    assert check(killed, lambda folder: None) == []


def test_a_missing_file_is_rebuilt(check: Check, closed: Path, killed: Path) -> None:
    assert check(closed, lambda folder: (folder / FILE).unlink()) == ["there is no file"]
    # Its write-ahead log is of no use then, and not taken for that of the new one.
    assert check(killed, lambda folder: (folder / FILE).unlink()) == ["there is no file"]


def truncate(name: str, share: float) -> Harm:
    def harm(folder: Path) -> None:
        path = folder / name
        with path.open("r+b") as file:
            file.truncate(int(path.stat().st_size * share))

    return harm


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9])
def test_a_truncated_file_is_rebuilt(check: Check, closed: Path, share: float) -> None:
    assert len(check(closed, truncate(FILE, share))) == 1


@pytest.mark.parametrize("share", [0, 0.01, 0.2, 0.37, 0.5, 0.77, 0.9, 0.999])
def test_a_truncated_write_ahead_log_loses_nothing(check: Check, killed: Path, share: float) -> None:
    """DuckDB opens it short, without a word: the position is short as well, and the rest is applied again."""
    check(killed, truncate(WAL, share))


def test_a_write_ahead_log_that_is_gone_loses_nothing(check: Check, killed: Path) -> None:
    check(killed, lambda folder: (folder / WAL).unlink())


def flip(name: str, share: float) -> Harm:
    def harm(folder: Path) -> None:
        path = folder / name
        content = bytearray(path.read_bytes())
        content[int(len(content) * share)] ^= 0x10
        path.write_bytes(content)

    return harm


@pytest.mark.parametrize("places", [10, pytest.param(40, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", [FILE, WAL])
def test_a_flipped_bit_never_changes_an_answer(
    check: Check, closed: Path, killed: Path, name: str, places: int
) -> None:
    """All over the file; where the bit is in use, the file is rebuilt."""
    folder = closed if name == FILE else killed
    shares = [number / places for number in range(places)]
    rebuilt = [share for share in shares if check(folder, flip(name, share))]
    assert len(rebuilt) > len(shares) / 4


@pytest.mark.parametrize("content", [b"", b"\0" * 100_000, b"not a database"])
def test_a_file_that_is_something_else_is_rebuilt(check: Check, closed: Path, content: bytes) -> None:
    def harm(folder: Path) -> None:
        (folder / FILE).write_bytes(content)

    assert len(check(closed, harm)) == 1


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE meta SET version = '0'", "the file is of version"),
        ("DELETE FROM meta", "can't be read"),
        ("DROP TABLE meta", "can't be read"),
        ("DROP TABLE segments", "can't be read"),
        ("DROP VIEW holdings", "can't be read"),
        ("UPDATE meta SET position = position + 1", "ahead of the log"),
        ("UPDATE meta SET position = position - 1", "of another log"),
    ],
)
def test_a_file_with_other_contents_is_rebuilt(check: Check, closed: Path, statement: str, reason: str) -> None:
    def harm(folder: Path) -> None:
        with duckdb.connect(str(folder / FILE)) as connection:
            connection.execute(statement)

    [given] = check(closed, harm)
    assert reason in given


def test_a_file_ahead_of_the_log_is_rebuilt(closed: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The log is an older one, from a backup: what it doesn't hold isn't answered."""
    folder = tmp_path / "ahead"
    shutil.copytree(closed, folder)
    shorter = log_of(facts()[:100])
    books, reasons = opened(folder, shorter, caplog)
    assert reasons == [f"the file is at {LOG.head()}, ahead of the log"]
    assert books.model.position == 100
    assert len(books.trail().rows) == 100
    books.model.close()


@pytest.mark.parametrize("same_length", [True, False])
def test_a_file_of_another_log_is_rebuilt(
    closed: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, same_length: bool
) -> None:
    """Also where the first events are the same and only then the two part."""
    folder = tmp_path / "other"
    shutil.copytree(closed, folder)
    other = ListedLog()
    for stored in LOG.events[:-1]:
        other.put(stored.type, stored.state, stored.event_id, stored.stream, stored.chain)
    other.given(*(entity(f"e{number}", id=ident(77_000 + number)) for number in range(1 if same_length else 50)))
    books, reasons = opened(folder, other, caplog)
    assert reasons == ["the file is of another log"]
    assert books.entity("e0") is not None
    books.model.close()


def test_without_the_comparison_the_answers_would_be_another_logs(
    closed: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the two above: they see the difference."""
    monkeypatch.setattr("projections.database._doubt", lambda connection, store: None)
    folder = tmp_path / "unchecked"
    shutil.copytree(closed, folder)
    books, reasons = opened(folder, log_of(facts()[:100]), caplog)
    assert reasons == []
    assert books.model.rows("SELECT count(*) FROM events", {}) == [(LOG.head(),)]
    books.model.close()


def test_what_a_rebuild_left_behind_is_in_nobodys_way(check: Check, closed: Path) -> None:
    def harm(folder: Path) -> None:
        (folder / FILE).unlink()
        (folder / (FILE + ".building")).write_bytes(b"half")
        (folder / (FILE + ".building.wal")).write_bytes(b"half")

    assert len(check(closed, harm)) == 1


def test_a_rebuild_that_is_given_up_leaves_the_file_alone(
    closed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server stops in the middle of it; the next start begins anew."""
    monkeypatch.setattr("projections.database.REBUILD_BATCH", 10)
    folder = tmp_path / "given-up"
    shutil.copytree(closed, folder)
    (folder / FILE).write_bytes(b"not a database")
    model = ReadModel(folder)

    class Stopping(ListedLog):
        def read(self, after: int, limit: int) -> list[Any]:
            if after >= 50:
                model.cancel()
            return LOG.read(after, limit)

        def head(self) -> int:
            return LOG.head()

        def by_chain(self, chain: str) -> list[Any]:
            return LOG.by_chain(chain)

    Follower(Stopping().store, model)
    model.prepare(Stopping().store)
    assert (model.position, sorted(path.name for path in folder.iterdir())) == (0, [FILE])
    assert (folder / FILE).read_bytes() == b"not a database"
    model.close()


def test_until_the_file_is_good_the_answers_are_those_of_an_empty_log(closed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "waiting"
    shutil.copytree(closed, folder)
    model = ReadModel(folder)
    assert (model.position, model.rows("SELECT count(*) FROM events", {})) == (0, [(0,)])
    Follower(LOG.store, model).catch_up()
    assert (model.position, model.rows("SELECT count(*) FROM events", {})) == (LOG.head(), [(LOG.head(),)])
    model.close()


def test_a_file_that_another_process_has_open_is_not_taken_from_it(closed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "held"
    shutil.copytree(closed, folder)
    before = (folder / FILE).read_bytes()
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(folder / FILE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == b"open\n"
        model = ReadModel(folder)
        with pytest.raises(ReadModelInUse, match="open in another process"):
            model.prepare(LOG.store)
        model.close()
        other.stdin.close()
    assert (folder / FILE).read_bytes() == before


def test_a_file_can_read_and_write_nothing_else(tmp_path: Path) -> None:
    """Whatever a query says: no other file, no network, and no way to allow it again."""
    model = ReadModel(tmp_path)
    Follower(LOG.store, model).catch_up()
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    for statement in (
        f"SELECT * FROM '{secret}'",
        f"SELECT * FROM read_csv('{secret}')",
        f"COPY facts TO '{tmp_path / 'out.csv'}'",
        f"ATTACH '{tmp_path / 'other.duckdb'}'",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
    ):
        with pytest.raises(duckdb.Error):
            model.rows(statement, {})
    model.close()
