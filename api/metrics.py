"""Numbers for a monitoring system: where the log and the read model stand, what was refused, how long it took."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)

disable_created_metrics()  # type: ignore[no-untyped-call]  # when each counter began would double their number


class Metrics:
    """The series of one service, in a registry of its own: several services can live in one process.

    docs/operations.md says what each is good for.
    """

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self.accepted = Counter("dealledger_accepted_events", "Events recorded through this server.", registry=registry)
        self.refused = Counter("dealledger_problems", "Requests and lines refused.", ["reason"], registry=registry)
        self.requests = Histogram(
            "dealledger_request_seconds",
            "Time until a request was answered; of a feed, as long as it was open.",
            ["method", "route", "status"],
            buckets=SECONDS,
            registry=registry,
        )
        self.commits = Histogram(
            "dealledger_commit_seconds",
            "Time to check and to commit what one transaction takes.",
            buckets=SECONDS,
            registry=registry,
        )
        self.signer_failures = Counter(
            "dealledger_signer_failures", "Looks at the log after which it was not signed.", registry=registry
        )
        Info("dealledger_build", "The version that runs.", registry=registry).info({"version": version("deal-ledger")})
        PlatformCollector(registry=registry)
        ProcessCollector(registry=registry)

    def watch(
        self,
        head: Callable[[], float],
        applied: Callable[[], int],
        by_holder: Callable[[], int],
        set_aside: Callable[[], int],
        rebuilding: Callable[[], bool],
        failing: Callable[[], bool],
        waiting: Callable[[], int],
        feeds: Callable[[], int],
        signed: Callable[[], float],
        signed_for: Callable[[], float],
        not_signing: Callable[[], bool],
        not_witnessed: Callable[[], int],
    ) -> None:
        """Take the gauges' values from these when they are asked for."""

        def lag() -> float:
            return max(head() - applied(), 0)  # in this order NaN stays NaN

        gauges: tuple[tuple[str, str, Callable[[], float]], ...] = (
            ("dealledger_position", "Last position of the log.", head),
            ("dealledger_applied_position", "Last position in the read model.", applied),
            ("dealledger_portfolios_position", "Last position in the rows by holder.", by_holder),
            ("dealledger_lag_events", "Events that the read model has yet to apply.", lag),
            ("dealledger_set_aside_events", "Events that a projection could not apply.", set_aside),
            ("dealledger_rebuilding", "1 while the read model is made anew.", rebuilding),
            ("dealledger_follower_failing", "1 while the read model cannot follow the log.", failing),
            ("dealledger_waiting_writes", "Calls that wait for the writer.", waiting),
            ("dealledger_open_feeds", "Clients that follow the feed.", feeds),
            ("dealledger_checkpoint_size", "Events that the newest checkpoint signs.", signed),
            ("dealledger_checkpoint_age_seconds", "Since this server last saw one signed that was new.", signed_for),
            ("dealledger_signer_failing", "1 while the log is not signed, since something is wrong.", not_signing),
            ("dealledger_witnesses_failing", "Witnesses that did not sign when last asked.", not_witnessed),
        )
        for name, meaning, value in gauges:
            Gauge(name, meaning, registry=self._registry).set_function(value)

    def text(self) -> bytes:
        """All of it, in the text format of Prometheus."""
        return generate_latest(self._registry)
