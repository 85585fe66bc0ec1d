"""``cell._replace(field=value)`` in scalar functions is what it is in plain Python."""

import textwrap
from typing import Annotated, NamedTuple

import numpy as np
import pytest
from systems import two_populations

import circuits
import dendrites as dn
from dendrites.compile.jit import jit_disabled
from dendrites.errors import CompileError

needs_jit = pytest.mark.skipif(jit_disabled(), reason="nothing is compiled")


class State(NamedTuple):
    soma: Annotated[float, "mV"] = 0.0
    dendrite: Annotated[float, "mV"] = 0.5
    trace: Annotated[float, "1"] = 0.0
    spikes: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    tau: Annotated[float, "ms", dn.POSITIVE] = 10.0
    threshold: Annotated[float, "mV"] = 0.4


class Inputs(NamedTuple):
    basal: Annotated[float, "mV"] = 0.0


def kept(cell, value):
    return cell._replace(trace=value)


def step(cell, inputs, p, dt):
    def pulled(old, by=1.0):
        return old._replace(soma=old.soma + by * (inputs.basal - old.soma) * dt / p.tau)

    faster = p._replace(tau=0.5 * p.tau)
    cell = pulled(cell._replace(spikes=0), by=2)
    if cell.soma > p.threshold:
        cell = kept(cell, 0.9 * cell.trace)
    return cell._replace(dendrite=cell.soma / faster.tau)


def fired(cell, count, p, dt):
    return cell._replace(spikes=count, trace=cell.trace + count, dendrite=count > 0.0)


def plain_step(cell, inputs, p, dt):
    soma = cell.soma + 2.0 * (inputs.basal - cell.soma) * dt / p.tau
    trace = 0.9 * cell.trace if soma > p.threshold else cell.trace
    return State(soma, soma / (0.5 * p.tau), trace, 0.0)


def plain_fired(cell, count, p, dt):
    return State(cell.soma, 1.0 if count > 0.0 else 0.0, cell.trace + count, count)


def spike(cell, u, p, dt):
    return 1.0 if cell.soma > p.threshold and u < 0.5 else 0.0


def of(step, fired):
    return dn.CellModel(
        "replacing",
        State,
        Params,
        Inputs,
        step=step,
        spike=spike,
        fired=fired,
        reads={"rate": lambda cell, p: cell.soma},
    )


def ends(model, dtype="float64"):
    """Values of all State fields after 40 steps of three cells."""
    weights = np.linspace(0.2, 1.5, 12).reshape(3, 4)
    circuit = two_populations(post=model, initial=weights, steps=40)
    found = circuits.present(
        circuit,
        {"input": np.linspace(-0.2, 1.0, 8).reshape(2, 4)},
        reads=[("output", name) for name in State._fields],
        dtype=dtype,
    )
    return np.array([*found.reads.values()])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_cell_that_replaces_fields_is_the_cell_that_gives_all(dtype):
    wanted = ends(of(plain_step, plain_fired), dtype)
    assert wanted[3].any() and not wanted[3].all()
    np.testing.assert_array_equal(ends(of(step, fired), dtype), wanted)


@needs_jit
def test_functions_without_source_may_replace_fields():
    text = """
    def fired(cell, count, p, dt):
        return cell._replace(spikes=count, trace=cell.trace + count, dendrite=count > 0)
    def step(cell, inputs, p, dt):
        soma = cell.soma + 2.0 * (inputs.basal - cell.soma) * dt / p.tau
        if soma > p.threshold:
            cell = cell._replace(trace=0.9 * cell.trace)
        return cell._replace(soma=soma, dendrite=soma / (0.5 * p.tau), spikes=0)
    """
    scope = {}
    exec(compile(textwrap.dedent(text), "<typed>", "exec"), scope)
    found = ends(of(scope["step"], scope["fired"]))
    np.testing.assert_array_equal(found, ends(of(plain_step, plain_fired)))


def test_derivatives_filled_compartments_and_lambdas_replace_fields():
    class Cell(NamedTuple):
        soma: float = 0.0
        dendrite: float = 0.0

    def model(derivative, instantaneous):
        return dn.CellModel(
            "filled",
            Cell,
            Params,
            Inputs,
            derivative=derivative,
            instantaneous=instantaneous,
        )

    replacing = model(
        lambda cell, inputs, p: cell._replace(
            soma=(cell.dendrite - cell.soma) / p.tau, dendrite=0.0
        ),
        lambda cell, inputs, p: cell._replace(dendrite=2.0 * inputs.basal),
    )
    giving = model(
        lambda cell, inputs, p: Cell((cell.dendrite - cell.soma) / p.tau, 0.0),
        lambda cell, inputs, p: Cell(cell.soma, 2.0 * inputs.basal),
    )
    found, wanted = (
        dn.simulate(each, basal=[0.5, 2.0], duration=20.0)["populations/cell"].v
        for each in (replacing, giving)
    )
    assert wanted.values[-1].any()
    np.testing.assert_array_equal(found.values, wanted.values)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda c, n, p, dt: c._replace(soam=n), "soam"),
        (lambda c, n, p, dt: c._replace(n), "positional|takes its fields by name"),
        (lambda c, n, p, dt: c._replace(soma=(n, n)), "'soma', which must be a number"),
    ],
)
def test_what_cannot_be_replaced_is_refused(wrong, says):
    with pytest.raises(CompileError, match=says) as caught:
        ends(of(plain_step, wrong))
    assert "test_replaced_fields.py" in str(caught.value)


@needs_jit
def test_a_field_that_there_is_not_is_told_where_the_first_run_does_not_come():
    def wrong(cell, count, p, dt):
        if count > 3.0:
            return cell._replace(soam=0.0)
        return cell._replace(spikes=count)

    with pytest.raises(CompileError, match="State has no field 'soam'. did you mean"):
        ends(of(plain_step, wrong))
