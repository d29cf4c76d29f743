"""The oracle: every question answered by replaying the whole log, slowly and in the plainest way.

It shares nothing with the service. Whatever the two disagree about, one of them has misread the rules.

A log is a list of `(position, state)`, with the state as the store keeps it. Each function takes a point in the three
times (`rows.question`) and the filters of its noun; its answer is the JSON of the service as Python values, with all
rows on one page. Numbers are exact fractions until they are written.
"""

from tests.oracle.claims import claims
from tests.oracle.commitments import commitments
from tests.oracle.contracts import contracts
from tests.oracle.entities import entities
from tests.oracle.exposures import exposures
from tests.oracle.holdings import holdings
from tests.oracle.performance import performance
from tests.oracle.restrictions import restrictions
from tests.oracle.valuations import valuations

__all__ = [
    "claims",
    "commitments",
    "contracts",
    "entities",
    "exposures",
    "holdings",
    "performance",
    "restrictions",
    "valuations",
]
