"""Lists, records and totals at any point in the three times are what a replay of the whole log says.

A few hundred questions here; DEALLEDGER_EXAMPLES sets another number, and `python -m tests.against_oracle` runs ten
thousand and more from seeds.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.against_oracle import Tally, run
from tests.choices import Drawn
from tests.service import fresh_service

EVENTS_PER_STREAM = 40
QUESTIONS_PER_STREAM = 40
STREAMS = max(1, int(os.environ.get("DEALLEDGER_EXAMPLES", "400")) // QUESTIONS_PER_STREAM)


@settings(
    max_examples=STREAMS,
    deadline=None,
    derandomize=True,  # the same streams on every run; other ones come from seeds
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
@given(data=st.data())
def test_every_answer_is_what_a_replay_of_the_log_says(data: st.DataObject) -> None:
    with fresh_service() as client:
        run(client, Drawn(data.draw), EVENTS_PER_STREAM, QUESTIONS_PER_STREAM, Tally())
