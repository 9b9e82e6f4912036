"""The API in a process of its own: ``python -m koinon.api.alone --port 8001``.

For a machine on which the pages should not wait for the tills, behind a proxy that sends /api/v1 here. The database
is that of ``KOINON_DATABASE_URL``, which another process has prepared. Several may serve one database: keys of requests
mean the same to all, and rates are counted by each for itself.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import socket
import sys

import structlog
import uvicorn

from koinon.api.application import application
from koinon.api.wire import Wire
from koinon.db.private import keep_to_owner

MOST_CONNECTIONS = 2000


def serve(url: str, listening: socket.socket, *, log: bool = True) -> None:
    """Serve until SIGINT or SIGTERM, and finish the requests under way."""
    inside = os.environ.get("KOINON_WEBHOOKS_INSIDE") == "1"
    config = uvicorn.Config(
        application(url, log=log, webhooks_inside=inside),
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http=Wire,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=10,
    )
    gc.collect()
    gc.freeze()  # What was loaded stays; looking through it again and again would make some payment wait.
    uvicorn.Server(config).run(sockets=[listening])


def main() -> None:
    told = argparse.ArgumentParser(prog="python -m koinon.api.alone", description="Serve /api/v1 and nothing else.")
    told.add_argument("--host", default="127.0.0.1")
    told.add_argument("--port", type=int, default=8001)
    asked = told.parse_args()
    url = os.environ.get("KOINON_DATABASE_URL")
    if not url:
        told.error("set KOINON_DATABASE_URL to the database that koinon serves")
    keep_to_owner()
    _set_up_logs()
    family = socket.AF_INET6 if ":" in asked.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((asked.host, asked.port))
        listening.listen(1024)
        serve(url, listening)


def _set_up_logs() -> None:
    """JSON lines on standard error, through the standard library, which goes on where nobody reads them."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


if __name__ == "__main__":
    main()
