"""What `dealledger --help` shows: every command, in groups, each with all of its first sentence."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

GROUPS = {
    "Start": ("demo", "serve"),
    "Files in and out": ("import", "map", "template", "imports", "undo", "export"),
    "Ask who owns, owes and pays": (
        "entities",
        "entity",
        "holdings",
        "commitments",
        "contracts",
        "valuations",
        "performance",
        "claims",
        "restrictions",
    ),
    "Ask how money goes round": ("exposures", "exposure-history", "ownership"),
    "Ask what was recorded, and when": ("events", "event", "record", "changes", "feed"),
    "Documents beside the log": ("attachments", "attachment", "attach", "content", "erase"),
    "Review it": ("reviews", "reviewers", "review"),
    "Keep it well, and prove it": ("doctor", "rebuild", "verify", "key", "witness"),
}
OTHERS = "Others"
LONGEST = 300


class Grouped(TyperGroup):
    """Commands under the heads of GROUPS instead of one list."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        named = {name for names in GROUPS.values() for name in names}
        others = tuple(name for name in self.commands if name not in named)
        for head, names in {**GROUPS, OTHERS: others}.items():
            told = [(name, self.commands[name].get_short_help_str(LONGEST)) for name in names if name in self.commands]
            if told:
                with formatter.section(head):
                    formatter.write_dl(told)
