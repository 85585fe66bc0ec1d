"""Samples side by side, in one chunk or in several, come to the same weights."""

import numpy as np
import pytest
from naive_circuit import (
    DT,
    as_given,
    as_square,
    circuit,
    joined,
    layers,
    mask_of,
    sources,
)

import circuits
from circuits import Phase, Population, Split, Task, Uniform
from dendrites import ActivityDifference, SynapticRule
from dendrites.models import source

pytestmark = pytest.mark.usefixtures("every_engine")

N, STEPS, RATE = 4, 12, 0.3


def oja(weight, cell, pre, p):
    return cell.u * (pre - cell.u * weight)


def changes(w, u, x):
    """What Oja's rule asks of every synapse, for every sample: (batch, post, pre)."""
    return u[:, :, None] * (x[:, None, :] - u[:, :, None] * w)


def drawn(described, batch):
    rng = np.random.default_rng(batch)
    w = rng.uniform(-0.5, 0.5, (N, N)) * mask_of(described, described.projections[0])
    return w, rng.uniform(0.2, 2.0, (batch, N))


def learning(rule, **options):
    window = options.pop("window", None)
    phase = Phase("shown", STEPS * DT, on=("a",), window=window)
    return circuit(
        (*sources(("a",), N), *layers(("output",), N)),
        (joined("a", "output", "lead", rule=rule, **options),),
        phases=(phase,),
    )


def after_run(described, w, x, **options):
    start = as_given(described, {"lead": w})
    tree = circuits.simulate(
        described, {"a": x}, [], weights=start, learning=True, **options
    )
    return as_square(described, "lead", tree["connections/lead"].w.values[-1])


def twin(w, x, *, rate=RATE, bounds=(-np.inf, np.inf), share=None):
    """All samples see the weights before the update; bounds act after it."""
    u, mask = np.zeros((len(x), N)), w != 0
    for _ in range(STEPS):
        moved = changes(w, u, x).sum(axis=0) * (
            1.0 / len(x) if share is None else share
        )
        u = u + DT * (x @ w.T - u) / 2.0
        w = np.clip(w + rate * DT * moved, *bounds) * mask
    return w


def assert_moved_to(found, wanted, start):
    assert np.abs(found - wanted).max() < 1e-12 * max(1.0, np.abs(wanted).max())
    assert np.abs(wanted - start).max() > 1e-2


MASK = np.random.default_rng(3).random((N, N)) < 0.6


@pytest.mark.parametrize("batch", [1, 5, 64, 70, 150])
@pytest.mark.parametrize("connectivity", ["dense", "one_to_one", MASK])
def test_a_rule_that_sees_the_weight_sees_that_before_the_update(connectivity, batch):
    described = learning(SynapticRule(oja, RATE), connectivity=connectivity)
    w, x = drawn(described, batch)
    assert_moved_to(after_run(described, w, x), twin(w, x), w)


@pytest.mark.parametrize("batch", [5, 70])
def test_bounds_act_once_all_samples_have_moved_the_weight(batch):
    bounds = (-0.52, 0.52)
    described = learning(SynapticRule(oja, 8.0), bounds=bounds)
    w, x = drawn(described, batch)
    # Signs that change from sample to sample would be cut off one by one.
    x[::2] *= -1.0
    x[0] *= 3.0
    found = after_run(described, w, x)
    assert_moved_to(found, twin(w, x, rate=8.0, bounds=bounds), w)


@pytest.mark.parametrize("threads", [1, 2])
def test_summed_samples_of_several_chunks_add_up(threads):
    described = learning(SynapticRule(oja, RATE / 50.0, batch="sum"))
    w, x = drawn(described, 130)
    found = after_run(described, w, x, threads=threads)
    assert_moved_to(found, twin(w, x, rate=RATE / 50.0, share=1.0), w)


@pytest.mark.parametrize("batch", [5, 70])
def test_single_precision_keeps_to_the_same_order(batch):
    described = learning(SynapticRule(oja, RATE))
    w, x = drawn(described, batch)
    found = after_run(described, w, x, dtype="float32")
    assert np.abs(found - twin(w, x)).max() < 1e-5


@pytest.mark.parametrize("batch", [5, 70])
def test_a_rule_at_the_end_of_a_presentation_sees_the_weight_before_it(batch):
    described = learning(SynapticRule(oja, 1.0, moment="shown"), window=2 * DT)
    w, x = drawn(described, batch)
    u, ends = np.zeros((batch, N)), []
    for _ in range(STEPS):
        u = u + DT * (x @ w.T - u) / 2.0
        ends.append(u)
    wanted = w + changes(w, np.mean(ends[-2:], axis=0), x).mean(axis=0)
    assert_moved_to(after_run(described, w, x), wanted, w)


# --- in training ----------------------------------------------------------------------


def task_of(n, alike):
    rng = np.random.default_rng(n)
    inputs = rng.uniform(0.2, 2.0, (n, N))
    if alike:
        inputs[:] = inputs[:1]
    split = Split(inputs, np.full((n, N), 0.5), None, np.arange(n))
    return Task("made", {"train": split, "test": split})


def trained(rule, chunk, *, n=10, batch=4, carry_state=False, alike=False, **options):
    described = circuit(
        (
            Population("a", source(), N, pattern="inputs"),
            *layers(("output",), N),
        ),
        (joined("a", "output", "lead", rule=rule, initial=Uniform(-0.5, 0.5)),),
        carry_state=carry_state,
    )
    tree = circuits.train(
        described,
        task_of(n, alike),
        epochs=2,
        batch=batch,
        chunk=chunk,
        integrator="exact",
        threads=1,
        **options,
    )
    return tree["weights/lead"].w.values


GROW = ActivityDifference("u", None, learning_rate=0.01)
RULES = {"oja": SynapticRule(oja, RATE), "difference": GROW}


@pytest.mark.parametrize("carry_state", [False, True])
@pytest.mark.parametrize("chunk", [1, 2, 3])
@pytest.mark.parametrize("kind", RULES)
def test_weights_do_not_depend_on_the_chunk(kind, chunk, carry_state):
    # Batches of 4, 4 and 2: the last ones leave samples out.
    start, whole = trained(RULES[kind], 64, carry_state=carry_state)
    _, parts = trained(RULES[kind], chunk, carry_state=carry_state)
    assert np.abs(parts - whole).max() < 1e-12
    assert np.abs(whole - start).max() > 1e-2


@pytest.mark.parametrize("chunk", [1, 2, 3, 64])
def test_samples_that_a_smaller_batch_left_out_start_from_rest(chunk):
    start, found = trained(GROW, chunk, carry_state=True, alike=True)
    x = np.repeat(task_of(10, True).splits["train"].inputs[:1], 4, axis=0)
    w, u = start, np.zeros((4, N))
    for shown in (4, 4, 2, 4, 4, 2):
        u[shown:] = 0.0
        for _ in range(STEPS):
            old = u[:shown]
            moved = old.T @ x[:shown] / shown
            u[:shown] = old + DT * (x[:shown] @ w.T - old) / 2.0
            w = w + 0.01 * DT * moved
    assert_moved_to(found, w, start)
