"""Connectivity between maps of cells: convolutions, pooling, local fields.

Cells of a population are those of maps, channel by channel and each row by row: cell
(channel, row, column) of maps (channels, height, width) is number
``(channel * height + row) * width + column``, as NumPy flattens such an array. Cell
(row, column) of a postsynaptic map looks at a field of `kernel` rows and columns of the
presynaptic ones, which begins at (row * stride - padding, column * stride - padding).
Outside of the maps nothing is seen. So there are
(height + 2 padding - kernel) // stride + 1 rows, and columns likewise.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from circuits.maps import LOCAL, POOLING, SHARING, Maps, two
from dendrites._checks import whole_number
from dendrites.errors import ModelError


@dataclass(frozen=True)
class Convolution(Maps):
    """One kernel for every pair of maps, at every place: a cross-correlation.

    Weights are (c_out, c_in, kernel rows, kernel columns), and

    drive[o, r, c] = sum over i, y, x of
    weights[o, i, y, x] * signal[i, r * stride + y - padding, c * stride + x - padding],

    which is `scipy.signal.correlate2d(signal[i], weights[o, i], "valid")` summed over i
    (stride 1, no padding), or `torch.nn.functional.conv2d`. For the order of cells see
    `circuits.images`.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the presynaptic maps.
    kernel : int or (int, int)
        Rows and columns of a field.
    channels : (int, int)
        Presynaptic and postsynaptic maps, c_in and c_out.
    stride, padding : int or (int, int)
        Of rows and columns.

    Attributes
    ----------
    pre_shape, post_shape : (int, int, int)
        Channels, height and width of both sides.
    n_pre, n_post : int
        Sizes of populations that fit.
    transposed : Transposed
        What carries signals back through the same kernels.

    Raises
    ------
    ModelError
        For a kernel that does not fit into the maps.
    """

    name: ClassVar[str] = "convolution"
    axes: ClassVar[tuple[str, ...]] = (
        "post_channel",
        "pre_channel",
        "kernel_row",
        "kernel_column",
    )
    form: ClassVar[str] = "(c_out, c_in, kernel rows, kernel columns)"
    kind: ClassVar[int] = SHARING

    def __post_init__(self):
        form = "(c_in, c_out)"
        self._keep("channels", two("Convolution: channels", self.channels, form))
        super().__post_init__()

    @property
    def slot_shape(self) -> tuple[int, ...]:
        """Shape of the weights."""
        return *self.channels[::-1], *self.kernel

    def hint(self, shape, wanted):
        """What may be done about weights of another shape than wanted, or nothing."""
        swapped = len(shape) == 4 and (shape[1], shape[0], *shape[2:]) == tuple(wanted)
        return "Swap their first two axes?" if swapped else ""


@dataclass(frozen=True)
class LocallyConnected(Convolution):
    """The fields of a convolution, with weights of its own at every place.

    Weights are (c_out, rows, columns, c_in, kernel rows, kernel columns): at every
    postsynaptic cell those of its field. Those outside of the maps are zero.

    Parameters
    ----------
    shape, kernel, channels, stride, padding : see `Convolution`
    """

    name: ClassVar[str] = "locally_connected"
    axes: ClassVar[tuple[str, ...]] = (
        "post_channel",
        "row",
        "column",
        "pre_channel",
        "kernel_row",
        "kernel_column",
    )
    form: ClassVar[str] = "(c_out, rows, columns, c_in, kernel rows, kernel columns)"
    kind: ClassVar[int] = LOCAL

    @property
    def slot_shape(self) -> tuple[int, ...]:
        """Shape of the weights."""
        return *self.post_shape, self.channels[0], *self.kernel

    def hint(self, shape, wanted):
        """What may be done about weights of another shape than wanted, or nothing."""
        kernels = (wanted[0], *wanted[3:])
        return "Repeat them at every place" if tuple(shape) == kernels else ""

    def masked(self, weights: np.ndarray) -> np.ndarray:
        """The weights, zero where their field has left the maps."""
        inside = np.zeros(int(np.prod(self.slot_shape)), bool)
        inside[self.synapses().slots] = True
        return np.where(inside.reshape(self.slot_shape), weights, 0.0)

    # A run holds (c_out, c_in, kernel rows and columns, rows, columns), so that what
    # belongs to one row of cells follows each other.

    def flatten(self, weights: np.ndarray) -> np.ndarray:
        """Float64 weights in the order of a run."""
        return np.asarray(weights, float).transpose(0, 3, 4, 5, 1, 2).ravel()

    def unflatten(self, flat: np.ndarray, n_post: int, n_pre: int) -> np.ndarray:
        """Weights of what `flatten` gives."""
        out, *places, c_in, y, x = self.slot_shape
        held = np.asarray(flat, float).reshape(out, c_in, y, x, *places)
        return np.ascontiguousarray(held.transpose(0, 4, 5, 1, 2, 3))


@dataclass(frozen=True)
class Pooling(Maps):
    """The sum of a field, map by map, times one weight for each map.

    Weights are (channels,). With ``initial=Constant(pooling.average)`` and no rule this
    is average pooling (what lies outside of the maps counts as zeros). The largest of a
    field is no weighted sum, and cannot be said.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the presynaptic maps.
    kernel : int or (int, int)
        Rows and columns of a field.
    channels : int
        Maps on both sides.
    stride : int or (int, int), optional
        Default: the kernel, so that fields do not overlap.
    padding : int or (int, int)

    Attributes
    ----------
    average : float
        One over the cells of a field.
    pre_shape, post_shape, n_pre, n_post, transposed : see `Convolution`
    """

    channels: int | tuple[int, int] = 1
    stride: int | tuple[int, int] | None = None

    name: ClassVar[str] = "pooling"
    axes: ClassVar[tuple[str, ...]] = ("channel",)
    form: ClassVar[str] = "(channels,)"
    kind: ClassVar[int] = POOLING

    def __post_init__(self):
        given = self.channels
        if isinstance(given, tuple) and len(given) == 2 and given[0] == given[1]:
            given = given[0]  # as it is kept
        n = whole_number("Pooling: channels", given, lowest=1, error=ModelError)
        self._keep("channels", (n, n))
        if self.stride is None:
            self._keep("stride", self.kernel)
        super().__post_init__()

    @property
    def slot_shape(self) -> tuple[int, ...]:
        """Shape of the weights."""
        return self.channels[:1]

    @property
    def average(self) -> float:
        """The weight with which fields are averaged."""
        return 1.0 / float(np.prod(self.kernel))

    def _slots(self):
        return np.arange(self.channels[0]).reshape(-1, 1, 1, 1, 1, 1)
