"""What serving the site may refuse.

ServerError
└── PortTaken               server.port-taken
"""

from __future__ import annotations

from koinon.kernel.errors import KoinonError


class ServerError(KoinonError):
    """The site cannot be served as asked."""

    code = "server.refused"


class PortTaken(ServerError):
    """Another program listens on the address already."""

    code = "server.port-taken"

    def __init__(self, *, host: str, port: int) -> None:
        self.host = host
        self.port = port
        super().__init__(f"another program listens on {host}:{port} already; give another --port")
