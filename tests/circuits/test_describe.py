"""Every field of every description is part of what a run is compared by."""

import copy
import dataclasses
import hashlib
import json
from typing import Annotated, NamedTuple

import numpy as np
import pytest
from systems import two_populations

import circuits
from circuits import Feedforward, Layer, Phase, Record, Schedule
from circuits.checkpoint import load_same_run, run_header, save_checkpoint
from circuits.describe import describe
from circuits.initialisers import ScaledCopy, Uniform
from circuits.population import Population
from circuits.projection import Projection, Tied
from dendrites import transfer
from dendrites._version import __version__
from dendrites.activity_difference import ActivityDifference, LowPass
from dendrites.errors import CheckpointError
from dendrites.models import presynaptic, source, three_compartment
from dendrites.synaptic_rule import SynapticRule


class Other(NamedTuple):
    soma: Annotated[float, "mV"] = 0.0


COPY = ScaledCopy("feedforward")


def oja(weight, cell, pre, p):
    return pre * (cell.basal - pre * weight)


def rich():
    """A circuit in which every kind of description occurs, and few fields are empty."""
    rule = ActivityDifference(
        "rate", "basal", 0.1, gain="rate", presynaptic=("rate", "value"),
        low_pass=LowPass(10.0), gain_moment="now", presynaptic_moments=("now", "now"),
    )  # fmt: skip
    return two_populations(
        phases=(Phase("forward", 25.0, on=("input",), window=2.0),),
        rule=rule + ActivityDifference("soma", None, 0.1, low_pass=LowPass(10.0)),
        initial=Uniform(-1.0, 1.0),
        bounds=(-1.0, 2.0),
        more=(
            Population("noisy", presynaptic(), 4, noise=(1, 2, 3, 4)),
            Population("bias", source(), 1, pattern=1.0),
        ),
        extra=(
            Projection("noisy", "output", "apical", "spikes", initial=COPY),
            Projection("input", "output", "soma", tied_to=Tied("feedforward")),
            Projection(
                "bias", "output", "basal", name="oja", rule=SynapticRule(oja),
                connectivity=np.ones((3, 1), bool),
            ),
        ),
    )  # fmt: skip


def changed(value):
    """Something else of a similar kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    if isinstance(value, str):
        return value + "x"
    if value is None:
        return "x"
    if isinstance(value, type):
        return Other
    if isinstance(value, np.ndarray):
        return np.concatenate([~value.ravel()[:1], value.ravel()[1:]]).reshape(
            value.shape
        )
    if getattr(value, "_fields", ()):
        return value._replace(**{value._fields[-1]: changed(value[-1])})
    if isinstance(value, tuple):
        return (*value[:-1], changed(value[-1])) if value else ("x",)
    if isinstance(value, dict):
        return {**value, "x": "x"}
    if callable(value):
        return lambda *arguments: 0.0
    return None


def mutants(thing, path=""):
    """The same with one field of it, or of a part of it, changed; one for each."""
    for field in dataclasses.fields(thing):
        value = getattr(thing, field.name)
        where = f"{path}.{field.name}".lstrip(".")
        found = [(where, changed(value))]
        parts = value if isinstance(value, tuple) else (value,)
        for k, part in enumerate(parts):
            if not dataclasses.is_dataclass(part):
                continue
            for name, other in mutants(part, where):
                several = (*parts[:k], other, *parts[k + 1 :])
                found.append((name, several if value is parts else other))
        for name, other in found:
            mutant = copy.copy(thing)
            object.__setattr__(mutant, field.name, other)
            yield name, mutant


CLASSES = (
    *(circuits.Circuit, Population, Projection, Schedule, Phase, Uniform, ScaledCopy),
    *(Tied, ActivityDifference, SynapticRule, LowPass, type(three_compartment())),
)


def test_every_field_of_every_description_tells_circuits_apart(tmp_path):
    circuit = rich()
    reference = describe(circuit)
    save_checkpoint(tmp_path / "c", run_header(reference), {})
    seen = set()
    for path, mutant in mutants(circuit):
        seen.add(path)
        try:
            other = json.loads(json.dumps(describe(mutant)))
        except AttributeError:  # of something changed into no description
            continue
        assert hash_of(other) != hash_of(reference), path
        with pytest.raises(CheckpointError, match="another configuration"):
            load_same_run(tmp_path / "c", other)
    for cls in CLASSES:
        for field in dataclasses.fields(cls):
            assert any(path.split(".")[-1] == field.name for path in seen), field
    assert load_same_run(tmp_path / "c", describe(rich())) is not None


def hash_of(config):
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()


def cell(**options):
    return dataclasses.replace(three_compartment(), **options)


class Params(NamedTuple):
    tau: Annotated[float, "ms"] = 10.0


def prompt(text):
    """A function without a source, as one typed into a prompt."""
    space = {}
    exec(text, space)
    return space["f"]


def with_rule(text):
    return two_populations(rule=SynapticRule(prompt(text)))


def mask(k):
    connectivity = np.zeros((3, 4), bool)
    connectivity[k] = True
    return two_populations(connectivity=connectivity)


def state(default):
    class State(NamedTuple):
        soma: Annotated[float, "mV"] = default
        basal: Annotated[float, "mV"] = 0.0
        apical: Annotated[float, "mV"] = 0.0

    return two_populations(post=cell(state=State))


def noisy(kind):
    return two_populations(post=cell(random={"soma": kind}))


def read_in(phase):
    phases = tuple(Phase(name, 5.0, on=("input",), window=2.0) for name in "ab")
    return dataclasses.replace(two_populations(phases=phases), readout_phase=phase)


def rate(k):
    read = prompt(f"def f(c, p): return c.soma * {k}")
    return two_populations(post=cell(reads={"rate": read}))


def compartments(*names):
    return two_populations(post=cell(compartments=names))


def network(*parts):
    inside = Feedforward(parts[:1], *parts[1:])
    return dataclasses.replace(two_populations(), network=inside)


LAYER = Layer("output", "feedforward", 1.0, 1.0)
PHI = transfer.soft_rectifier(gamma=1.0)


def layer(attenuation):
    return network(LAYER._replace(attenuation=attenuation), PHI)


PAIRS = {
    "a rule typed anew": [
        with_rule("def f(w, c, x, p): return x - w"),
        with_rule("def f(w, c, x, p): return x + w"),
    ],
    "a cell typed anew": [rate(1.0), rate(2.0)],
    "which mask": [mask(0), mask(1)],
    "the initial state": [state(0.0), state(1.0)],
    "the size at which a run stops": [
        two_populations(post=cell(limit=limit)) for limit in (1e6, 1e5)
    ],
    "the kind of noise": [noisy("white"), noisy("uniform")],
    "the phase of the answer": [read_in("a"), read_in("b")],
    "compartments": [compartments("soma", "basal"), compartments("soma", "apical")],
    "the transfer function": [
        network(LAYER, PHI),
        network(LAYER, transfer.soft_rectifier(gamma=1.1)),
    ],
    "a layer": [layer(1.0), layer(2.0)],
    "the loss": [network(LAYER, PHI), network(LAYER, PHI, "squared")],
}


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_another_circuit_does_not_go_on_with_a_checkpoint(tmp_path, pair):
    saved, other = map(describe, pair)
    save_checkpoint(tmp_path / "c", run_header(saved), {})
    assert load_same_run(tmp_path / "c", saved) is not None
    with pytest.raises(CheckpointError, match="another configuration"):
        load_same_run(tmp_path / "c", other)


def test_another_version_does_not_go_on_with_a_checkpoint_unless_told(tmp_path):
    header = run_header({"a": 1}) | {"dendrites": "0.0.1"}
    save_checkpoint(tmp_path / "c", header, {})
    message = rf"written by dendrites 0\.0\.1.*{__version__}(?s:.*)--any-version"
    with pytest.raises(CheckpointError, match=message):
        load_same_run(tmp_path / "c", {"a": 1}, True)
    assert load_same_run(tmp_path / "c", {"a": 1}, "any-version") is not None
    with pytest.raises(CheckpointError, match="another configuration"):
        load_same_run(tmp_path / "c", {"a": 2}, "any-version")


# What a recorded presentation is compared by


@pytest.fixture(scope="module")
def circuit():
    rule = ActivityDifference("basal", None, 1e-3)
    return two_populations(steps=4, rule=rule, initial=Uniform(0.0, 1.0))


def config_hash(circuit, **options):
    options = {"patterns": {"input": np.ones(4)}, "record": ["output"]} | options
    return circuits.simulate(circuit, **options).attrs["config_sha256"]


def test_runs_that_differ_in_what_they_are_given_differ_in_their_configuration(circuit):
    masked = dataclasses.replace(
        circuit.projections[0], connectivity=np.eye(3, 4, dtype=bool)
    )
    start = dataclasses.replace(circuit, projections=(masked,))
    found = [
        config_hash(circuit),
        config_hash(circuit, patterns={"input": np.full(4, 2.0)}),
        config_hash(circuit, weights={"feedforward": np.ones((3, 4))}),
        config_hash(circuit, waveforms={"input": np.ones((4, 4))}, patterns={}),
        config_hash(circuit, seed=5),
        config_hash(circuit, record=[Record("output", reads=("rate",))]),
        config_hash(circuit, schedule=Schedule((Phase("f", 2.0, on=("input",)),))),
        config_hash(circuit, learning=True),
        config_hash(start),
    ]
    assert len(set(found)) == len(found)
    assert found[0] == config_hash(circuit) == config_hash(circuit, threads=2)
