"""Geometry of connectivity between maps of cells, which `images` makes kinds of."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from circuits.shared_weights import SharedWeights, SlotSynapses
from dendrites._checks import shown, whole_number
from dendrites.errors import ConfigError, ModelError

# How weights belong to fields, as the engine's geometry says it.
SHARING, POOLING, LOCAL = range(3)


class BetweenMaps(SharedWeights):
    """What `Maps` and what is `Transposed` of them have in common."""

    pre_shape: tuple[int, int, int]
    post_shape: tuple[int, int, int]
    n_pre: int
    n_post: int

    @property
    def maps(self) -> str:
        """Both sides in words."""
        return f"{self.pre_shape} to {self.post_shape}"

    def problems(self, n_post: int, n_pre: int) -> Iterator[str]:
        """Why populations of these sizes cannot be joined."""
        if (n_post, n_pre) != (self.n_post, self.n_pre):
            yield (
                f"a {self.name} of maps {self.maps} (channels, height, "
                f"width) joins {self.n_pre} to {self.n_post} cells, got {n_pre} "
                f"-> {n_post}"
            )


@dataclass(frozen=True)
class Maps(BetweenMaps):
    """Fields of presynaptic maps at every place of postsynaptic ones."""

    shape: tuple[int, int]
    kernel: tuple[int, int]
    channels: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)

    kind: ClassVar[int]

    def __post_init__(self):
        where = type(self).__name__
        self._keep("shape", two(f"{where}: shape", self.shape, "(height, width)"))
        self._keep("kernel", two(f"{where}: kernel", self.kernel))
        self._keep("stride", two(f"{where}: stride", self.stride))
        self._keep("padding", two(f"{where}: padding", self.padding, least=0))
        for k, side in enumerate(("rows", "columns")):
            field, padding, size = self.kernel[k], self.padding[k], self.shape[k]
            if field > size + 2 * padding:
                raise ModelError(
                    f"{where}: a kernel of {field} {side} does not fit into {size} "
                    f"{side} with padding {padding}: use a smaller kernel or more "
                    "padding"
                )
            if padding >= field:
                raise ModelError(
                    f"{where}: padding = {padding} {side}: fields of {field} {side} at "
                    f"the edge would see nothing; use at most {field - 1}"
                )

    def _keep(self, option, value):
        object.__setattr__(self, option, value)

    @property
    def pre_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of the presynaptic maps."""
        return self.channels[0], *self.shape

    @property
    def post_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of the postsynaptic maps."""
        sides = zip(self.shape, self.kernel, self.stride, self.padding, strict=True)
        return self.channels[1], *((n + 2 * p - k) // s + 1 for n, k, s, p in sides)

    @property
    def n_pre(self) -> int:
        """Number of presynaptic cells."""
        return int(np.prod(self.pre_shape))

    @property
    def n_post(self) -> int:
        """Number of postsynaptic cells."""
        return int(np.prod(self.post_shape))

    @property
    def transposed(self) -> "Transposed":
        """The same synapses the other way round, with weights of the same array."""
        return Transposed(self)

    def fan_in(self, n_pre: int) -> int:
        """Presynaptic cells of a postsynaptic one, at most."""
        return int(np.prod(self.kernel)) * self._inputs

    def work(self, n_post: int, n_pre: int) -> int:
        """Multiply-adds of a product, for one sample."""
        return self.n_post * self.fan_in(n_pre)

    @property
    def _inputs(self):
        """Presynaptic channels that one postsynaptic channel looks at."""
        return 1 if self.kind == POOLING else self.channels[0]

    def patches(self) -> int:
        """Numbers of the fields of one sample, laid out one after the other.

        With room behind them: rows are copied eight numbers at a time.
        """
        _, rows, columns = self.post_shape
        needed = self.channels[0] * int(np.prod(self.kernel)) * rows * columns
        return needed + 8 if self.kind == SHARING else 0

    def index(self, n_post: int, n_pre: int) -> np.ndarray:
        """The geometry, as `circuits.engine.operations.images` reads it."""
        numbers = [*self.pre_shape, *self.post_shape, *self.kernel, *self.stride]
        return np.array([*numbers, *self.padding, self.kind, 0], np.int64)

    def synapses(self) -> SlotSynapses:
        """All synapses; slots count weights in the order of their array."""
        c_in, height, width = self.pre_shape
        c_out, n_rows, n_columns = self.post_shape
        dims = c_out, n_rows, n_columns, self._inputs, *self.kernel
        out, row, column, channel, i, j = np.indices(dims)
        y = row * self.stride[0] - self.padding[0] + i
        x = column * self.stride[1] - self.padding[1] + j
        inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        source = out if self.kind == POOLING else channel
        post = (out * n_rows + row) * n_columns + column
        pre = (source * height + y) * width + x
        slots = np.broadcast_to(self._slots(), dims)
        return SlotSynapses(*(a[inside].astype(np.int64) for a in (post, pre, slots)))

    def _slots(self):
        """Slots (c_out, rows, columns, c_in, kernel rows and columns), or of one."""
        slots = np.arange(int(np.prod(self.slot_shape))).reshape(self.slot_shape)
        return slots if self.kind == LOCAL else slots[:, None, None]


@dataclass(frozen=True)
class Transposed(BetweenMaps):
    """The synapses of maps the other way round, with weights of the same array.

    Of a convolution this is the transposed convolution: with stride 1 and no padding
    `scipy.signal.convolve2d(signal[o], weights[o, i], "full")` summed over o, or
    `torch.nn.functional.conv_transpose2d`. Tied to a convolution with
    ``Tied(..., transpose=True)`` it carries errors back through its kernels; with
    weights of its own it is a feedback of the same form.

    Parameters
    ----------
    of : Convolution, LocallyConnected or Pooling
    """

    of: Maps

    def __post_init__(self):
        if not isinstance(self.of, Maps):
            raise ModelError(
                f"Transposed: of is a {type(self.of).__name__}, must be a Convolution, "
                "LocallyConnected or Pooling"
            )

    name = property(lambda self: f"transposed_{self.of.name}")
    axes = property(lambda self: self.of.axes)
    form = property(lambda self: self.of.form)
    slot_shape = property(lambda self: self.of.slot_shape)
    n_pre = property(lambda self: self.of.n_post)
    n_post = property(lambda self: self.of.n_pre)
    pre_shape = property(lambda self: self.of.post_shape)
    post_shape = property(lambda self: self.of.pre_shape)
    transposed = property(lambda self: self.of)

    def synapses(self) -> SlotSynapses:
        """All synapses; slots count weights in the order of their array."""
        post, pre, slots = self.of.synapses()
        return SlotSynapses(pre, post, slots)

    def fan_in(self, n_pre: int) -> int:
        """Presynaptic cells of a postsynaptic one, at most."""
        sides = zip(self.of.kernel, self.of.stride, strict=True)
        seen = [-(-kernel // stride) for kernel, stride in sides]
        maps = 1 if self.of.kind == POOLING else self.of.channels[1]
        return int(np.prod(seen)) * maps

    def work(self, n_post: int, n_pre: int) -> int:
        """Multiply-adds of a product, for one sample."""
        return self.of.work(n_pre, n_post)

    def patches(self) -> int:
        """Numbers of the fields of one sample, laid out one after the other."""
        return self.of.patches()

    def index(self, n_post: int, n_pre: int) -> np.ndarray:
        """The geometry of what it transposes, and that it does."""
        found = self.of.index(n_pre, n_post)
        found[-1] = 1
        return found

    def hint(self, shape, wanted):
        """What may be done about weights of another shape than wanted, or nothing."""
        return self.of.hint(shape, wanted)

    def masked(self, weights: np.ndarray) -> np.ndarray:
        """The weights, zero where there is no synapse."""
        return self.of.masked(weights)

    def flatten(self, weights: np.ndarray) -> np.ndarray:
        """Float64 weights in the order of a run."""
        return self.of.flatten(weights)

    def unflatten(self, flat: np.ndarray, n_post: int, n_pre: int) -> np.ndarray:
        """Weights of what `flatten` gives."""
        return self.of.unflatten(flat, n_pre, n_post)


def two(where, value, form=None, *, least=1):
    """Two whole numbers, or one for rows and columns where they have no other form."""
    allowed = form or "a number or (rows, columns)"
    several = isinstance(value, tuple | list) or np.ndim(value) == 1
    pair = tuple(value) if several else (value, value)
    try:
        if len(pair) != 2 or (form is not None and not several):
            raise ConfigError
        return tuple(whole_number(where, v, lowest=least) for v in pair)
    except ConfigError:
        raise ModelError(
            f"{where} = {shown(value)}: must be {allowed}, whole numbers >= {least}"
        ) from None
