"""Numbers for a monitoring system: where the log and the read model stand, what was refused, how long it took."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)


class Metrics:
    """The series of one service, in a registry of its own: several services can live in one process."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._head = Gauge("dealledger_position", "Last position of the log.", registry=registry)
        self._applied = Gauge("dealledger_applied_position", "Last position in the read model.", registry=registry)
        self._lag = Gauge("dealledger_lag_events", "Events that the read model has yet to apply.", registry=registry)
        self._set_aside = Gauge(
            "dealledger_set_aside_events", "Events that a projection could not apply.", registry=registry
        )
        self._feeds = Gauge("dealledger_open_feeds", "Clients that follow the feed.", registry=registry)
        self.accepted = Counter("dealledger_accepted_events", "Events recorded through this server.", registry=registry)
        self.refused = Counter("dealledger_problems", "Requests and lines refused.", ["reason"], registry=registry)
        self.requests = Histogram(
            "dealledger_request_seconds",
            "Time until a request was answered.",
            ["method", "route", "status"],
            buckets=SECONDS,
            registry=registry,
        )

    def watch(
        self,
        head: Callable[[], float],
        applied: Callable[[], int],
        set_aside: Callable[[], int],
        feeds: Callable[[], int],
    ) -> None:
        """Take the gauges' values from these when they are asked for."""
        self._head.set_function(head)
        self._applied.set_function(applied)
        self._lag.set_function(lambda: max(head() - applied(), 0))  # in this order NaN stays NaN
        self._set_aside.set_function(set_aside)
        self._feeds.set_function(feeds)

    def text(self) -> bytes:
        """All of it, in the text format of Prometheus."""
        return generate_latest(self._registry)
