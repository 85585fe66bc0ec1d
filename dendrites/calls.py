"""Calls of compiled loops by their address.

Engine loops hold the wrapped scalar functions as arrays of addresses and call them
through the intrinsics below, so they are compiled once for all cells and rules. (A
typed list of first-class functions does the same, but compiles its own methods in
every process: 2.3 s, measured.)
"""

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from dendrites.jit import jit_disabled


def signature(kind: str, number):
    """Numba signature of a kind of loop, for float32 or float64 as `number`."""
    a, i = types.Array(number, 1, "C"), types.int64
    arguments = {
        # state, offset, field, offset, stride, params, offset, dt, n
        "cell": (a, i, a, i, i, a, i, number, i),
        # state, offset, stride, params, offset, out, offset, n
        "read": (a, i, i, a, i, a, i, i),
        # teaching, baseline and gain state with offsets, stride, params, offset, out,
        # offset, n
        "factor": (a, i, a, i, a, i, i, a, i, a, i, i),
        # weights, offset, n_pre, n_post, state, offset, stride, params, offset, pre,
        # offset, n_samples, scale, lower, upper
        "synapse": (a, i, i, i, a, i, i, a, i, a, i, i, number, number, number),
    }[kind]
    return types.void(*arguments)


def address(loop) -> int:
    """Address of a compiled loop; the loop must be kept alive by the caller."""
    compiled = loop.get_compile_result(loop.nopython_signatures[0])
    name = compiled.fndesc.llvm_func_name
    return compiled.library.get_pointer_to_function(name)


def _caller(kind):
    if jit_disabled():
        return lambda loop, arguments: loop(*arguments)

    @intrinsic
    def call(context, loop, arguments):
        number = arguments.types[0].dtype
        wanted = signature(kind, number)

        def generate(context, builder, own, values):
            pointer, packed = values
            given = own.args[1].types
            unpacked = [
                context.cast(builder, builder.extract_value(packed, k), have, want)
                for k, (have, want) in enumerate(zip(given, wanted.args, strict=True))
            ]
            convention = context.call_conv
            form = convention.get_function_type(wanted.return_type, wanted.args)
            function = builder.inttoptr(pointer, form.as_pointer())
            status, _ = convention.call_function(
                builder, function, wanted.return_type, wanted.args, unpacked
            )
            with cgutils.if_unlikely(builder, status.is_error):
                convention.return_status_propagate(builder, status)
            return context.get_dummy_value()

        return types.void(types.int64, arguments), generate

    return call


call_cell = _caller("cell")
call_read = _caller("read")
call_factor = _caller("factor")
call_synapse = _caller("synapse")
