"""The limit: a pool of workers that sends known requests over kept connections, with no logic.

    bare_pool.py HOST PORT WORKERS < REQUESTS

Each line of the input is a wave, which begins when the one before has ended: a list of requests,
each a method, a path, headers and a body in Base64. Of an answer only the status is looked at.
"""

from __future__ import annotations

import base64
import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection

_ERROR = 400


def main() -> None:
    host, port, workers = sys.argv[1:]
    own = threading.local()

    def send(request: tuple[str, str, dict[str, str], str]) -> None:
        method, path, headers, body = request
        if not hasattr(own, "connection"):
            own.connection = HTTPConnection(host, int(port))
        own.connection.request(method, path, base64.b64decode(body), headers)
        response = own.connection.getresponse()
        answer = response.read()
        if response.status >= _ERROR:
            message = f"{method} {path}: {response.status} {answer[:200]!r}"
            raise RuntimeError(message)

    waves = [json.loads(line) for line in sys.stdin]
    with ThreadPoolExecutor(int(workers)) as pool:
        for wave in waves:
            for _ in pool.map(send, wave):
                pass


if __name__ == "__main__":
    main()
