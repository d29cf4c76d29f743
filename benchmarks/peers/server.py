"""The peers' doors: FastAPI under the very settings of uvicorn that the ledger runs with, so that only what is behind
the door differs.

POST /nothing            reads the body and answers 201
POST /stock/{store}      the stock eventsourcing Application records the event of the body, or each of its lines
GET  /holdings           the PostgreSQL table answers what a holder has
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import ConnectionPool
from starlette.responses import Response

from api.cli.serving import Protocol, free_socket
from benchmarks.peers import bitemporal
from benchmarks.peers.stock import Stock

JSON = "application/json"
LINES = "application/x-ndjson"


def command(folder: Path, database_url: str, log: Path) -> tuple[Sequence[str], Path, Mapping[str, str]]:
    """How the server is started: what the stock library writes to, a folder or a database; its log, its environment."""
    folder.mkdir()
    return [sys.executable, "-m", "benchmarks.peers.server", str(folder), database_url], log, os.environ


def create_app(stocks: Mapping[str, Stock]) -> FastAPI:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    pools: dict[str, ConnectionPool] = {}

    @app.post("/nothing")
    async def nothing(request: Request) -> Response:
        await request.body()
        return Response(b'{"position":1}', status_code=201, media_type=JSON)

    @app.post("/stock/{store}")
    async def stock(request: Request, store: str, batch: int = 1) -> Response:
        body = await request.body()
        events = [json.loads(line) for line in body.splitlines()]
        await asyncio.to_thread(stocks[store].record, events, batch)
        return Response(json.dumps({"recorded": len(events)}), status_code=201, media_type=JSON)

    @app.get("/holdings")
    def holdings(database: str, holder: str, as_of: str, known_at: str, position: int) -> Response:
        if database not in pools:
            pools[database] = ConnectionPool(database, min_size=1, max_size=4, open=True)
        with pools[database].connection() as connection:
            rows = bitemporal.holdings(connection, holder, as_of, known_at, position)
        return Response(bitemporal.body(rows), media_type=JSON)

    return app


def stock_environments(folder: Path, database_url: str) -> dict[str, dict[str, str]]:
    """The library's settings for each store; whatever is left out is as it comes."""
    parts: dict[str, Any] = conninfo_to_dict(database_url)
    return {
        "sqlite": {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(folder / "stock.sqlite")},
        "postgres": {
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": parts["dbname"],
            "POSTGRES_HOST": parts["host"],
            "POSTGRES_PORT": str(parts.get("port", "")),
            "POSTGRES_USER": parts["user"],
            "POSTGRES_PASSWORD": parts.get("password", ""),
        },
    }


def main() -> None:
    folder, database_url = Path(sys.argv[1]), sys.argv[2]
    stocks = {store: Stock(env) for store, env in stock_environments(folder, database_url).items()}
    config = uvicorn.Config(
        create_app(stocks), http=Protocol, log_config=None, access_log=False, server_header=False, lifespan="off"
    )
    listening = free_socket("127.0.0.1", 0)
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    uvicorn.Server(config).run([listening])


if __name__ == "__main__":
    main()
