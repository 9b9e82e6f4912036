"""What the figures were taken on: without it they mean nothing."""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path
from typing import Any


def machine(folder: Path) -> dict[str, Any]:
    """Processor, cores, memory, kernel, and the disk under ``folder``."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "kernel": f"{platform.system()} {platform.release()}",
        "disk": _disk(folder),
        "python": platform.python_version(),
        "load_average": load_average(),
    }


def load_average() -> list[float]:
    """Of the last 1, 5 and 15 minutes: figures from a busy machine are figures of that business too."""
    return [round(load, 2) for load in os.getloadavg()]


def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _disk(folder: Path) -> dict[str, Any]:
    """The file system that holds the folder: the longest mount point above it."""
    usage = shutil.disk_usage(folder)
    found = {"device": "unknown", "file_system": "unknown"}
    try:
        mounts = [line.split() for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    except OSError:
        mounts = []
    here = str(folder.resolve())
    above = [mount for mount in mounts if here == mount[1] or here.startswith(mount[1].rstrip("/") + "/")]
    if above:
        device, _point, kind, *_ = max(above, key=lambda mount: len(mount[1]))
        found = {"device": device, "file_system": kind}
    return {**found, "bytes": usage.total, "free_bytes": usage.free}


def cpu_seconds_of(pid: int) -> float:
    """Processor time of a process and of the children it has waited for; 0 for one that is gone.

    >>> cpu_seconds_of(os.getpid()) > 0
    True
    """
    try:
        # The name in parentheses may hold spaces; what follows it does not.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rsplit(")", 1)[1].split()[1])


def children_of(pid: int) -> list[int]:
    """The living children of a process."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if parent_of(int(entry.name)) == pid:
                    found.append(int(entry.name))
            except OSError:
                continue  # It ended while we looked.
    return found
