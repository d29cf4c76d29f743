"""A read model that is opened while questions are asked answers them from the log, and goes on from where it was."""

from __future__ import annotations

import threading
from pathlib import Path

from ledger.store import Store
from projections.database import ReadModel
from projections.follower import Follower
from tests.facts import entities, invest
from tests.ledgers import Ledger

TIMES = 10
WAIT_SECONDS = 20


def test_questions_do_not_disturb_the_opening(ledger: Ledger, sqlite_store: Store, tmp_path: Path) -> None:
    """Three threads ask without a pause while the file is made, and while it is opened again with new events to apply:
    it becomes ready, every thread sees the new tables, and no event is applied twice."""
    parties = entities("acme", "beta")
    ledger.given(*parties)
    for number in range(TIMES):
        folder = tmp_path / f"model-{number // 2}"  # each is made once and opened once
        folder.mkdir(exist_ok=True)
        ledger.given(invest("acme", "beta"))
        model = ReadModel(folder)
        follower = Follower(sqlite_store, model)
        stop, failures, seen = threading.Event(), list[Exception](), set[int]()

        def ask(
            model: ReadModel = model,
            stop: threading.Event = stop,
            failures: list[Exception] = failures,
            seen: set[int] = seen,
        ) -> None:
            try:
                while not stop.is_set():
                    model.set_aside()
                seen.add(model.rows("SELECT count(*) FROM holdings", {})[0][0])
            except Exception as error:
                failures.append(error)

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        follower.start()
        applied = model.wait_for(sqlite_store.head(), WAIT_SECONDS)
        stop.set()
        for thread in threads:
            thread.join()
        follower.stop()
        assert (applied, follower.failure, model.rebuilding, failures) == (True, None, None, [])
        assert seen == {number + 1}
        model.close()
