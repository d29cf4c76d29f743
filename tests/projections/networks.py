"""Networks for tests: edges in short, and random ones."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st

from ledger.money import Bounds, exactly
from projections.network import Edge, network


def pays(payer: str, payee: str, low: str, stated: str | None = None, high: str | None = None) -> Edge:
    """A purchase: of an exact amount, or of a low, a stated and a high one ("inf": without bound)."""
    return Edge(payer, payee, _bounds(low, stated, high), funding=False)


def funds(payer: str, payee: str, low: str, stated: str | None = None, high: str | None = None) -> Edge:
    return Edge(payer, payee, _bounds(low, stated, high), funding=True)


def _bounds(low: str, stated: str | None, high: str | None) -> Bounds:
    if stated is None or high is None:
        return exactly(Decimal(low))
    return Bounds(Decimal(low), Decimal(stated), None if high == "inf" else Decimal(high))


# The first example of the definition: what the two give, and what they are paid, one of it a range.
S2 = network(
    [
        funds("goog", "anth", "2"),
        funds("amzn", "anth", "0", "4", "4"),
        pays("anth", "goog", "3", "3", "4"),
        pays("anth", "amzn", "4"),
    ]
)
# A greedy search takes the ring of three first, and finds 24 of 26.
GREEDY_TRAP = [pays("a", "b", "10"), pays("b", "a", "6"), pays("b", "c", "6"), pays("c", "a", "6")]
ACYCLIC = [pays("a", "b", "10"), pays("a", "c", "5"), pays("b", "c", "8")]


# Amounts that are often the same, and amounts of every size that money may have.
AMOUNTS = st.integers(0, 12).map(Decimal) | st.integers(0, 1000).map(lambda units: Decimal(units) / 100)
WILD = st.one_of(
    st.sampled_from(["999999999999999999.999999999999", "0.000000000001", "1", "100000000000000000"]).map(Decimal),
    st.integers(0, 10**30 - 1).map(lambda units: Decimal(f"{units}E-12")),
)


@st.composite
def bounds(draw: st.DrawFn, amount: st.SearchStrategy[Decimal], unbounded: bool = False) -> Bounds:
    low, stated, high = sorted(draw(st.tuples(amount, amount, amount)))
    if draw(st.booleans()):
        return exactly(stated)
    return Bounds(
        low, None if draw(st.booleans()) else stated, None if unbounded and draw(st.integers(0, 3)) == 0 else high
    )


def edges(
    entities: str = "abcdef",
    most: int = 14,
    amount: st.SearchStrategy[Decimal] = AMOUNTS,
    unbounded: bool = False,
) -> st.SearchStrategy[list[Edge]]:
    name = st.sampled_from(entities)
    return st.lists(st.builds(Edge, name, name, bounds(amount, unbounded), st.booleans()), max_size=most)
