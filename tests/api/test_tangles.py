"""Exposures, commitments and contracts full of parts and doubles are what a replay of the whole log says."""

from __future__ import annotations

import pytest

from tests.against_oracle import KINDS, Tally, run
from tests.choices import Seeded
from tests.service import fresh_service
from tests.tangles import Tangles

EXPOSURES = [kind for kind in KINDS if kind.rows == "pairs"]
LISTS = [kind for kind in KINDS if kind.rows in ("commitments", "contracts")]


@pytest.mark.parametrize("seed", [1, 2])
def test_wholes_parts_and_doubles(seed: int) -> None:
    tally = Tally()
    with fresh_service() as client:
        run(client, Seeded(seed), 50, 36, tally, [*EXPOSURES, *EXPOSURES, *LISTS], Tangles)
    assert tally.rows["pairs"]
    assert tally.rows["commitments"]
