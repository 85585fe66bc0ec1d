"""CellModel: what it refuses, what it offers."""

from typing import Annotated, NamedTuple

import pytest

import dendrites as dn
from dendrites.cell import units

pytestmark = pytest.mark.nojit


class State(NamedTuple):
    soma: Annotated[float, "mV"] = 0.0
    trace: float = 0.0


class Params(NamedTuple):
    capacitance: Annotated[float, "pF", dn.POSITIVE] = 200.0
    g_leak: Annotated[float, "nS", dn.POSITIVE] = 10.0
    g_couple: Annotated[float, "nS", dn.NON_NEGATIVE] = 0.0
    e_leak: Annotated[float, "mV"] = -70.0


class Inputs(NamedTuple):
    soma: Annotated[float, "pA"] = 0.0


def derivative(cell, inputs, p):
    return State((inputs.soma - p.g_leak * cell.soma) / p.capacitance, 0.0)


def step(cell, inputs, p, dt):
    return cell


def make(**changes):
    parts = {
        "name": "leaky",
        "state": State,
        "params": Params,
        "inputs": Inputs,
        "derivative": derivative,
        "time_constant": lambda p: p.capacitance / p.g_leak,
    }
    return dn.CellModel(**parts | changes)


@pytest.mark.parametrize(
    ("value", "need"),
    [
        ({"capacitance": 0.0}, "leaky.capacitance = 0.0: .* in pF, > 0"),
        ({"capacitance": -1.0}, "leaky.capacitance = -1.0: .* in pF, > 0"),
        ({"g_leak": 0}, "leaky.g_leak = 0: .* in nS, > 0"),
        ({"g_couple": -0.1}, "leaky.g_couple = -0.1: .* in nS, >= 0"),
        ({"e_leak": float("nan")}, "leaky.e_leak = nan: .* in mV, finite"),
        ({"e_leak": float("inf")}, "leaky.e_leak = inf: .* in mV, finite"),
        ({"e_leak": "-70 mV"}, "leaky.e_leak = '-70 mV': .* plain number in mV"),
        ({"e_leak": "10"}, "leaky.e_leak = '10': .* plain number in mV"),
        ({"e_leak": True}, "leaky.e_leak = True: .* plain number in mV"),
        ({"e_leak": None}, "leaky.e_leak = None: .* plain number in mV"),
    ],
)
def test_an_impossible_parameter_is_refused_with_its_unit_and_range(value, need):
    with pytest.raises(dn.ModelError, match=need):
        make(parameters=value)
    with pytest.raises(dn.ModelError, match=need):
        make().with_parameters(**value)


def test_a_coupling_of_zero_is_allowed():
    assert make(parameters={"g_couple": 0.0}).parameters.g_couple == 0.0


def test_all_parameter_problems_are_reported_at_once():
    with pytest.raises(dn.ModelError) as caught:
        make(parameters={"capacitance": -1.0, "g_couple": -2.0, "e_leak": "x"})
    message = str(caught.value)
    assert all(name in message for name in ("capacitance", "g_couple", "e_leak"))


def test_an_unknown_parameter_is_refused_with_close_matches():
    with pytest.raises(dn.ModelError, match="'g_leek'.*did you mean 'g_leak'"):
        make().with_parameters(g_leek=1.0)


def test_changing_parameters_leaves_the_model_itself_alone():
    cell = make()
    other = cell.with_parameters(g_leak=20.0)
    assert (cell.parameters.g_leak, other.parameters.g_leak) == (10.0, 20.0)
    assert other.parameters.capacitance == cell.parameters.capacitance


@pytest.mark.parametrize(
    "changes", [{"derivative": None}, {"step": step}, {"step": step, "clamped": True}]
)
def test_a_cell_moves_in_exactly_one_way(changes):
    with pytest.raises(dn.ModelError, match="exactly one of derivative"):
        make(**changes)


class Filtered(NamedTuple):
    value: float = 0.0
    active: float = 0.0
    filtered: float = 0.0


def test_a_clamped_source_may_move_the_fields_that_are_not_set_from_outside():
    source = make(clamped=True, state=Filtered)
    assert source.derivative is derivative
    assert not source.constant


def test_only_a_clamped_source_without_dynamics_is_constant():
    assert make(clamped=True, derivative=None).constant
    assert not make(clamped=True, derivative=None, step=step, state=Filtered).constant
    assert not make().constant


def test_a_clamped_source_that_moves_needs_its_value_and_activity_first():
    with pytest.raises(dn.ModelError, match="must begin with value and active.*soma"):
        make(clamped=True)


def test_a_random_input_that_is_no_input_is_refused_with_close_matches():
    with pytest.raises(dn.ModelError, match="'som' is no field.*did you mean 'soma'"):
        make(random={"som": "white"})


@pytest.mark.parametrize("kind", ["wite", "gaussian", None, 1.0])
def test_an_unknown_kind_of_random_input_is_refused(kind):
    with pytest.raises(dn.ModelError, match="'soma'.*allowed: white, normal, uniform"):
        make(random={"soma": kind})


def test_a_cell_has_no_random_inputs_unless_told_so():
    assert make().random == {}
    assert make(random={"soma": "uniform"}).with_parameters(g_leak=2.0).random == {
        "soma": "uniform"
    }


def test_parts_must_be_named_tuples():
    with pytest.raises(dn.ModelError, match="state must be a NamedTuple class"):
        make(state=dict)


def test_a_compartment_that_is_no_state_is_refused():
    with pytest.raises(dn.ModelError, match="'sooma' is no field.*'soma'"):
        make(compartments=("sooma",))


def test_compartments_are_all_state_fields_unless_named():
    assert make().compartments == ("soma", "trace")
    assert make(compartments=("soma",)).compartments == ("soma",)


def test_an_unknown_read_is_refused_with_all_that_exist():
    cell = make(reads={"rate": lambda cell, p: cell.soma})
    with pytest.raises(dn.ModelError, match="no read 'rte'.*rate, soma, trace"):
        cell.read("rte")


def test_every_state_field_is_a_read_of_its_own_name():
    cell = make()
    assert cell.read("trace")(State(1.0, 2.0), cell.parameters) == 2.0


def test_a_read_may_replace_the_state_field_of_its_name():
    cell = make(reads={"soma": lambda cell, p: cell.soma - p.e_leak})
    assert cell.read("soma")(State(1.0), cell.parameters) == 71.0
    assert cell.read_names == ("soma", "trace")


def test_units_come_from_the_annotations():
    assert units(State) == {"soma": "mV", "trace": "1"}
    assert make().unit("capacitance") == "pF"
    assert make().unit("nothing") == "1"


@pytest.mark.parametrize("dt", [40.1, 1000.0])
def test_a_step_above_twice_the_fastest_time_constant_is_refused(dt):
    with pytest.raises(dn.ModelError, match="of 20 ms.*above 40 ms.*dt <= 10 ms"):
        make().check_step(dt)


def test_a_step_above_half_the_fastest_time_constant_warns():
    assert "dt = 10.1 ms is coarse" in make().check_step(10.1)
    assert make().check_step(10.0) is None


def test_a_published_step_never_warns():
    assert make(quiet_dt=15.0).check_step(15.0) is None
    assert "coarse" in make(quiet_dt=15.0).check_step(16.0)


def test_an_implicit_method_has_no_largest_step():
    assert make().check_step(1000.0, explicit=False) is None


def test_a_cell_without_a_declared_time_constant_takes_any_step():
    assert make(time_constant=None).check_step(1000.0) is None
