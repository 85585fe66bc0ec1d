"""Calls of compiled loops by their address, and pointers into arenas.

Engine loops hold the wrapped scalar functions as arrays of addresses and call them
through the intrinsics below, so they are compiled once for all cells and rules. (A
typed list of first-class functions does the same, but compiles its own methods in
every process: 2.3 s, measured.)

Loops receive pointers, not arrays. Numba lets an index of an array be negative, and the
test for that keeps ``a[offset + i]`` from being vectorised; it cost a factor of 3 to 5.
"""

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from dendrites.compile.jit import jit_disabled

# Arguments of each kind of loop: P a pointer (made by `at`), I an
# integer, N a number of the arena's type.
FORMS = {
    # state, field, stride, params, dt, n
    "cell": "PPIPNI",
    # state, stride, params, out, n
    "read": "PIPPI",
    # state at the teaching, baseline and gain moment, stride, params, out, n
    "factor": "PPPIPPI",
    # weights, n_pre, n_post, paired, state, stride, params, signal, samples, scale,
    # bounds
    "synapse": "PIIIPIPPINNN",
}


def signature(kind: str, number):
    """Numba signature of a kind of loop, for float32 or float64 as `number`."""
    meaning = {"P": types.CPointer(number), "I": types.int64, "N": number}
    return types.void(*(meaning[letter] for letter in FORMS[kind]))


def address(loop) -> int:
    """Address of a compiled loop; the loop must be kept alive by the caller."""
    compiled = loop.get_compile_result(loop.nopython_signatures[0])
    name = compiled.fndesc.llvm_func_name
    return compiled.library.get_pointer_to_function(name)


def _plain_call(loop, arguments):
    """The call without compilation: pointers are the tails of arrays."""
    loop(*arguments)


def _element(context, builder, array_type, array, index):
    """Pointer to an element of a contiguous array."""
    array = context.make_array(array_type)(context, builder, array)
    return builder.gep(array.data, [index])


def _caller(kind):
    if jit_disabled():
        return _plain_call

    @intrinsic
    def call(context, loop, arguments):
        # A pointer comes first in every form; arrays would be counted as references.
        wanted = signature(kind, arguments.types[0].dtype)

        def generate(context, builder, own, values):
            address, packed = values
            unpacked = []
            for k, (have, want) in enumerate(
                zip(own.args[1].types, wanted.args, strict=True)
            ):
                value = builder.extract_value(packed, k)
                if have != want:
                    value = context.cast(builder, value, have, want)
                unpacked.append(value)
            convention = context.call_conv
            form = convention.get_function_type(wanted.return_type, wanted.args)
            function = builder.inttoptr(address, form.as_pointer())
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


if jit_disabled():

    def at(array, offset):
        """The array from an offset on, to be indexed by whole numbers >= 0 only."""
        return array[offset:]

else:

    @intrinsic
    def at(context, array, offset):
        """Pointer to an element of a contiguous array."""
        pointer = types.CPointer(array.dtype)

        def generate(context, builder, own, values):
            return _element(context, builder, own.args[0], *values)

        return pointer(array, types.int64), generate
