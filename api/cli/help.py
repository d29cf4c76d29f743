"""What `dealledger --help` shows: every command, in groups, each with all of its first sentence.

Whatever a command prints, help among it, may go into a pipe that is closed early.
"""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

from api.cli.talking import messages, told_to_a_reader

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

    def main(self, *args: Any, **kwargs: Any) -> Any:
        with told_to_a_reader():  # a shell's completion
            try:
                return super().main(*args, **kwargs)
            except BrokenPipeError as error:
                code = getattr(error.__context__, "exit_code", None)
                if code is None:
                    raise
                messages.on_broken_pipe()  # stderr as well, while it told of wrong usage
                raise SystemExit(code) from None

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        with told_to_a_reader():  # inside `main`, which makes exit code 1 of a closed pipe
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        with told_to_a_reader():
            return super().invoke(ctx)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        named = {name for names in GROUPS.values() for name in names}
        others = tuple(name for name in self.commands if name not in named)
        for head, names in {**GROUPS, OTHERS: others}.items():
            told = [(name, self.commands[name].get_short_help_str(LONGEST)) for name in names if name in self.commands]
            if told:
                with formatter.section(head):
                    formatter.write_dl(told)
