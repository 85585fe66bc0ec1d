"""Operations: compiled functions of one form, called by their address.

Whatever a program does, it does by functions of one signature,

    operation(weights, lane, row, span)

two pointers to numbers of an arena's type and two to whole numbers. A program holds
addresses and resolved operands, so nothing is compiled for a new cell, rule, size or
depth. The intrinsics below call by address, move pointers, and find numbers behind
whole ones.

Operations receive pointers, not arrays. Numba lets an index of an array be negative,
and the test for that keeps ``a[offset + i]`` from being vectorised; it cost a factor of
3 to 5.

Where NUMBA_DISABLE_JIT is set, a pointer is the tail of an array and an address is a
number under which `hold` keeps an object.
"""

import itertools
import struct
import weakref

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.numpy_support import from_dtype

from dendrites.compile.jit import jit_disabled, one_compiles

# Numbers that a loop keeps at hand, which stay in the cache nearest to the processor.
TILE = 256


def operation_signature(number):
    """Numba signature of every operation, for float32 or float64 as `number`."""
    numbers, integers = types.CPointer(number), types.CPointer(types.int64)
    return types.void(numbers, numbers, integers, integers)


@one_compiles
def address(operation, dtype) -> int:
    """Address of an operation, compiled for this type of numbers if it is not yet.

    The operation must be kept alive.
    """
    if jit_disabled():
        return hold(operation)
    wanted = operation_signature(from_dtype(np.dtype(dtype)))
    if wanted.args not in operation.overloads:
        operation.compile(wanted)
    compiled = operation.get_compile_result(wanted)
    name = compiled.fndesc.llvm_func_name
    return compiled.library.get_pointer_to_function(name)


def hold(thing) -> int:
    """Where an array begins, as a whole number; the array must be kept alive."""
    if not jit_disabled():
        return thing.ctypes.data
    number = next(_NUMBERS)
    _HELD[number] = thing
    return number


_NUMBERS = itertools.count(1)
_HELD = weakref.WeakValueDictionary()


def bits(value: float) -> int:
    """A float64 as the whole number of the same bits, to stand in a row."""
    return struct.unpack("<q", struct.pack("<d", value))[0]


def _void_pointer(builder, value):
    return builder.bitcast(value, ir.IntType(8).as_pointer())


if jit_disabled():

    def at(array, offset):
        """The array from an offset on, to be indexed by whole numbers >= 0 only."""
        return array.reshape(-1)[offset:]

    def apart(array, offset):
        """The same, told to be an array of its own."""
        return at(array, offset)

    def real(row, k):
        """The float64 whose bits stand at place k of whole numbers."""
        return row[k : k + 1].view(np.float64)[0]

    def bits_of(value):
        """A number as the whole number of the bits of its float64."""
        return bits(value)

    def integers(place):
        """The whole numbers that `hold` was given."""
        return _HELD[int(place)]

    def short_integers(place):
        """The whole numbers of 32 bits that `hold` was given; 0 stands for none."""
        return _HELD.get(int(place))

    def numbers(like, place):
        """The numbers, of the type of those behind `like`, that `hold` was given."""
        return _HELD[int(place)]

    def call_operation(place, weights, lane, row, span):
        """Call the operation of that address."""
        _HELD[int(place)](weights, lane, row, span)

    def cast(like, value):
        """A number as one of the type of those behind `like`."""
        return like.dtype.type(value)

    def bytes_of(like):
        """Bytes of a number of the type of those behind `like`."""
        return like.dtype.itemsize

    def tile(like):
        """Room for `TILE` numbers of the type of those behind `like`."""
        return np.empty(TILE, like.dtype)

    def add_product(transposed, m, n, k, alpha, a, b, beta, c):
        """C (m, n) = alpha A B + beta C, with A given as (k, m) where `transposed`."""
        left = a[: m * k].reshape(k, m).T if transposed else a[: m * k].reshape(m, k)
        product = alpha * (left @ b[: k * n].reshape(k, n)).ravel()
        c[: m * n] = product if beta == 0 else product + beta * c[: m * n]

    def copy_eight(source, target):
        """Copy eight numbers."""
        target[:8] = source[:8]

    def add_eight(source, target):
        """Add eight numbers to others."""
        target[:8] += source[:8]

    def add_product_turned(m, n, k, alpha, a, b, beta, c):
        """C (m, n) = alpha A B + beta C, with B given as (n, k)."""
        turned = b[: n * k].reshape(n, k).T.ravel()
        add_product(False, m, n, k, alpha, a, turned, beta, c)

else:

    @intrinsic
    def at(context, array, offset):
        """Pointer to an element of a contiguous array, or so far behind a pointer."""
        pointer = types.CPointer(array.dtype)

        def generate(context, builder, own, values):
            first, offset = values
            if isinstance(own.args[0], types.Array):
                first = context.make_array(own.args[0])(context, builder, first).data
            return builder.gep(first, [offset])

        return pointer(array, types.int64), generate

    @intrinsic
    def apart(context, pointer, offset):
        """The same behind a pointer, told to be an array of its own.

        A loop that branches was measured to lose 8 % where the compiler knew that all
        it reads and writes belongs to one array.
        """

        def generate(context, builder, own, values):
            first, offset = values
            place = offset.type
            size = context.get_abi_sizeof(first.type.pointee)
            behind = builder.mul(offset, ir.Constant(place, size))
            moved = builder.add(builder.ptrtoint(first, place), behind)
            return builder.inttoptr(moved, first.type)

        return pointer(pointer, types.int64), generate

    @intrinsic
    def real(context, row, k):
        """The float64 whose bits stand at place k of whole numbers."""

        def generate(context, builder, own, values):
            value = builder.load(builder.gep(values[0], [values[1]]))
            return builder.bitcast(value, ir.DoubleType())

        return types.float64(row, types.int64), generate

    @intrinsic
    def bits_of(context, value):
        """A number as the whole number of the bits of its float64."""

        def generate(context, builder, own, values):
            wide = context.cast(builder, values[0], own.args[0], types.float64)
            return builder.bitcast(wide, ir.IntType(64))

        return types.int64(value), generate

    def _pointer(builder, number, address):
        return builder.inttoptr(address, number.as_pointer())

    @intrinsic
    def integers(context, place):
        """Pointer to whole numbers whose address is `place`."""

        def generate(context, builder, own, values):
            return _pointer(builder, ir.IntType(64), values[0])

        return types.CPointer(types.int64)(types.int64), generate

    @intrinsic
    def short_integers(context, place):
        """Pointer to whole numbers of 32 bits whose address is `place`."""

        def generate(context, builder, own, values):
            return _pointer(builder, ir.IntType(32), values[0])

        return types.CPointer(types.int32)(types.int64), generate

    @intrinsic
    def numbers(context, like, place):
        """Pointer to numbers of the type of those behind `like`."""

        def generate(context, builder, own, values):
            return builder.inttoptr(values[1], values[0].type)

        return like(like, types.int64), generate

    @intrinsic
    def cast(context, like, value):
        """A number as one of the type of those behind `like`."""

        def generate(context, builder, own, values):
            return context.cast(builder, values[1], own.args[1], own.args[0].dtype)

        return like.dtype(like, value), generate

    @intrinsic
    def bytes_of(context, like):
        """Bytes of a number of the type of those behind `like`."""

        def generate(context, builder, own, values):
            return ir.Constant(ir.IntType(64), own.args[0].dtype.bitwidth // 8)

        return types.int64(like), generate

    @intrinsic
    def tile(context, like):
        """Room for `TILE` numbers of the type of those behind `like`, on the stack."""

        def generate(context, builder, own, values):
            number = context.get_value_type(own.args[0].dtype)
            return cgutils.alloca_once(builder, number, size=TILE)

        return types.CPointer(like.dtype)(like), generate

    @intrinsic
    def call_operation(context, place, weights, lane, row, span):
        """Call the operation of that address."""
        wanted = operation_signature(weights.dtype)

        def generate(context, builder, own, values):
            convention = context.call_conv
            form = convention.get_function_type(wanted.return_type, wanted.args)
            function = builder.inttoptr(values[0], form.as_pointer())
            status, _ = convention.call_function(
                builder, function, wanted.return_type, wanted.args, values[1:]
            )
            with cgutils.if_unlikely(builder, status.is_error):
                convention.return_status_propagate(builder, status)
            return context.get_dummy_value()

        return types.void(types.int64, *wanted.args), generate

    @intrinsic
    def add_product(context, transposed, m, n, k, alpha, a, b, beta, c):
        """C (m, n) = alpha A B + beta C, with A given as (k, m) where `transposed`."""
        number = a.dtype

        def generate(context, builder, own, values):
            transposed, m, n, k, alpha, a, b, beta, c = values
            plain, turned = (ir.Constant(ir.IntType(8), ord(x)) for x in "nt")
            left = builder.select(transposed, turned, plain), a
            width = builder.select(transposed, m, k)
            right = plain, b, n
            sizes, scales = (m, n, k), (alpha, beta)
            _product(builder, number, sizes, scales, (*left, width), right, c)
            return context.get_dummy_value()

        signature = types.void(
            types.boolean,
            types.int64,
            types.int64,
            types.int64,
            number,
            a,
            b,
            number,
            c,
        )
        return signature, generate

    @intrinsic
    def add_product_turned(context, m, n, k, alpha, a, b, beta, c):
        """C (m, n) = alpha A B + beta C, with B given as (n, k)."""
        number = a.dtype

        def generate(context, builder, own, values):
            m, n, k, alpha, a, b, beta, c = values
            plain, turned = (ir.Constant(ir.IntType(8), ord(x)) for x in "nt")
            left, right = (plain, a, k), (turned, b, k)
            _product(builder, number, (m, n, k), (alpha, beta), left, right, c)
            return context.get_dummy_value()

        sizes = types.int64, types.int64, types.int64
        return types.void(*sizes, number, a, b, number, c), generate

    @intrinsic
    def copy_eight(context, source, target):
        """Copy eight numbers, as one vector where the processor has such.

        A loop over few numbers is not worth its tests of what overlaps.
        """

        def generate(context, builder, own, values):
            place, align = _eight(context, builder, own.args[0], values[1])
            numbers = _load_eight(context, builder, own.args[0], values[0])
            builder.store(numbers, place, align=align)
            return context.get_dummy_value()

        return types.void(source, target), generate

    @intrinsic
    def add_eight(context, source, target):
        """Add eight numbers to others."""

        def generate(context, builder, own, values):
            place, align = _eight(context, builder, own.args[0], values[1])
            added, numbers = (
                _load_eight(context, builder, own.args[0], v) for v in values
            )
            builder.store(builder.fadd(numbers, added), place, align=align)
            return context.get_dummy_value()

        return types.void(source, target), generate

    def _eight(context, builder, kind, place):
        """A place as that of a vector of eight, and how numbers of its kind lie."""
        number = context.get_value_type(kind.dtype)
        vector = ir.VectorType(number, 8).as_pointer()
        return builder.bitcast(place, vector), kind.dtype.bitwidth // 8

    def _load_eight(context, builder, kind, place):
        place, align = _eight(context, builder, kind, place)
        return builder.load(place, align=align)

    def _product(builder, number, sizes, scales, left, right, c):
        """Call the routine of the BLAS library that SciPy brings, on pointers.

        Either side is a letter ("t" if it is given transposed), a pointer and how long
        its rows are. Blocks lie row by row; the routine counts by columns, so it is
        asked for the transpose.
        """
        letter, void = ir.IntType(8), ir.IntType(8).as_pointer()
        m, n, k = sizes
        place = m.type
        form = ir.FunctionType(
            ir.IntType(32),
            [letter, letter, letter, place, place, place, void, void, place]
            + [void, place, void, void, place],
        )
        product = cgutils.get_or_insert_function(builder.module, form, "numba_xxgemm")
        slots = [cgutils.alloca_once_value(builder, x) for x in scales]
        kind = ir.Constant(letter, ord("s" if number == types.float32 else "d"))
        builder.call(
            product,
            (
                *(kind, right[0], left[0], n, m, k, _void_pointer(builder, slots[0])),
                *(_void_pointer(builder, right[1]), right[2]),
                *(_void_pointer(builder, left[1]), left[2]),
                *(_void_pointer(builder, slots[1]), _void_pointer(builder, c), n),
            ),
        )
