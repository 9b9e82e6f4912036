"""What ``make test`` runs: format, lint, types and import contracts beside each other and beside every test.

    python tools/test.py [--lint-only] [arguments for pytest]

Each runs to its end even when another failed, so that one run tells everything;
the exit status is 0 only when all passed. Where no Chromium is found the browser
tests are left out and the closing line says so; in CI (``CI=true``) that is a failure.
One or two tests that drive a browser are tried once more, alone, and named as unsteady when they pass then
(docs/decisions/0044-a-browser-that-was-late-is-asked-once-more.md).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}
# One more than there are cores: some tests wait, for a disk, a killed server's return or a minute to pass.
WORKERS = str(min(os.cpu_count() or 2, 4) + 1)
LAST_FAILED = Path(
    ".pytest_cache/v/cache/lastfailed"
)  # Kept by pytest: the tests that failed and have not passed since.
MOST_UNSTEADY = 2
SOME_FAILED = 1  # What pytest ends with when tests failed and nothing else went wrong.


def say(text: str) -> None:
    print(text, flush=True)


def steps() -> dict[str, Sequence[str]]:
    return {
        "types": [str(BIN / "mypy"), "--no-error-summary"],
        "import contracts": [str(BIN / "lint-imports"), "--no-cache", "--no-logo"],
        "lint": [str(BIN / "ruff"), "check", "--quiet"],
        "format": [str(BIN / "ruff"), "format", "--check", "--quiet"],
    }


def step(name: str, command: Sequence[str], environment: dict[str, str]) -> str:
    """Run one check to its end and say how it ended; what a failed one has to tell, for after the tests."""
    began = time.monotonic()
    done = subprocess.run(
        list(command), cwd=ROOT, env=environment, capture_output=True, text=True, errors="replace", check=False
    )
    took = f"({time.monotonic() - began:.0f} s)"
    if done.returncode == 0:
        say(f"\n--- {name}: passed {took}")
        return ""
    say(f"\n--- {name}: FAILED {took}")
    return f"--- {name}\n{done.stdout}{done.stderr}"


def pytest_command(arguments: Sequence[str], *, browser: bool) -> list[str]:
    command = [sys.executable, "-m", "pytest"]
    if not any(argument.startswith(("-n", "--numprocesses")) for argument in arguments):
        command += ["-n", WORKERS, "--dist", "loadfile", "--no-loadscope-reorder"]
    if not browser and "-m" not in arguments:
        command += ["-m", "not browser"]
    return [*command, *arguments]


def run_tests(arguments: Sequence[str]) -> list[str]:
    """What failed of the tests; pytest tells the rest itself."""
    failed = []
    browser = shutil.which("chromium") is not None
    if IN_CI and not browser:
        failed.append("browser tests (no Chromium, and CI leaves nothing out)")
    if not browser:
        say("The browser tests are left out: there is no Chromium on this machine (Debian: apt install chromium).")
    say("--- tests")
    (ROOT / LAST_FAILED).unlink(missing_ok=True)  # An earlier run's are nobody's today.
    ended = subprocess.run(pytest_command(arguments, browser=browser), cwd=ROOT, check=False).returncode
    if ended == SOME_FAILED and browser and passes_alone(ROOT):
        return failed
    return failed if ended == 0 else [*failed, "tests"]


def failed_last(root: Path) -> list[str]:
    try:
        return sorted(json.loads((root / LAST_FAILED).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return []


def passes_alone(root: Path) -> bool:
    """Whether all that failed are one or two tests that drive a browser, and they pass when nothing runs beside them."""
    failed = failed_last(root)
    if not 0 < len(failed) <= MOST_UNSTEADY:
        return False
    say(f"\n--- once more, alone, what of this drives a browser: {', '.join(failed)}")
    again = [sys.executable, "-m", "pytest", "--last-failed", "-m", "browser"]
    subprocess.run(again, cwd=root, check=False)
    if failed_last(root):
        return False
    say(f"UNSTEADY: {', '.join(failed)}. Passed alone; what made it late is worth a look.")
    return True


def main(arguments: Sequence[str]) -> int:
    lint_only = "--lint-only" in arguments
    arguments = [argument for argument in arguments if argument != "--lint-only"]
    with tempfile.TemporaryDirectory(prefix="koinon-lint-") as scratch, ThreadPoolExecutor() as beside:
        # The type checker reads Django's settings, which would otherwise make a key under var/.
        environment = {**os.environ, "KOINON_VAR": scratch, "KOINON_SECRET_KEY": "only for the type checker"}
        checks = {name: beside.submit(step, name, command, environment) for name, command in steps().items()}
        failed = [] if lint_only else run_tests(arguments)
        told = {name: check.result() for name, check in checks.items()}
    for name, findings in told.items():
        if findings:
            failed.append(name)
            say(findings)
    if failed:
        say(f"FAILED: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
