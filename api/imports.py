"""GET /v1/imports: what came in together, under one name."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

import projections.imports
from api.answers import Listed
from api.paging import ListQuestion, Paged


class ImportRow(BaseModel):
    batch: Annotated[str, Field(description="The name of the import.")]
    events: Annotated[int, Field(description="How many events came in under it.")]
    retracted: Annotated[int, Field(description="How many of these are retracted.")]
    first_position: int
    last_position: int
    first_recorded_at: str
    last_recorded_at: str


class ImportsAnswer(Listed):
    imports: list[ImportRow]


IMPORTS = ListQuestion(
    name="imports",
    path="/v1/imports",
    about="What came in together, as one import, and how much of it is retracted. By name; `as_of` changes nothing "
    "here.",
    shape=Paged,
    answer=ImportsAnswer,
    list_name="imports",
    rows=lambda model, at, asked, page, parts: projections.imports.imports(model, at, page=page),
    identity=("batch",),
)
