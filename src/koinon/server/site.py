"""Serve the site: one process, graceful at its end.

with database() as db:
    prepare(db)
    serve("127.0.0.1", 8000)
"""

from __future__ import annotations

import errno
import gc
import hashlib
import io
import os
import signal
import socket
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import cast

import structlog
import uvicorn

from koinon.api.wire import Wire
from koinon.server import logs
from koinon.server.errors import PortTaken

log = structlog.get_logger("koinon.site")

LOOP = "uvloop" if sys.platform != "win32" else "asyncio"
MOST_CONNECTIONS = 2000  # How many of them may ask Django for a page at a time is said in koinon.server.asgi.


def bind(host: str, port: int) -> socket.socket:
    """A listening socket, so that the port is ours before anything is announced; ``PortTaken`` otherwise.

    Port 0 takes any free one; ``getsockname()[1]`` says which.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)
    except OSError as refused:
        listening.close()
        if refused.errno in (errno.EADDRINUSE, errno.EACCES):
            raise PortTaken(host=host, port=port) from refused
        raise
    return listening


def serve(
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    listening: socket.socket | None = None,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM, finish the requests under way, and return.

    ``on_ready`` is called with the site's address once it answers. The database
    is the one of ``KOINON_DATABASE_URL``; it has been prepared.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "koinon.server.settings")
    logs.set_up()
    # WhiteNoise hands its files over in blocks read synchronously; they are small.
    warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators")
    ours = listening or bind(host, port)
    name, number = ours.getsockname()[:2]
    address = f"http://{'localhost' if name in ('127.0.0.1', '::1') else name}:{number}/"

    import django

    django.setup()
    collect_static()
    from django.conf import settings

    from koinon.server.asgi import application
    from koinon.web.uploads import remove_left_behind

    remove_left_behind(Path(settings.UPLOADS))

    config = uvicorn.Config(
        application,
        loop=LOOP,
        http=Wire,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=10,
        proxy_headers=False,
    )
    gc.collect()
    gc.freeze()  # What was loaded stays; looking through it again and again would make some payment wait.
    _Server(config, on_ready=lambda: on_ready(address) if on_ready else None).run_until_told(ours)
    log.info("stopped")


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, *, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        log.info("serving")
        self._on_ready()

    def run_until_told(self, listening: socket.socket) -> None:
        """uvicorn raises the signal that stopped it once more; here the caller still has a database to close."""

        def swallow(_signal: int, _frame: FrameType | None) -> None:
            return None

        told = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, swallow) for number in told}
        try:
            self.run(sockets=[listening])
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            listening.close()


def collect_static() -> None:
    """Gather, fingerprint and compress style sheets and fonts under var/, when any has changed."""
    from django.conf import settings
    from django.contrib.staticfiles.finders import get_finders
    from django.core.management import call_command

    seen = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list([]):
            found = Path(storage.path(path)).stat()
            seen.update(f"{path} {found.st_size} {found.st_mtime_ns}\n".encode())
    root = Path(settings.STATIC_ROOT)
    stamp = root / ".collected"
    if not stamp.exists() or stamp.read_text() != seen.hexdigest():
        call_command("collectstatic", interactive=False, clear=True, verbosity=0, stdout=io.StringIO())
        stamp.write_text(seen.hexdigest())
    from django.contrib.staticfiles.storage import staticfiles_storage

    from koinon.web.staticfiles import Storage

    cast(Storage, staticfiles_storage).read_again()
