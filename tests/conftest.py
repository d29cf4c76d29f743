"""Fixtures that tests of every layer may take by name."""

from tests.stores import database_url, postgres_store, sqlite_store, store

__all__ = ["database_url", "postgres_store", "sqlite_store", "store"]
