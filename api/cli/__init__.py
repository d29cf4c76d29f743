"""The command `dealledger`: the same ledger, the same questions, from a shell."""

from __future__ import annotations

import typer

from api.cli import (
    attachments,
    changes,
    demo,
    exporting,
    feed,
    importing,
    keys,
    maintenance,
    mapping,
    questions,
    serving,
    templates,
    trail,
    undoing,
    verifying,
    witnessing,
)
from api.cli.help import Grouped
from api.questions import QUESTIONS

app = typer.Typer(
    name="dealledger",
    cls=Grouped,
    help="A ledger of deals: facts go in, and any question can be asked at any point in three times.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog="Exit codes: 0 ok, 1 found wrong, 2 bad usage, 3 not ready. More in docs/command-line.md.",
)
app.command("demo")(demo.demo)
app.command("serve")(serving.serve)
app.command("feed")(feed.feed)
app.command("import")(importing.import_files)
app.command("map")(mapping.propose_map)
app.command("template")(templates.template)
app.command("undo")(undoing.undo)
app.add_typer(exporting.app, name="export")
app.add_typer(changes.app, name="changes")
app.command("review")(trail.review)
app.command("attach")(attachments.attach)
app.command("content")(attachments.content)
app.command("erase")(attachments.erase)
app.command("rebuild")(maintenance.rebuild)
app.command("doctor")(maintenance.doctor)
app.command("verify")(verifying.verify)
app.command("witness")(witnessing.witness)
app.command("key")(keys.key)
for question in QUESTIONS:
    app.command(question.name)(questions.command(question))


def main() -> None:
    """Run the command; every way to fail says what, where and how to mend it."""
    app()
