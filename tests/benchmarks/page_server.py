"""A Sessionboard that answers at once: pages of one list, made before anybody asks.

    page_server.py PORT PROGRAMME_FOLDER LATENCY_MS

It serves the sessions of a programme directory, the other lists empty, to POST and GET alike.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import uvicorn

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

PAGE_SIZE = 100


def pages(records: list[dict[str, Any]]) -> list[bytes]:
    """The list, page by page, in Sessionboard's envelope.

    `next_page` is none of Sessionboard's: taps for any API look for it.
    """
    last = max(1, -(-len(records) // PAGE_SIZE))
    return [
        json.dumps(
            {
                "results": records[(number - 1) * PAGE_SIZE : number * PAGE_SIZE],
                "pagination": {
                    "currentPage": number,
                    "pageSize": PAGE_SIZE,
                    "totalPages": last,
                    "totalResults": len(records),
                },
                "next_page": number + 1 if number < last else None,
            }
        ).encode()
        for number in range(1, last + 1)
    ]


def main() -> None:
    """Serve until killed."""
    port, folder, latency_ms = sys.argv[1:]
    rows = {
        name: json.loads((Path(folder) / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("events", "sessions")
    }
    lists = {f"/{name}": pages(records) for name, records in rows.items()}
    nothing = pages([])

    async def app(
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        while (await receive()).get("more_body"):
            pass
        asked = lists.get(scope["path"][scope["path"].rindex("/") :], nothing)
        number = int(parse_qs(scope["query_string"]).get(b"page", [b"1"])[0])
        if int(latency_ms):
            await asyncio.sleep(int(latency_ms) / 1000)
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": asked[number - 1]})

    uvicorn.run(app, port=int(port), log_level="error", access_log=False, lifespan="off")


if __name__ == "__main__":
    main()
