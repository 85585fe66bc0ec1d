"""A circuit is made again from the file of its run, without running what is in it."""

import json
import math
from typing import Annotated, NamedTuple

import numpy as np
import pytest
from scipy.sparse import csr_array
from systems import two_populations
from tiny_training import tiny_circuit, tiny_task, tiny_train

import circuits
import dendrites as dn
from circuits import Phase, Schedule
from circuits.algorithms import guerguiev, sacramento, urbanczik_senn
from circuits.describe import describe
from circuits.run.from_run import ATTRIBUTE, circuit_json
from dendrites.errors import ConfigError
from dendrites.models import source, three_compartment


class Tree:
    """What a tree of a run says of its circuit."""

    def __init__(self, circuit, recipe=None):
        config = json.dumps({"circuit": describe(circuit)})
        recipe = circuit_json(circuit) if recipe is None else json.dumps(recipe)
        self.attrs = {"config_json": config, ATTRIBUTE: recipe}


LIBRARY = {
    "sacramento": lambda: sacramento([8, 6, 5, 3]),
    "two sweeps": lambda: sacramento([8, 5, 3], form="two_sweep"),
    "noise and bias": lambda: sacramento([8, 5, 3], noise="white", bias=True),
    "tied interneurons": lambda: tiny_circuit(
        tie_interneurons=True, interneuron_rate=0.0
    ),
    "guerguiev": lambda: guerguiev([8, 5, 3]),
    "guerguiev without memory": lambda: guerguiev([8, 5, 3], memory=0, drawn=False),
    "urbanczik_senn": lambda: urbanczik_senn(5),
    "jumps": lambda: urbanczik_senn(5, teacher="jumps", tau_filter=None),
    "short arrays": lambda: two_populations(initial=np.full((3, 4), 0.1)),
    "mask": lambda: two_populations(
        connectivity=circuits.Sparse(csr_array(np.eye(3, 4))), initial=np.eye(3, 4)
    ),
    "drawn connections": lambda: two_populations(40, 30, connectivity=0.1),
    "parameters of cells": lambda: circuits.Circuit(
        circuits.Population(
            "output",
            three_compartment(),
            3,
            parameters={"tau_soma": circuits.Uniform(5.0, 10.0)},
        ),
        (),
        Schedule((Phase("rest", 1.0),)),
    ),
}


@pytest.mark.filterwarnings("ignore:population")
@pytest.mark.parametrize("kind", LIBRARY)
def test_a_circuit_of_the_library_is_made_again(kind):
    circuit = LIBRARY[kind]()
    again = circuits.from_run(Tree(circuit))
    assert describe(again) == describe(circuit)
    start = circuits.initial_weights(circuit)
    for name, w in circuits.initial_weights(again).items():
        if name in start and isinstance(w, np.ndarray):
            np.testing.assert_array_equal(w, start[name])


def test_from_its_file_it_trains_to_the_same_bits_and_further(tmp_path):
    path = tmp_path / "run.nc"
    run = tiny_train(epochs=1)
    dn.save_run(run, path)
    saved = dn.open_run(path)
    again = circuits.from_run(saved)
    assert (
        tiny_train(again, epochs=1).attrs["state_sha256"] == run.attrs["state_sha256"]
    )
    weights = circuits.final_weights(saved)
    for name, node in run["weights"].children.items():
        np.testing.assert_array_equal(weights[name], node.w.values[-1])
    found = circuits.evaluate(again, tiny_task(), weights, threads=1)
    assert found["loss"] == run["training"].loss.sel(split="test").values[-1]


def test_a_simulation_of_another_schedule_gives_the_circuit_with_its_own():
    circuit = tiny_circuit()
    shown = {"input": np.ones(8), "target": np.full(3, 0.5)}
    short = Schedule((Phase("short", 0.3, on=("input",)),))
    tree = circuits.simulate(circuit, shown, ["output"], schedule=short)
    assert describe(circuits.from_run(tree)) == describe(circuit)


class State(NamedTuple):
    v: Annotated[float, "mV"] = -1.0


class Params(NamedTuple):
    tau: Annotated[float, "ms", dn.POSITIVE] = 10.0
    floor: Annotated[float, "1", dn.NON_NEGATIVE] = 0.0
    free: float = 1.0


class Inputs(NamedTuple):
    basal: Annotated[float, "mV"] = 0.0


def derivative(cell, inputs, p):
    return State((inputs.basal - cell.v) / p.tau)


def own(factor=2.0):
    """A circuit of cells of the test's own: two functions and a captured number."""
    cell = dn.CellModel(
        "own",
        State,
        Params,
        Inputs,
        derivative=derivative,
        reads={"rate": lambda cell, p: factor * cell.v, "tanh": math.tanh},
    )
    return two_populations(post=cell)


def given(circuit):
    reads = circuit.model("output").reads
    return {"derivative": derivative, "<lambda>": reads["rate"]}


def test_functions_of_ones_own_are_given_again():
    circuit = own()
    again = circuits.from_run(Tree(circuit), functions=given(own()))
    assert describe(again) == describe(circuit)
    shown = {"input": np.ones(4)}
    wanted = circuits.present(circuit, shown, reads=[("output", "v")])
    found = circuits.present(again, shown, reads=[("output", "v")])
    np.testing.assert_array_equal(found["output", "v"], wanted["output", "v"])


def test_those_that_are_missing_are_listed_with_their_source():
    with pytest.raises(ConfigError) as caught:
        circuits.from_run(Tree(own()), functions={"derivative": derivative})
    text = str(caught.value)
    assert "functions={'<lambda>': ...}" in text
    assert "'<lambda>' (CellModel 'own': reads['rate']): " in text
    assert "factor * cell.v" in text and "def derivative" not in text


@pytest.mark.parametrize(
    ("functions", "message"),
    [
        (given(own(3.0)), r"functions\['<lambda>'\] is not what the run had"),
        (given(own()) | {"derivative": lambda c, i, p: c}, "def derivative"),
        (given(own()) | {"oja": derivative}, "'oja' need not be given"),
        ("derivative", "functions"),
    ],
)
def test_others_than_the_runs_are_refused(functions, message):
    with pytest.raises(ConfigError, match=message):
        circuits.from_run(Tree(own()), functions=functions)


BIG = np.random.default_rng(0).normal(size=(30, 40))


def test_long_arrays_come_from_the_weights_or_are_given():
    def big(mask):
        rule = dn.ActivityDifference("soma", None, 1e-3)
        return two_populations(40, 30, initial=BIG * mask, connectivity=mask, rule=rule)

    mask = np.abs(BIG) < 1.0
    circuit = big(mask)
    tree = Tree(circuit)
    with pytest.raises(
        ConfigError, match=r"array .*mask of shape \(30, 40\)"
    ) as caught:
        circuits.from_run(tree)
    mask_place = str(caught.value).partition('arrays={"')[2].partition('"')[0]
    first_place = "Projection 'feedforward': initial"
    assert mask_place == "Projection 'feedforward': connectivity, mask"
    arrays = {mask_place: mask, first_place: BIG * mask}
    assert describe(circuits.from_run(tree, arrays=arrays)) == describe(circuit)
    for wrong, message in (
        ({mask_place: ~mask}, "is not the array of the run"),
        ({"initial": BIG}, "need not be given"),
    ):
        with pytest.raises(ConfigError, match=message):
            circuits.from_run(tree, arrays=arrays | wrong)


def test_the_start_of_learned_weights_is_in_the_tree():
    rule = dn.ActivityDifference("soma", None, 1e-3)
    circuit = two_populations(40, 30, initial=BIG, rule=rule)
    split = circuits.Split(np.ones((2, 40)), np.ones((2, 30)), None, np.arange(2))
    task = circuits.Task("ones", {"train": split, "test": split})
    run = circuits.train(circuit, task, epochs=1, threads=1)
    assert describe(circuits.from_run(run)) == describe(circuit)


def test_weights_of_sparse_projections_end_as_edges():
    rule = dn.ActivityDifference("soma", None, 1e-3)
    circuit = two_populations(8, 3, connectivity=0.5, rule=rule)
    run = circuits.train(circuit, tiny_task(4, 2), epochs=1, threads=1)
    (w,) = circuits.final_weights(run).values()
    assert w.shape == (3, 8)
    again = circuits.from_run(run)
    found = circuits.evaluate(again, tiny_task(4, 2), {"feedforward": w}, threads=1)
    assert found["loss"] == run["training"].loss.sel(split="test").values[-1]


def tampered(**changes):
    """The recipe of a circuit with one of its parts replaced."""
    recipe = json.loads(circuit_json(tiny_circuit()))
    numbers = [k for k, p in enumerate(recipe["parts"]) if p["kind"] == "function"]
    recipe["parts"][numbers[0]] = changes
    return recipe


@pytest.mark.parametrize(
    "part",
    [
        {"kind": "function", "name": "os:system"},
        {"kind": "function", "name": "subprocess:run"},
        {"kind": "function", "name": "dendrites.storage:save_run"},
        {"kind": "function", "name": "dendrites.dataset:np.load"},
        {"kind": "function", "name": "circuits.circuit:Circuit"},
        {"kind": "description", "of": "builtins:dict", "fields": {}},
        {"kind": "class", "name": "circuits.circuit:Circuit"},
        {"kind": "builtin", "name": "numpy:load"},
        {"kind": "builtin", "name": "os:abort"},
        {"kind": "function", "name": "dendrites.models.gone:away"},
    ],
    ids=lambda part: part.get("name", part.get("of")),
)
def test_names_lead_nowhere_but_to_what_descriptions_are_made_of(part):
    with pytest.raises(ConfigError, match="recipe: "):
        circuits.from_run(Tree(tiny_circuit(), tampered(**part)))


def test_code_of_other_modules_is_made_into_no_function():
    place = ["subprocess", "run", "run.<locals>.f", 0]
    part = {"kind": "made function", "place": place, "captured": {}, "defaults": None}
    with pytest.raises(ConfigError, match="recipe: "):
        circuits.from_run(Tree(tiny_circuit(), tampered(**part)))


def test_another_circuit_than_the_one_described_is_refused():
    tree = Tree(tiny_circuit())
    tree.attrs[ATTRIBUTE] = circuit_json(tiny_circuit(g_leak=0.2))
    with pytest.raises(ConfigError, match=r"another circuit .*and 8 more"):
        circuits.from_run(tree)


def test_trees_that_say_too_little_are_refused():
    tree = Tree(tiny_circuit())
    newer = json.loads(tree.attrs[ATTRIBUTE]) | {"version": 99}
    with pytest.raises(ConfigError, match="stored in form 99"):
        circuits.from_run(Tree(tiny_circuit(), newer))
    del tree.attrs[ATTRIBUTE]
    with pytest.raises(ConfigError, match="does not say how to make its circuit"):
        circuits.from_run(tree)
    with pytest.raises(ConfigError, match=r"dendrites.open_run"):
        circuits.from_run("run.nc")
    with pytest.raises(ConfigError, match="holds no /weights"):
        circuits.final_weights(tree)


def test_parameters_of_many_cells_are_in_the_tree():
    tau = np.linspace(5.0, 10.0, 1200)
    cells = circuits.Population(
        "output", three_compartment(), 1200, parameters={"tau_soma": tau}
    )
    phase = Phase("shown", 1.0, on=("input",))
    circuit = circuits.Circuit(
        (circuits.Population("input", source(), 1), cells),
        (circuits.Projection("input", "output", "soma"),),
        phase,
        output="output",
    )
    run = circuits.simulate(circuit, {"input": np.ones(1)}, [])
    found = circuits.from_run(run).population("output").parameters["tau_soma"]
    np.testing.assert_array_equal(found, tau)
