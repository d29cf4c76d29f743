"""The names of all entities: which is meant by a mistyped id, and which new name looks like an old one."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from rapidfuzz import fuzz, process

# Letters of other scripts that are drawn like Latin ones: the pairs that fool readers in names.
_LOOKALIKES = str.maketrans("авеікмнорсѕтухјԁԛԝһΑΒΕΖΗΙΚΜΝΟΡΤΥΧαινορτυχ", "abeikmhopcstyxjdqwhABEZHIKMNOPTYXaivoptux")


class Directory:
    """Ids and names of entities as they were ever recorded; for hints, never for checks."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}  # name or id, in lower case → entity
        self._skeletons: dict[str, str] = {}  # what a name looks like → entity

    def add(self, entity: str, names: Iterable[str]) -> None:
        self._names[entity] = entity
        for name in names:
            self._names.setdefault(name.casefold(), entity)
            self._skeletons.setdefault(skeleton(name), entity)

    def nearest(self, mistyped: str) -> list[str]:
        """Up to three entities whose id or name is close to what was written."""
        found = process.extract(mistyped.casefold(), self._names.keys(), scorer=fuzz.WRatio, limit=6, score_cutoff=70)
        return list(dict.fromkeys(self._names[name] for name, _, _ in found))[:3]

    def alike(self, entity: str, names: Iterable[str]) -> list[tuple[str, str]]:
        """Which of the names look like one that another entity has, with that entity."""
        pairs = ((name, self._skeletons.get(skeleton(name))) for name in names)
        return [(name, other) for name, other in pairs if other is not None and other != entity]


def skeleton(name: str) -> str:
    """What a name looks like: no case, no marks, no punctuation, letters of other scripts as their Latin twins."""
    letters = unicodedata.normalize("NFKD", name.translate(_LOOKALIKES)).casefold().translate(_LOOKALIKES)
    return "".join(letter for letter in letters if letter.isalnum()) or name
