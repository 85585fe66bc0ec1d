"""CellModel: the equations of one cell, as plain scalar functions.

A cell model is three NamedTuples of floats (State, Params, Inputs) and one scalar
function, ``derivative(cell, inputs, p)`` or ``step(cell, inputs, p, dt)``. Because
the functions receive one cell, no model and no rule can look at a neighbour.
"""

import dis
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt
from pydantic import ConfigDict, TypeAdapter, ValidationError

from dendrites._checks import (
    as_float,
    flag,
    function,
    is_number,
    mapping,
    names,
    number,
    shown,
    text,
)
from dendrites._sendable import Sendable
from dendrites.errors import ModelError, choices
from dendrites.kernel import Kernel, check_kernels

POSITIVE = Gt(0)
NON_NEGATIVE = Ge(0)

# Explicit Euler on dx/dt = -x/tau is stable up to dt = 2 tau and oscillates above tau.
_LARGEST_STABLE_STEP = 2.0
_LARGEST_QUIET_STEP = 0.5

RANDOM_KINDS = ("white", "normal", "uniform")
# Arguments of the functions of a cell.
FORMS = {
    "derivative": "cell, inputs, p",
    "instantaneous": "cell, inputs, p",
    "step": "cell, inputs, p, dt",
    "spike": "cell, u, p, dt",
    "fired": "cell, count, p, dt",
    "time_constant": "p",
}


@dataclass(frozen=True, eq=False)
class CellModel(Sendable):
    """One cell: what it remembers, what reaches it, how it moves, what it shows.

    Parameters
    ----------
    name : str
        Name used in messages and output files.
    state, params, inputs : NamedTuple classes of floats
        Each field is ``Annotated[float, "unit", ...]``; further annotations
        ``POSITIVE`` and ``NON_NEGATIVE`` are checked.
    derivative : callable, optional
        ``derivative(cell, inputs, p) -> State`` of time derivatives, unit/ms.
    step : callable, optional
        ``step(cell, inputs, p, dt) -> State`` instead of a derivative.
    instantaneous : callable, optional
        ``instantaneous(cell, inputs, p) -> State`` fills algebraic compartments;
        it runs before anything reads them.
    reads : mapping of str to callable
        Scalar reads ``read(cell, p) -> float`` that projections, rules and
        recordings may use. Every State field is a read of its own name.
    parameters : instance of `params`
        Values of the parameters.
    compartments : tuple of str, optional
        State fields that are potentials of compartments; default: all fields.
    time_constant : callable, optional
        ``time_constant(p) -> float``: fastest time constant, ms. With it the step
        of explicit methods is checked before a run.
    quiet_dt : float, optional
        A published step, ms, that never warns.
    clamped : bool
        A source: the State fields ``value`` and ``active``, its first two, are set
        from outside. Others move by the derivative or step, which must leave these two
        alone; a source without other fields has neither.
    random : mapping of str to str, optional
        Input fields filled with fresh random numbers, independent for every cell,
        sample and step, and what fills them: ``"normal"``, standard normal;
        ``"uniform"``, in [0, 1); ``"white"``, standard normal / sqrt(dt): white noise
        of unit intensity in 1/sqrt(ms), so that a derivative with
        ``+ p.sigma * inputs.noise`` moves by sigma sqrt(dt) N(0, 1) in an Euler step
        (Euler-Maruyama). Both stages of Heun see the same number. Nothing else may
        reach such a field.
    spike : callable, optional
        ``spike(cell, u, p, dt) -> float``: the number of spikes in the step that has
        led to `cell`, from one uniform number u in [0, 1).
    fired : callable, optional
        ``fired(cell, count, p, dt) -> State``: the cell after its spikes are known,
        with the count in its State field ``spikes``; called in every step, also with
        count 0. A run that forces a spike train gives the count instead of `spike`.
        Spiking models have both functions, others neither.
    sparse : bool
        Whether `fired` leaves a cell without spikes as its `step` has left it, with 0
        in ``spikes``. It is then called for cells that spike alone, which spares a pass
        over all others. Some states are tried.
    monotone : bool
        Whether the count of `spike` only grows or only falls with u, for every cell: a
        clamped source that is silent at both ends of [0, 1) can then not fire at all.
        While its pattern stands still, numbers are drawn for other cells alone (they
        are the same, as numbers have addresses). Of clamped sources that are `sparse`.
        Some states are tried.
    traces : mapping of str to Kernel, optional
        Fields that a run fills with traces, exact at every step: inputs, or fields of
        the State that no input has the name of. An input field then
        holds, in the place of the sum of w s of the step, sum_j w_j (kernel * s_j) of
        the signals that have arrived, always with the present weights: a weight that
        moves acts on what is still remembered. A State field of a spiking cell holds
        its own spikes through the kernel, the newest with kernel(dt), after `fired`;
        what the functions return there is overwritten. Rules read it as
        ``presynaptic="<field>"``, and it is recorded and averaged as all State fields.
        How a projection keeps its traces is said in `docs/concepts.md`. Needs a
        step or the Euler methods, and phases that take time.
    limit : float
        A run stops where a State variable reaches this size, as one that diverged.
        Infinite: only where it is not a finite number.
    source : str
        Where the equations come from.

    Raises
    ------
    ModelError
        If functions or parameters do not fit; all parameter problems at once.
    """

    name: str
    state: type
    params: type
    inputs: type
    derivative: Callable | None = None
    step: Callable | None = None
    instantaneous: Callable | None = None
    reads: Mapping[str, Callable] = field(default_factory=dict)
    parameters: Any = None
    compartments: tuple[str, ...] | None = None
    time_constant: Callable | None = None
    quiet_dt: float | None = None
    clamped: bool = False
    random: Mapping[str, str] = field(default_factory=dict)
    spike: Callable | None = None
    fired: Callable | None = None
    sparse: bool = False
    monotone: bool = False
    traces: Mapping[str, Kernel] = field(default_factory=dict)
    limit: float = 1e6
    source: str = ""

    def __post_init__(self):
        text("cell model: name", self.name)
        where = f"cell model {self.name!r}"
        for part in ("state", "params", "inputs"):
            given = getattr(self, part)
            if not isinstance(given, type) or not hasattr(given, "_fields"):
                raise ModelError(
                    f"{where}: {part} must be a NamedTuple class of floats, got "
                    f"{shown(given)}"
                )
        self._check_types(where)
        ways = [way for way in (self.derivative, self.step) if way is not None]
        if len(ways) != 1 and not (self.clamped and not ways):
            raise ModelError(
                f"{where}: give exactly one of derivative(cell, inputs, p) and "
                "step(cell, inputs, p, dt); only a clamped source may have neither"
            )
        if self.clamped and ways and self.state._fields[:2] != ("value", "active"):
            raise ModelError(
                f"{where}: the state of a clamped source that moves must begin with "
                "value and active, which are set from outside; it has "
                + ", ".join(self.state._fields)
            )
        self._check_arguments(where)
        self._check_random(where)
        self._check_spikes(where)
        if not as_float(self.limit) > 0:
            raise ModelError(
                f"{where}: limit = {shown(self.limit)}: must be a number > 0, or "
                "math.inf for none"
            )
        compartments = self.state._fields
        if self.compartments is not None:
            compartments = names(f"{where}: compartments", self.compartments)
        object.__setattr__(self, "compartments", compartments)
        for name in self.compartments:
            if name not in self.state._fields:
                raise ModelError(
                    f"{where}: compartment {name!r} is no field of its state. "
                    + choices(name, self.state._fields)
                )
        given = self.parameters
        given = given._asdict() if hasattr(given, "_asdict") else given
        given = mapping(f"{where}: parameters", given, "numbers", error=ModelError)
        object.__setattr__(self, "parameters", self._checked(given))
        if self.sparse:
            self._check_sparse(where)
        if self.monotone:
            self._check_monotone(where)
        check_kernels(where, self.traces, self)

    def __repr__(self):
        inputs = ", ".join(self.inputs._fields) or "no inputs"
        kinds = (self.spiking, "spiking"), (self.clamped, "clamped")
        more = "".join(f", {kind}" for holds, kind in kinds if holds)
        state = ", ".join(self.compartments)
        return f"CellModel({self.name!r}: {state} <- {inputs}{more})"

    def with_parameters(self, **changes) -> "CellModel":
        """The same model with other parameter values."""
        unknown = [name for name in changes if name not in self.params._fields]
        if unknown:
            raise ModelError(
                f"cell model {self.name!r} has no parameter {unknown[0]!r}. "
                + choices(unknown[0], self.params._fields)
            )
        return replace(self, parameters={**self.parameters._asdict(), **changes})

    def read(self, name: str) -> Callable:
        """The scalar read of that name.

        Raises
        ------
        ModelError
            If the cell has no such read; the message lists those it has.
        """
        if name in self.reads:
            return self.reads[name]
        if name in self.state._fields:
            return state_field(name)
        raise ModelError(
            f"{self.name} cells have no read {name!r}. "
            + choices(name, self.read_names)
        )

    @property
    def constant(self) -> bool:
        """Whether the whole state is set from outside: a source without dynamics."""
        return self.clamped and self.derivative is None and self.step is None

    @property
    def spiking(self) -> bool:
        """Whether the cell has a spike rule."""
        return self.spike is not None

    @cached_property
    def draws_spikes(self) -> bool:
        """Whether the spike rule looks at its random number."""
        if self.spike is None:
            return False
        code = getattr(getattr(self.spike, "py_func", self.spike), "__code__", None)
        if code is None:
            return True
        u = code.co_varnames[1]
        used = {i.argval for i in dis.get_instructions(code) if "FAST" in i.opname}
        # Later versions load two variables by one instruction, named by a pair.
        names = {n for a in used for n in (a if isinstance(a, tuple) else (a,))}
        return u in names or u in code.co_cellvars

    @property
    def traced_inputs(self) -> dict[str, Kernel]:
        """Input fields that hold traces, with their kernels."""
        fields = self.inputs._fields
        return {name: k for name, k in self.traces.items() if name in fields}

    @property
    def own_traces(self) -> dict[str, Kernel]:
        """State fields that hold traces of the cell's own spikes."""
        inputs = self.inputs._fields
        return {name: k for name, k in self.traces.items() if name not in inputs}

    @property
    def n_fields(self) -> int:
        """Numbers a cell receives in a step: its inputs and what decides its spikes.

        The last one of a spiking cell is u of `spike`, or -1 minus a forced count.
        """
        return len(self.inputs._fields) + int(self.spiking)

    @property
    def read_names(self) -> tuple[str, ...]:
        """Names of all scalar reads."""
        return tuple(dict.fromkeys([*self.reads, *self.state._fields]))

    @cached_property
    def conductance_inputs(self) -> tuple[str, ...]:
        """Inputs that cannot be negative, by their annotation ``NON_NEGATIVE``."""
        hints = get_type_hints(self.inputs, include_extras=True)
        return tuple(
            name for name, hint in hints.items() if NON_NEGATIVE in get_args(hint)
        )

    def unit(self, name: str) -> str:
        """Unit of a State, Params or Inputs field; ``"1"`` where none is annotated."""
        for part in (self.state, self.params, self.inputs):
            if name in part._fields:
                return units(part)[name]
        return "1"

    def check_step(self, dt: float, *, explicit: bool = True) -> str | None:
        """Refuse a step that cannot be stable; return a warning text for a coarse one.

        Raises
        ------
        ModelError
            If `dt` exceeds twice the fastest time constant of an explicit method.
        """
        if self.time_constant is None or not explicit:
            return None
        tau = number(
            f"cell model {self.name!r}: time_constant(p)",
            self.time_constant(self.parameters),
            unit="ms",
            above=0.0,
        )
        if dt > _LARGEST_STABLE_STEP * tau:
            raise ModelError(
                f"dt = {dt:g} ms: {self.name} cells have a fastest time constant of "
                f"{tau:.4g} ms, and explicit steps above {2 * tau:.4g} ms diverge. "
                f"Use dt <= {tau / 2:.3g} ms."
            )
        if dt > _LARGEST_QUIET_STEP * tau and dt != self.quiet_dt:
            return (
                f"dt = {dt:g} ms is coarse for {self.name} cells: their fastest time "
                f"constant is {tau:.4g} ms. dt <= {tau / 2:.3g} ms follows it."
            )
        return None

    def _check_types(self, where):
        for name, form in FORMS.items():
            if getattr(self, name) is not None:
                function(f"{where}: {name}", getattr(self, name), f"({form})")
        for name in ("clamped", "sparse", "monotone"):
            flag(f"{where}: {name}", getattr(self, name))
        if self.quiet_dt is not None:
            number(f"{where}: quiet_dt", self.quiet_dt, unit="ms", above=0.0)
        text(f"{where}: source", self.source)
        for name, of in (
            ("reads", "names to functions"),
            ("random", "inputs to kinds"),
            ("traces", "fields to kernels"),
        ):
            given = mapping(
                f"{where}: {name}", getattr(self, name), of, error=ModelError
            )
            object.__setattr__(self, name, given)
        for name, read in self.reads.items():
            function(f"{where}: reads[{name!r}]", read, "(cell, p) -> float")
        for name, value in self.state._field_defaults.items():
            if not is_number(value):
                raise ModelError(
                    f"{where}: state: {name} = {shown(value)}: a default must be a "
                    "plain number"
                )

    def _check_arguments(self, where):
        for name, form in FORMS.items():
            given = getattr(self, name)
            code = getattr(getattr(given, "py_func", given), "__code__", None)
            if code is not None and code.co_argcount != form.count(",") + 1:
                raise ModelError(
                    f"{where}: {name} takes {code.co_argcount} arguments, must take "
                    f"{form.count(',') + 1}: ({form})"
                )

    def _check_random(self, where):
        for name, kind in self.random.items():
            if name not in self.inputs._fields:
                raise ModelError(
                    f"{where}: random input {name!r} is no field of its inputs. "
                    + choices(name, self.inputs._fields)
                )
            if not isinstance(kind, str) or kind not in RANDOM_KINDS:
                raise ModelError(
                    f"{where}: random input {name!r} is filled by {shown(kind)}, which "
                    "is no known kind. " + choices(shown(kind), RANDOM_KINDS)
                )

    def _check_spikes(self, where):
        if (self.spike is None) != (self.fired is None):
            raise ModelError(
                f"{where}: a spiking cell needs both spike(cell, u, p, dt) and "
                "fired(cell, count, p, dt); give the other one too, or neither"
            )
        if self.spiking and "spikes" not in self.state._fields:
            raise ModelError(
                f"{where}: a spiking cell keeps the count of its last step in a State "
                f"field 'spikes'; its state has {', '.join(self.state._fields)}"
            )

    def _check_sparse(self, where):
        if not self.spiking or self.step is None:
            raise ModelError(
                f"{where}: sparse is said of spikes after an own step, and it has "
                + ("no step" if self.spiking else "no spikes")
            )
        n, nothing = (
            len(self.state._fields),
            self.inputs(*[0.0] * len(self.inputs._fields)),
        )
        for k in range(3):
            # Distinct numbers of either sign.
            cell = self.state(*(((7 * v + k) % 11 - 3.5) * 1.25 for v in range(n)))
            cell = self.step(cell, nothing, self.parameters, 0.1)
            if cell.spikes != 0.0:
                raise ModelError(
                    f"{where}: sparse, but its step leaves spikes = {cell.spikes:g}; "
                    "set it to 0 there, or leave sparse out"
                )
            after = self.fired(cell, 0.0, self.parameters, 0.1)
            for name, old, new in zip(self.state._fields, cell, after, strict=True):
                if old != new:
                    raise ModelError(
                        f"{where}: sparse, but fired(cell, 0, p, dt) changes {name!r}; "
                        "move that into the step, or leave sparse out"
                    )

    def _check_monotone(self, where):
        if not (self.clamped and self.sparse):
            raise ModelError(
                f"{where}: monotone is said of clamped sources that are sparse; leave "
                "it out, it would have no effect"
            )
        for k in range(3):
            cell = self.state(*(v + 0.7 * k for v in range(len(self.state._fields))))
            counts = [self.spike(cell, u / 64, self.parameters, 0.1) for u in range(64)]
            if counts not in (sorted(counts), sorted(counts, reverse=True)):
                raise ModelError(
                    f"{where}: monotone, but the count of spike(cell, u, p, dt) both "
                    f"rises and falls with u at {cell}; leave monotone out"
                )

    def _checked(self, values):
        adapter = TypeAdapter(self.params, config=ConfigDict(allow_inf_nan=False))
        # Pydantic would read "10", b"10" and True as numbers.
        values = {
            name: value if is_number(value) else _NotANumber(value)
            for name, value in values.items()
        }
        try:
            return adapter.validate_python(values)
        except ValidationError as error:
            raise ModelError(self._explain(error)) from None

    def _explain(self, error):
        lines = []
        for problem in error.errors():
            name = str(problem["loc"][0]) if problem["loc"] else "?"
            if name not in self.params._fields:
                hint = choices(name, self.params._fields)
                lines.append(
                    f"cell model {self.name!r} has no parameter {name!r}. {hint}"
                )
                continue
            unit = units(self.params).get(name, "1")
            lines.append(
                f"{self.name}.{name} = {shown(problem['input'])}: must be a plain "
                f"number in {unit}"
                + {"greater_than": ", > 0", "greater_than_equal": ", >= 0"}.get(
                    problem["type"], ", finite"
                )
            )
        return "\n".join(lines)


class _NotANumber:
    def __init__(self, value):
        self.value = value

    def __repr__(self):
        return shown(self.value)


def units(tuple_type) -> dict[str, str]:
    """Unit of every field of a NamedTuple, from its annotations."""
    found = {}
    for name, hint in get_type_hints(tuple_type, include_extras=True).items():
        texts = [
            extra
            for extra in (get_args(hint)[1:] if get_origin(hint) is Annotated else ())
            if isinstance(extra, str)
        ]
        found[name] = texts[0] if texts else "1"
    return found


def state_field(name: str) -> Callable:
    """The scalar read that returns one State field."""
    return _FIELD_READS.setdefault(name, StateField(name))


class StateField:
    """Reads a field by name; the code generator writes it out as an attribute."""

    def __init__(self, name):
        self.field = name

    def __call__(self, cell, p):
        return getattr(cell, self.field)


_FIELD_READS: dict[str, StateField] = {}
