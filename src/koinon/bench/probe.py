"""What the server spends while the clock runs: processor time and log, read at both ends of the window."""

from __future__ import annotations

import threading
import time

from koinon.bench.server import Server


class Probe:
    """Reads at ``begins`` and at ``ends`` (of ``time.perf_counter``), in a thread of its own."""

    def __init__(self, server: Server, *, begins: float, ends: float) -> None:
        self._server = server
        self._begins, self._ends = begins, ends
        self.server_cpu_seconds = 0.0
        self.client_cpu_seconds = 0.0
        self.wal_bytes = 0
        self._thread = threading.Thread(target=self._watch, name="probe")
        self._thread.start()

    def _watch(self) -> None:
        time.sleep(max(0.0, self._begins - time.perf_counter()))
        before = self._read()
        time.sleep(max(0.0, self._ends - time.perf_counter()))
        after = self._read()
        self.server_cpu_seconds = after[0] - before[0]
        self.client_cpu_seconds = after[1] - before[1]
        self.wal_bytes = after[2] - before[2]

    def _read(self) -> tuple[float, float, int]:
        return self._server.cpu_seconds(), time.process_time(), self._server.wal_position()

    def wait(self) -> Probe:
        self._thread.join()
        return self
