"""Create or refresh .venv from the hash-pinned requirements: the first step of every make target.

Runs on the system's Python with the standard library only. A second run with
unchanged requirements returns at once. What cannot be done is said in one
sentence that names the remedy.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
# The environment takes about 950 MB and the demo's database 150 MB; Spark takes 500 MB, and as much twice while it comes.
NEEDED_MB = {"run": 1_500, "spark": 3_500, "test": 4_000}
PIP = [str(ENVIRONMENT / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
PINNED = ["install", "--quiet", "--require-hashes", "--only-binary", ":all:"]


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def stop(text: str) -> NoReturn:
    say(f"koinon: {text}")
    raise SystemExit(1)


def fingerprint(requirements: Path) -> str:
    seed = [sys.version, str(ENVIRONMENT)]
    content = requirements.read_bytes() + (ROOT / "pyproject.toml").read_bytes()
    if requirements.stem == "test":
        content += (requirements.parent / "spark.txt").read_bytes()
    return hashlib.sha256("".join(seed).encode() + content).hexdigest()


def usable() -> bool:
    """Whether there is an environment, made to its end, and still where it was made: its programs name their place."""
    program = ENVIRONMENT / "bin" / "pip"
    if not program.exists() or str(ENVIRONMENT) not in program.read_text():
        return False
    python = str(ENVIRONMENT / "bin" / "python")
    return subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0


def install(requirements: Path) -> None:
    if not usable():
        say(f"Creating the environment in {ENVIRONMENT.name}/ ...")
        try:
            venv.create(ENVIRONMENT, with_pip=True, clear=True, symlinks=True)
        except (subprocess.CalledProcessError, OSError) as refused:
            shutil.rmtree(ENVIRONMENT, ignore_errors=True)
            stop(
                f"could not create a virtual environment ({refused}). On Debian and Ubuntu, "
                "the package python3.11-venv provides what is missing."
            )
    say(f"Installing the packages pinned in requirements/{requirements.name}; the first time takes a minute or two ...")
    steps = [
        [*PIP, *PINNED, "-r", str(requirements)],
        [*PIP, "install", "--quiet", "--no-deps", "--no-build-isolation", "--editable", str(ROOT)],
    ]
    run(steps)


def install_spark() -> None:
    """Bring Spark, the one package that is offered as source only: what builds it comes first, pinned like the rest."""
    say("Installing Apache Spark (430 MB); the first time takes two minutes or three ...")
    folder = ROOT / "requirements"
    run(
        [
            [*PIP, *PINNED, "-r", str(folder / "spark-build.txt")],
            [*PIP, *PINNED, "--no-binary", "pyspark", "--no-build-isolation", "-r", str(folder / "spark.txt")],
        ]
    )


def run(steps: list[list[str]]) -> None:
    for step in steps:
        environment = {**os.environ, "PIP_ROOT_USER_ACTION": "ignore"}
        done = subprocess.run(step, env=environment, stdout=sys.stderr, check=False)
        if done.returncode != 0:
            stop(
                "the packages could not be installed (the reason stands above). Check the "
                "network or the package index that pip is set up with, and run the command again."
            )


def main() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 - this is the file that says so to older Pythons
        version = ".".join(map(str, sys.version_info[:3]))
        stop(f"Python 3.11 or newer is needed; {sys.executable} is {version}. Try: make demo PYTHON=python3.11")
    wanted = sys.argv[1] if len(sys.argv) > 1 else "run"
    try:
        ENVIRONMENT.mkdir(exist_ok=True)
        lock = (ENVIRONMENT / ".lock").open("w")
    except OSError as refused:
        stop(
            f"{ENVIRONMENT} cannot be written ({refused.strerror}). Run the command as the user to whom this folder "
            "belongs, or make a clone of your own."
        )
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # The test requirements contain the run requirements, at the same versions.
        requirements = ROOT / "requirements" / f"{wanted}.txt"
        for accepted in {wanted, "test"}:
            stamp = ENVIRONMENT / f".installed-{accepted}"
            pinned = ROOT / "requirements" / f"{accepted}.txt"
            if stamp.exists() and stamp.read_text() == fingerprint(pinned):
                break
        else:
            free_mb = shutil.disk_usage(ROOT).free // 2**20
            if free_mb < NEEDED_MB[wanted]:
                stop(f"{free_mb} MB are free on this disk; {NEEDED_MB[wanted]} MB are needed.")
            install(ROOT / "requirements" / ("run.txt" if wanted == "spark" else requirements.name))
            if wanted != "run":
                install_spark()
            (ENVIRONMENT / f".installed-{wanted}").write_text(fingerprint(requirements))
        python = str(ENVIRONMENT / "bin" / "python")
        subprocess.run([python, str(ROOT / "tools" / "translations.py"), "compile"], check=True)
        if subprocess.run([python, str(ROOT / "tools" / "browser.py")], check=False).returncode != 0:
            raise SystemExit(1)


if __name__ == "__main__":
    main()
