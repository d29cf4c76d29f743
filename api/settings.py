"""What a running service can be told: one place, every setting with its meaning; from DEALLEDGER_… or arguments."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from api.tracing import has_packages
from api.witnesses import parse_witnesses
from ledger.log.signer import HIGH_WATER_FILE

MIB = 1024 * 1024


class Settings(BaseSettings):
    """Settings of one service. Each can be given in the environment, as DEALLEDGER_ and its name."""

    model_config = SettingsConfigDict(env_prefix="DEALLEDGER_", frozen=True, extra="forbid")

    data: Path = Field(
        default=Path("data"),
        description="Folder of this server's files: the log (with SQLite) and the read model. One process owns it.",
    )
    database_url: str | None = Field(
        default=None,
        description="postgresql://… keeps the log in PostgreSQL; without it, it is an SQLite file in the folder.",
    )
    max_body_bytes: int = Field(
        default=8 * MIB, ge=1024, description="Longest application/json body taken, in bytes; longer ones get 413."
    )
    max_lines_bytes: int = Field(
        default=128 * MIB, ge=1024, description="Longest application/x-ndjson body taken, in bytes."
    )
    max_line_bytes: int = Field(
        default=MIB, ge=1024, description="Longest line of an application/x-ndjson body, in bytes."
    )
    max_attachment_bytes: int = Field(
        default=10 * MIB, ge=1024, le=256 * MIB, description="Longest document that can be attached, in bytes."
    )
    max_events: int = Field(default=10_000, ge=1, description="Most events in one array; more go in as lines.")
    idle_seconds: float = Field(
        default=20.0,
        gt=0,
        description="A body that brings nothing for so long, or takes longer for each MiB begun, gets 408, in seconds.",
    )
    wait_seconds: float = Field(
        default=5.0,
        ge=0,
        description="How long a question waits for its position to be applied before a 503, in seconds.",
    )
    feed_wait_seconds: float = Field(
        default=60.0,
        ge=0,
        description="Longest that a client of the feed may ask to wait for news by long polling, in seconds.",
    )
    key_folder: Path | None = Field(
        default=None,
        description="Folder of the log's key, log.key with log.vkey beside it; without it, the folder of `data`. "
        "Servers of one database that sign have the same key.",
    )
    log_name: str | None = Field(
        default=None,
        pattern=r"^[^\s+]{1,200}$",
        description="The log's name for ever, like ledger.example/deals, when its key is made; else a random one.",
    )
    high_water: Path | None = Field(
        default=None,
        description="File that keeps the newest signed checkpoint outside the database, best on another disk; without "
        "it, log.highwater in the folder of `data`.",
    )
    sign_seconds: float = Field(
        default=10.0, gt=0, description="How often what was recorded since is signed, in seconds."
    )
    witnesses: str | None = Field(
        default=None,
        description="Who is asked to sign each new checkpoint too: `URL VKEY`, the address below which its "
        "add-checkpoint is and its public key; several with commas between.",
    )
    question_threads: int = Field(default=4, ge=1, le=64, description="Questions answered at the same time; more wait.")
    otel: bool = Field(
        default=False,
        description="Send traces and request metrics to the OpenTelemetry collector that OTEL_EXPORTER_OTLP_ENDPOINT "
        "names; needs the extra `otel`.",
    )
    log_level: str = Field(
        default="info",
        pattern="^(debug|info|warning|error)$",
        description="Least severe log lines written to stderr: debug, info, warning or error.",
    )

    @property
    def keys(self) -> Path:
        """Where the log's key is."""
        return self.key_folder or self.data

    @property
    def high_water_file(self) -> Path:
        """Where the newest signed checkpoint is kept."""
        return self.high_water or self.data / HIGH_WATER_FILE

    @field_validator("witnesses")
    @classmethod
    def _are_witnesses(cls, text: str | None) -> str | None:
        if text is not None:
            parse_witnesses(text)
        return text

    @field_validator("otel")
    @classmethod
    def _has_packages(cls, on: bool) -> bool:
        if on and not has_packages():
            raise ValueError("the packages aren't there: pip install 'deal-ledger[otel]'")
        return on
