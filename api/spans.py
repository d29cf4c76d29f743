"""What spans say of a request. Imported only with OpenTelemetry on: its SDK is an extra."""

from __future__ import annotations

from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider

HIDDEN = "REDACTED"


class WithoutQuery(SpanProcessor):
    """Hides the query: there may be anything in it. The path, with the ids of records in it, is in our logs too."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        if "url.query" in (span.attributes or {}):
            span.set_attribute("url.query", HIDDEN)


def provider() -> TracerProvider:
    """Where FastAPI's spans come from; FastAPI adds the exporter and ends it."""
    made = TracerProvider(shutdown_on_exit=False)
    made.add_span_processor(WithoutQuery())
    return made
