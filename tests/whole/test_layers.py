"""The map of the architecture is what the imports say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "koinon"


def test_each_package_imports_only_from_those_below_it() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache", "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("package", ["kernel", "db", "audit", "outbox", "ledger"])
def test_books_can_be_used_where_django_is_not_installed(package: str) -> None:
    modules = [
        ".".join(file.relative_to(SOURCE.parent).with_suffix("").parts)
        for file in sorted((SOURCE / package).rglob("*.py"))
        if file.name != "__init__.py"
    ]
    code = "import sys; sys.modules['django'] = None\n" + "\n".join(f"import {module}" for module in modules)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("package", sorted(path.parent.name for path in SOURCE.glob("*/__init__.py")))
def test_a_packages_front_page_holds_only_a_docstring(package: str) -> None:
    import ast

    body = ast.parse((SOURCE / package / "__init__.py").read_text(encoding="utf-8")).body
    assert [type(part).__name__ for part in body] == ["Expr"]
