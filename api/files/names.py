"""Names of parties in a file, and the entities of the ledger that they mean."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from rapidfuzz import fuzz

from ledger.directory import Directory, skeleton
from ledger.entities import entity_names

# From here on a new name is more likely an old one with a slip in it.
_ALIKE = 85


class Parties:
    """The entities that the ledger has, by id and by every name."""

    def __init__(self, entities: Iterable[Mapping[str, Any]]) -> None:
        self._ids: dict[str, str] = {}  # id → name
        self._named: dict[str, set[str]] = {}
        self._alike = Directory()
        for one in entities:
            self.add(one["entity"], entity_names(dict(one)))

    def add(self, entity: str, names: Iterable[str]) -> None:
        given = list(names)
        self._ids[entity] = given[0] if given else entity
        for name in given:
            self._named.setdefault(skeleton(name), set()).add(entity)
        self._alike.add(entity, given)

    def __contains__(self, entity: str) -> bool:
        return entity in self._ids

    def found(self, text: str) -> list[str]:
        """The entities that are called so, or have this id; more than one if they share a name."""
        if text in self._ids:
            return [text]
        return sorted(self._named.get(skeleton(text), ()))

    def nearest(self, text: str) -> list[str]:
        """Up to three that are called nearly so, as `id (name)`."""
        return [f"{one} ({self._ids[one]})" for one in self._alike.nearest(text)]

    def likely(self, text: str) -> bool:
        """Whether somebody is called so like it that a new name is probably a slip."""
        plain = skeleton(text)
        return any(
            fuzz.ratio(plain, skeleton(one)) >= _ALIKE
            for near in self._alike.nearest(text)
            for one in (near, self._ids[near])
        )


def slug(name: str) -> str:
    """An id made of a name; empty where the name has no Latin letters or digits."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:100].strip("-")
