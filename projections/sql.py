"""Pieces of SQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def texts(values: Iterable[str]) -> str:
    """Texts, none of which has a quote, for an IN (…)."""
    return ", ".join(f"'{value}'" for value in sorted(values))


def chosen(by: str, choices: Mapping[str, object], otherwise: str = "NULL") -> str:
    """The choice for the text that `by` is."""
    whens = " ".join(f"WHEN '{value}' THEN {choice}" for value, choice in choices.items())
    return f"CASE {by} {whens} ELSE {otherwise} END"
