"""Kernels that numba compiles once and keeps where this installation may write.

A kernel compiled for this machine lies in NUMBA_CACHE_DIR, else in the user's cache folder, else in ``numba`` under
KOINON_VAR. Whoever calls a kernel for the first time waits for a few seconds: ``waits_for_compiler`` says so before.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils
from numba.extending import intrinsic

_Function = TypeVar("_Function", bound=Callable[..., Any])
_njit: Any = numba.njit  # Its types do not know every option that it takes.
_BARE = {"boundscheck": False, "_nrt": False}


def cache_folder() -> Path:
    """Where compiled kernels are kept; made when it is not there."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))
    variable = Path(os.environ.get("KOINON_VAR") or Path(__file__).resolve().parents[4] / "var")
    named = os.environ.get("NUMBA_CACHE_DIR")
    for place in ([Path(named)] if named else []) + [caches / "koinon" / "numba", variable / "numba"]:
        if _may_write(place):
            return place
    return Path(tempfile.gettempdir()) / f"koinon-numba-{os.getuid()}"


def _may_write(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


setattr(numba.config, "CACHE_DIR", str(cache_folder()))  # noqa: B010  (It is made at run time, unknown to types.)


def kernel(function: _Function) -> _Function:
    """Compile at the first call, keep the result, and let other threads run meanwhile.

    It works in arrays that its caller holds and makes none: without a count of who holds them it is a quarter quicker.
    """
    return cast(_Function, _njit(cache=True, nogil=True, no_cfunc_wrapper=True, **_BARE)(function))


def inlined(function: _Function) -> _Function:
    """A part of a kernel, compiled into it; Python cannot call it, which saves a fifth of the compiler's time."""
    return cast(_Function, _njit(forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, **_BARE)(function))


def waits_for_compiler(*modules: str) -> bool:
    """Whether the kernels of these modules ("lots", "mixing") are still to be compiled on this machine."""
    here = Path(__file__).parent
    folder = cache_folder()
    version = f"py{sys.version_info.major}{sys.version_info.minor}"
    return any(
        max((kept.stat().st_mtime for kept in folder.glob(f"**/{module}.*{version}.nbi")), default=0.0)
        < (here / f"{module}.py").stat().st_mtime
        for module in modules
    )


def _prefetch(_context: Any, array: Any, row: Any) -> Any:
    """Ask for the beginning of a row of a two-dimensional array (or an item of a list) before it is needed."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        of_type, _ = signature.args
        values = context.make_array(of_type)(context, builder, arguments[0])
        stride = cgutils.unpack_tuple(  # type: ignore[no-untyped-call]
            builder, values.strides, of_type.ndim
        )[0]
        start = builder.bitcast(values.data, ir.IntType(8).as_pointer())
        index = arguments[1]
        if index.type.width < stride.type.width:
            index = builder.sext(index, stride.type)
        place = builder.gep(start, [builder.mul(index, stride)])
        number = ir.IntType(32)
        ask = cgutils.get_or_insert_function(  # type: ignore[no-untyped-call]
            builder.module,
            ir.FunctionType(ir.VoidType(), [place.type, number, number, number]),
            "llvm.prefetch.p0",
        )
        builder.call(ask, [place, number(0), number(3), number(1)])
        return context.get_dummy_value()

    return numba.types.void(array, row), generate


prefetch: Any = intrinsic(_prefetch)
