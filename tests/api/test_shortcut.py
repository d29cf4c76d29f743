"""The short way past FastAPI leads to the same answers as the long one."""

from __future__ import annotations

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from api.questions import QUESTIONS
from api.shortcut import Shortcut

SHORT = [question.path for question in QUESTIONS if not question.parts]
ASKED = [
    "",
    "?position=2&limit=1",
    "?nonsense=1",
    "?position=99",
    "?position=2&position=3",
    "?as_of=2024-01-01&format=csv",
]


def answered(client: httpx.Client, method: str, path: str) -> tuple[int, dict[str, str], bytes]:
    response = client.request(method, path, headers={"X-Request-Id": "same"})
    headers = {name: value for name, value in response.headers.items() if name != "date"}
    return response.status_code, headers, response.content


@pytest.mark.parametrize("path", SHORT)
def test_the_short_way_and_the_long_one_answer_alike(
    shared: httpx.Client, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Given a question, right or wrong; when it comes by the short way, and again through FastAPI; then status, headers
    and bytes are the same."""
    asked = [(method, f"{path}{query}") for query in ASKED for method in ("GET", "HEAD")] + [("DELETE", path)]
    short = [answered(shared, *one) for one in asked]
    ways = []

    async def long(self: Shortcut, scope: Scope, receive: Receive, send: Send) -> None:
        ways.append(scope["path"])
        await self._app(scope, receive, send)

    monkeypatch.setattr(Shortcut, "__call__", long)
    assert [answered(shared, *one) for one in asked] == short
    assert ways == [path] * len(asked)
    assert {status for status, _, _ in short} >= {200, 405}
