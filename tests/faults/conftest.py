"""Ledgers to break, by name."""

from tests.ledgers import any_ledger, ledger

__all__ = ["any_ledger", "ledger"]
