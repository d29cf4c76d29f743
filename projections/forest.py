"""A forest: names that belong together, however many steps away."""

from __future__ import annotations

from collections.abc import Iterable


class Forest:
    """Each name leads to one of its lot, and in the end to the one that stands for the lot."""

    def __init__(self) -> None:
        self._next: dict[str, str] = {}

    def lot(self, name: str) -> str:
        """The name that stands for the lot of this one, until more is joined."""
        while (above := self._next.setdefault(name, name)) != name:
            self._next[name] = self._next[above]
            name = self._next[name]
        return name

    def join(self, names: Iterable[str]) -> None:
        """Make one lot of these names and of all that belong to them."""
        first, *others = map(self.lot, names)
        for other in others:
            self._next[self.lot(other)] = self.lot(first)
