"""What ``make test`` runs: format, lint, types, import contracts, then every test.

    python tools/test.py [--lint-only] [arguments for pytest]

Each step runs even when one before it failed, so that one run tells everything;
the exit status is 0 only when all passed. Where no Chromium is found the browser
tests are left out and the closing line says so; in CI (``CI=true``) that is a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}
WORKERS = "2"


def say(text: str) -> None:
    print(text, flush=True)


def run(command: Sequence[str], environment: dict[str, str]) -> int:
    return subprocess.run(list(command), cwd=ROOT, env=environment, check=False).returncode


def steps() -> dict[str, Sequence[str]]:
    return {
        "format": [str(BIN / "ruff"), "format", "--check", "--quiet"],
        "lint": [str(BIN / "ruff"), "check", "--quiet"],
        "types": [str(BIN / "mypy"), "--no-error-summary"],
        "import contracts": [str(BIN / "lint-imports"), "--no-cache", "--no-logo"],
    }


def timed(name: str, step: Callable[[], int]) -> bool:
    began = time.monotonic()
    say(f"--- {name}")
    status = step()
    say(f"--- {name}: {'passed' if status == 0 else 'FAILED'} ({time.monotonic() - began:.0f} s)\n")
    return status == 0


def pytest_command(arguments: Sequence[str], *, browser: bool) -> list[str]:
    command = [sys.executable, "-m", "pytest"]
    if not any(argument.startswith(("-n", "--numprocesses")) for argument in arguments):
        command += ["-n", WORKERS, "--dist", "loadfile", "--no-loadscope-reorder"]
    if not browser and "-m" not in arguments:
        command += ["-m", "not browser"]
    return [*command, *arguments]


def main(arguments: Sequence[str]) -> int:
    lint_only = "--lint-only" in arguments
    arguments = [argument for argument in arguments if argument != "--lint-only"]
    browser = shutil.which("chromium") is not None
    failed = []
    with tempfile.TemporaryDirectory(prefix="koinon-lint-") as scratch:
        # The type checker reads Django's settings, which would otherwise make a key under var/.
        environment = {**os.environ, "KOINON_VAR": scratch, "KOINON_SECRET_KEY": "only for the type checker"}
        for name, command in steps().items():
            if not timed(name, lambda command=command: run(command, environment)):  # type: ignore[misc]
                failed.append(name)
    if not lint_only:
        if IN_CI and not browser:
            failed.append("browser tests (no Chromium, and CI leaves nothing out)")
        if not browser:
            say("The browser tests are left out: there is no Chromium on this machine (Debian: apt install chromium).")
        say("--- tests")
        # Last, so that pytest's own closing line with its count is what remains to be read.
        if run(pytest_command(arguments, browser=browser), dict(os.environ)) != 0:
            failed.append("tests")
    if failed:
        say(f"FAILED: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
