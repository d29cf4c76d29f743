"""/docs without the internet, /openapi.json, and /problems/{reason} which explains every refusal."""

from __future__ import annotations

import html
from importlib.resources import files
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from api import documented
from api.problems import not_found
from api.question import json_bytes
from api.reasons import MEANINGS, Door

router = APIRouter(tags=["documentation"])

# Nothing but what this server itself sends. Swagger UI has its icons in data: addresses, and styles on elements.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Deal ledger: the API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" href="data:,">
</head>
<body>
<div id="docs"><p>This page needs JavaScript. The same is in <a href="/openapi.json">/openapi.json</a>.</p></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
START = """SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout"
});
"""
STATIC = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
}
A_DAY = {"Cache-Control": "public, max-age=86400"}


@router.get("/docs", include_in_schema=False)
async def get_docs() -> Response:
    """The API, to read and try."""
    return Response(
        PAGE, headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}, media_type="text/html"
    )


@router.get("/docs/start.js", include_in_schema=False)
async def get_start() -> Response:
    """Starts Swagger UI; a file of its own, since the page's policy takes no script inside the page."""
    return Response(START, headers={"Cache-Control": "no-cache"}, media_type="text/javascript")


@router.get("/docs/{name}", include_in_schema=False)
def get_static(name: str) -> Response:
    """Swagger UI's own files, from the package that brings them."""
    if name not in STATIC:
        raise not_found("There is no such file.")
    body = files("fastapi_standalone_docs").joinpath("static", "swagger", name).read_bytes()
    return Response(body, headers=A_DAY, media_type=STATIC[name])


@router.get("/openapi.json", include_in_schema=False)
async def get_openapi(request: Request) -> Response:
    """The API as OpenAPI 3.1."""
    return Response(
        json_bytes(request.app.openapi()), headers={"Cache-Control": "no-cache"}, media_type="application/json"
    )


class Explained(BaseModel):
    """What a reason means."""

    reason: str
    title: str
    status: int
    explanation: str


class Explanations(BaseModel):
    """All of them."""

    problems: list[Explained]


@router.get(
    "/problems/{reason}",
    response_model=None,
    responses={200: {"model": Explained, "description": "What it means."}, **documented.problems([Door.NOT_FOUND])},
)
async def get_problem(request: Request, reason: str) -> Response:
    """What a problem's type means; as a page for a browser."""
    found = next((one for one in MEANINGS if one.value == reason), None)
    if found is None:
        raise not_found("There is no such problem.")
    meaning = MEANINGS[found]
    told: dict[str, Any] = {
        "reason": found.value,
        "title": meaning.title,
        "status": meaning.status,
        "explanation": meaning.explanation,
    }
    headers = {**A_DAY, "Vary": "Accept"}
    if "text/html" in request.headers.get("accept", ""):
        page = (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(meaning.title)}</title>'
            f"<h1>{html.escape(meaning.title)}</h1><p>{html.escape(meaning.explanation)}</p>"
            f"<p>Reason <code>{found.value}</code>, status {meaning.status}.</p></html>"
        )
        return Response(
            page, headers={**headers, "Content-Security-Policy": "default-src 'none'"}, media_type="text/html"
        )
    return Response(json_bytes(told), headers=headers, media_type="application/json")


@router.get("/problems", response_model=None, responses={200: {"model": Explanations, "description": "All of them."}})
async def get_problems() -> Response:
    """Every reason for which this service says no."""
    listed = [
        {"reason": reason.value, "title": one.title, "status": one.status, "explanation": one.explanation}
        for reason, one in MEANINGS.items()
    ]
    return Response(json_bytes({"problems": listed}), headers=A_DAY, media_type="application/json")
