"""Asking for memory ahead of its use: an instruction that fetches a cache line and waits for nothing."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.extending import intrinsic
from numba.np.arrayobj import make_array

from expunge.compiled import inner

__all__ = ["near", "near_all"]

_BYTE, _INT = ir.IntType(8), ir.IntType(32)


def _emitted(_context: Any, array: Any, _row: Any, _byte: Any) -> Any:
    """The instruction; what it takes in numbers of 64 bits, whatever they were."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = make_array(signature.args[0])(context, builder, arguments[0])
        step = builder.extract_value(array.strides, 0)
        at = builder.add(builder.mul(arguments[1], step), arguments[2])
        pointer = builder.gep(builder.bitcast(array.data, _BYTE.as_pointer()), [at])
        kind = ir.FunctionType(ir.VoidType(), [_BYTE.as_pointer(), _INT, _INT, _INT])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(prefetch, [pointer, _INT(0), _INT(3), _INT(1)])  # to read, keep close, data
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp), emit


#: Ask for the cache line in which a byte of a row of an array stands: ``near(array, row, byte)``. A row is what the
#: first index counts. Nothing is read, and nothing can fail, whatever the numbers are.
near: Any = intrinsic(_emitted)


@inner
def near_all(array: Any, row: Any, n_bytes: int) -> int:
    """Ask for all of a row of so many bytes; how many lines that are, give or take one."""
    for byte in range(0, n_bytes, 64):
        near(array, row, byte)
    near(array, row, n_bytes - 1)
    return (n_bytes + 63) // 64
