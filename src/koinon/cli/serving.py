"""``koinon serve``: the site and its jobs in one process."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from koinon.cli import opening, wiring
from koinon.cli.opening import DatabaseOption
from koinon.cli.output import speaking
from koinon.kernel.errors import KoinonError

if TYPE_CHECKING:
    from koinon.db.connections import Database

HOST = "127.0.0.1"
PORT = 8000
TRIED = 50

PortOption = Annotated[
    int | None,
    typer.Option("--port", min=1, max=65535, help=f"Port of the site; without it {PORT}, or the next free one."),
]


def serve(
    port: PortOption = None,
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; a proxy that ends TLS stands before it.")
    ] = HOST,
    database: DatabaseOption = None,
) -> None:
    """Serve the site, seal every minute and check the books, until Ctrl-C."""
    with speaking(False), listening_on(host, port) as listening, opening.database(database) as opened:
        until_told(opened, listening, lambda address: sys.stdout.write(f"The site is at {address}\n"))


def until_told(database: Database, listening: socket.socket, on_ready: Callable[[str], object]) -> None:
    """Serve with the jobs running beside, until SIGINT or SIGTERM."""

    def ready(address: str) -> None:
        on_ready(address)
        sys.stdout.flush()

    with wiring.timer().running(database.app_url):
        wiring.site().serve(listening=listening, on_ready=ready)


@contextmanager
def listening_on(host: str, port: int | None) -> Iterator[socket.socket]:
    """A port of ours before anything slow begins: the one asked for, or the first free one from 8000 on."""
    listening = free_port(host) if port is None else wiring.site().bind(host, port)
    try:
        yield listening
    finally:
        listening.close()


def free_port(host: str) -> socket.socket:
    """The first port from 8000 on that can be had, saying so where it is not 8000."""
    for port in range(PORT, PORT + TRIED):
        try:
            found = wiring.site().bind(host, port)
        except KoinonError:
            continue
        if port != PORT:
            sys.stderr.write(f"Port {PORT} is taken by another program; using {port}.\n")
        return found
    return wiring.site().bind(host, PORT)  # Raises, and says what is wrong.
