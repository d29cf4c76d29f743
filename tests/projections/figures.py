"""Figures as answers show them."""

from __future__ import annotations

from typing import Any


def figure(low: str, stated: str | None, high: str | None, currency: str | None = "USD") -> dict[str, Any]:
    return {"currency": currency, "low": low, "stated": stated, "high": high}


def sure(amount: str, currency: str | None = "USD") -> dict[str, Any]:
    """A figure without doubt."""
    return figure(amount, amount, amount, currency)
