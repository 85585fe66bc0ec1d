"""Weights that carry random numbers in some phases, and rules that read these."""

from typing import Annotated, NamedTuple

import numpy as np
import pytest
from naive_circuit import DT, Naive, circuit, joined, layers, random_weights, sources
from naive_runs import assert_same, both, each_step
from thinned import combined

import circuits
from circuits import Perturbation, Phase, Population, Tied
from dendrites import ActivityDifference, LowPass, SynapticRule, random
from dendrites.cell import CellModel
from dendrites.errors import ConfigError, DendritesError, ModelError

pytestmark = pytest.mark.usefixtures("every_engine")

N, SIGMA, RATE = 4, 0.3, 0.7
MASK = np.random.default_rng(2).random((N, N)) < 0.6
ADDED = Perturbation(SIGMA, phases=("perturbed",))
PHASES = (
    Phase("clean", 3.0, on=("a",), window=1.0),
    Phase("perturbed", 4.0, on=("a",), window=1.0),
)
READS_XI = {"presynaptic": "xi", "learning_rate": RATE}
MOMENTS = {"moments": ("clean", "perturbed")}
ACROSS = ActivityDifference("u", "u", **MOMENTS, **READS_XI)
TIED = Tied("a")
SEEN = ActivityDifference("seen", None, learning_rate=0.05)
FILTERED = ActivityDifference("u", None, learning_rate=0.1, low_pass=LowPass(3.0))


def network(rule=ACROSS, phases=PHASES, perturbation=ADDED, more=(), **options):
    lead = {"rule": rule, "perturbation": perturbation, **options}
    return circuit(
        (*sources(("a",), N), *layers(("x", "y"), N)),
        (joined("a", "x", "drive"), joined("x", "y", "lead", **lead), *more),
        phases=phases,
    )


def settled(**options):
    """The same two phases without time."""
    names = {"settle": ("x", "y"), "on": ("a",)}
    phases = tuple(Phase(name, **names) for name in ("clean", "perturbed"))
    return network(phases=phases, **options)


def xi_of(presentation=0, kind="normal", n=N * N, seed=5):
    """Numbers (n,) of a presentation, by their address."""
    key = random.stream_key(seed, "perturbation/lead")
    draw = random.normal if kind == "normal" else random.uniform
    found = np.array([draw(*key, 0, presentation, 0, k) for k in range(n)])
    return SIGMA * (found if kind == "normal" else np.where(found < 0.5, -1.0, 1.0))


def square(flat):
    return flat.reshape(N, N).T


class Perturbed(Naive):
    """The twin, in whose perturbed phase the projection carries more."""

    def step(self, shown, learning=True):
        self.phases = getattr(self, "phases", None) or each_step(self.circuit)
        self.now = self.phases.pop(0).name
        super().step(shown, learning)

    def weight(self, p):
        factor = p.perturbation.phases.get(self.now, 0.0) if p.perturbation else 0.0
        return super().weight(p) + factor * square(xi_of())


@pytest.mark.parametrize(
    "phases, rule, batch",
    combined(
        [("perturbed",), {"clean": -0.5, "perturbed": 2.0}],
        [None, SEEN, FILTERED],
        [1, 3, 70],
        every=3,
    ),
)
def test_every_step_of_a_perturbed_phase_equals_the_twins(
    phases, rule, batch, monkeypatch
):
    monkeypatch.setattr("naive_runs.Naive", Perturbed)
    described = network(rule, perturbation=Perturbation(SIGMA, phases=phases))
    assert_same(*both(described, batch=batch))


@pytest.mark.parametrize("kind", ["constant input", "delayed", "from sources"])
def test_other_ways_to_carry_a_signal_carry_what_is_added_too(kind, monkeypatch):
    monkeypatch.setattr("naive_runs.Naive", Perturbed)
    source = kind != "delayed"
    projections = [
        joined("a", "x", "lead" if source else "drive"),
        joined("x", "y", "drive" if source else "lead", delay=None if source else DT),
    ]
    k = 0 if source else 1
    options = {"perturbation": ADDED, "rule": SEEN if kind == "from sources" else None}
    if kind == "delayed":
        options["delay"] = 3 * DT
    was = projections[k]
    projections[k] = joined(was.pre, was.post, "lead", **options)
    populations = (*sources(("a",), N), *layers(("x", "y"), N))
    assert_same(*both(circuit(populations, projections, phases=PHASES), batch=2))


def test_weights_predicted_for_the_middle_of_a_block_are_perturbed():
    text = circuits.explain(network(FILTERED), block=4)
    assert "perturbed of lead is middle of lead + 1 xi of lead" in text
    assert "add perturbed of lead times x.rate to y.first" in text


KINDS = {"dense": None, "one_to_one": np.eye(N, dtype=bool), "sparse": MASK}


def start_of(kind):
    mask = np.ones((N, N), bool) if KINDS[kind] is None else KINDS[kind]
    w = {"drive": np.eye(N), "lead": random_weights(network())["lead"] * mask}
    return w, mask


def added(kind, number, draws="normal"):
    """What is added, as a square (n_post, n_pre), zero where there is no synapse."""
    _, mask = start_of(kind)
    if kind == "one_to_one":
        return np.diag(xi_of(number, draws, N))
    found = np.zeros((N, N))
    found.T[mask.T] = xi_of(number, draws, int(mask.sum()))
    return found


def update(x, kind, number=0, draws="normal", batch="mean"):
    """The update of one presentation of settled cells: y = W rate(x)."""
    xi, u = added(kind, number, draws), x / (1.0 + x * x)
    factor = u @ start_of(kind)[0]["lead"].T - u @ (start_of(kind)[0]["lead"] + xi).T
    total = factor.mean(axis=0) if batch == "mean" else factor.sum(axis=0)
    return RATE * total[:, None] * xi


def run(described, x, kind="dense", **options):
    start, mask = start_of(kind)
    given = {"drive": start["drive"], "lead": start["lead"]}
    if kind == "one_to_one":
        given["lead"] = np.diag(start["lead"])
    options = {"batch": len(x), "weights": given, **options}
    presenter = circuits.Presenter(described, **options)
    presenter.present({"a": x})
    moved = presenter.weights()["lead"]
    moved = np.diag(moved) if kind == "one_to_one" else moved
    return moved - start["lead"], presenter


X = np.random.default_rng(3).uniform(0.2, 1.0, (70, N))


def grow(weight, cell, pre, p):
    return cell.u * pre


@pytest.mark.parametrize(
    "kind, batch, draws", combined([*KINDS], [1, 3, 70], ["normal", "sign"], every=3)
)
def test_one_update_is_the_factor_times_what_was_added(kind, batch, draws):
    described = settled(
        connectivity=MASK if kind == "sparse" else kind,
        perturbation=Perturbation(SIGMA, draws),
    )
    moved, presenter = run(described, X[:batch], kind)
    wanted = update(X[:batch], kind, draws=draws)
    np.testing.assert_allclose(moved, wanted, rtol=1e-12, atol=1e-15)
    xi = presenter.perturbation("lead")
    forms = {"one_to_one": np.diag, "sparse": lambda found: found.toarray()}
    xi = forms.get(kind, np.asarray)(xi)
    np.testing.assert_allclose(xi, added(kind, 0, draws), rtol=1e-15)
    assert np.abs(wanted).max() > 1e-3


def test_a_rule_may_sum_over_a_batch_and_add_other_differences():
    total = ActivityDifference("u", "u", **MOMENTS, **READS_XI, batch="sum")
    moved, _ = run(settled(rule=total), X[:3])
    wanted = update(X[:3], "dense", batch="sum")
    np.testing.assert_allclose(moved, wanted, rtol=1e-12)
    twice = ActivityDifference("u", "u", **MOMENTS, **READS_XI)
    moved, _ = run(settled(rule=twice + twice), X[:3])
    np.testing.assert_allclose(moved, 2.0 * update(X[:3], "dense"), rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_a_rule_that_sees_the_weight_reads_what_was_added_to_it(kind):
    rule = SynapticRule(grow, moment="clean", **READS_XI)
    options = {"one_to_one": {"connectivity": kind}, "sparse": {"connectivity": MASK}}
    moved, _ = run(settled(rule=rule, **options.get(kind, {})), X[:3], kind)
    u = X[:3] / (1.0 + X[:3] ** 2)
    y = (u @ start_of(kind)[0]["lead"].T).mean(axis=0)
    np.testing.assert_allclose(moved, RATE * y[:, None] * added(kind, 0), rtol=1e-12)


@pytest.mark.parametrize("sign", [None, 1])
def test_synapses_that_are_drawn_are_perturbed_and_hold_their_sign(sign):
    described = settled(
        connectivity=0.6, sign=sign, initial=circuits.Uniform(-0.1, 0.1)
    )
    start = {"drive": np.eye(N)}
    with circuits.Presenter(described, weights=start, batch=3) as presenter:
        before = presenter.weights()["lead"].toarray()
        presenter.present({"a": X[:3]})
        xi = presenter.perturbation("lead").toarray()
        u = X[:3] / (1.0 + X[:3] ** 2)
        wanted = before - RATE * (u @ xi.T).mean(axis=0)[:, None] * xi
        held = wanted if sign is None else np.maximum(wanted, 0.0)
        np.testing.assert_allclose(presenter.weights()["lead"].toarray(), held, 1e-12)
        assert sign is None or (before.min() == 0.0 and (held > wanted).any())


def test_single_precision_makes_the_same_update():
    moved, _ = run(settled(), X[:3], dtype="float32")
    np.testing.assert_allclose(moved, update(X[:3], "dense"), atol=1e-6)


def test_what_is_added_does_not_depend_on_how_presentations_are_shown():
    one_by_one = circuits.Presenter(settled(), weights=start_of("dense")[0])
    for k in range(3):
        one_by_one.present({"a": X[k]})
        np.testing.assert_allclose(
            one_by_one.perturbation("lead"), square(xi_of(k)), rtol=1e-15
        )
    streamed = circuits.Presenter(settled(), weights=start_of("dense")[0])
    streamed.present_many({"a": X[:3]})
    timed = circuits.Presenter(network(), weights=start_of("dense")[0])
    timed.present({"a": X[0]}, number=2)
    for presenter in (streamed, timed):
        xi = presenter.perturbation("lead")
        np.testing.assert_array_equal(xi, one_by_one.perturbation("lead"))
    np.testing.assert_array_equal(
        streamed.weights()["lead"], one_by_one.weights()["lead"]
    )


class State(NamedTuple):
    u: Annotated[float, "1"] = 0.0
    told: Annotated[float, "1"] = 0.0


class Inputs(NamedTuple):
    drive: Annotated[float, "1"] = 0.0
    told: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    tau: Annotated[float, "ms"] = 2.0


CELL = CellModel(
    "told",
    State,
    Params,
    Inputs,
    derivative=lambda cell, inputs, p: State((inputs.drive - cell.u) / p.tau, 0.0),
    instantaneous=lambda cell, inputs, p: State(cell.u, inputs.told),
    reads={"square": lambda cell, p: cell.u * cell.u},
)


def told_its_loss(perturbation, moments):
    """Three cells that are told half the square of their distance from a target.

    Every phase has a second part, in which what was found out arrives.
    """
    rule = ActivityDifference(
        "told", "told", 1e-6, moments=tuple(f"{m}_told" for m in moments),
        presynaptic="xi",
    )  # fmt: skip
    names = [f"{m}{part}" for m in moments for part in ("", "_told")]
    phases = tuple(
        Phase(n, on=("a", "t"), settle=("y",) if "told" in n else ("y", "e", "loss"))
        for n in names
    )
    single = {"connectivity": "one_to_one"}
    cells = [Population(name, CELL, n) for name, n in (("y", 3), ("e", 3), ("loss", 1))]
    one, half = circuits.Constant(1.0), circuits.Constant(0.5)
    minus = circuits.Constant(-1.0)
    return circuit(
        (*sources(("a", "t"), 3), *cells),
        (
            joined("a", "y", "lead", "drive", rule=rule, perturbation=perturbation),
            joined("y", "e", "out", "drive", signal="u", initial=one, **single),
            joined("t", "e", "aim", "drive", initial=minus, **single),
            joined("e", "loss", "sum", "drive", signal="square", initial=half),
            joined("loss", "y", "tell", "told", signal="u", initial=one),
        ),
        phases=phases,
    )


LOSSES = {
    "weight perturbation": ("normal", {"told": 1.0}, ("clean", "added")),
    "SPSA": ("sign", {"plus": 1.0, "minus": -1.0}, ("minus", "plus")),
}


def of_loss(form):
    kind, factors, moments = LOSSES[form]
    if form == "SPSA":
        phases = {f"{m}{part}": f for m, f in factors.items() for part in ("", "_told")}
    else:
        phases = ("added", "added_told")
    perturbation = Perturbation(SIGMA, kind, phases)
    return told_its_loss(perturbation, moments), (2.0 if form == "SPSA" else 1.0)


@pytest.mark.parametrize("form", LOSSES)
def test_perturbations_follow_the_gradient_of_a_loss_on_average(form):
    described, scale = of_loss(form)
    rng = np.random.default_rng(4)
    w, x, t = rng.normal(size=(3, 3)), rng.normal(size=3), rng.normal(size=3)

    def loss(w):
        return 0.5 * ((w @ x - t) ** 2).sum()

    downhill = -np.outer(w @ x - t, x)
    presenter = circuits.Presenter(described, weights={"lead": w})
    presenter.present({"a": x, "t": t})
    xi = presenter.perturbation("lead")
    away = w - xi if form == "SPSA" else w
    one = 1e-6 * (loss(away) - loss(w + xi)) * xi
    np.testing.assert_allclose(presenter.weights()["lead"] - w, one, atol=1e-15)
    count = 20_000
    presenter = circuits.Presenter(described, weights={"lead": w})
    shown = {"a": np.tile(x, (count, 1)), "t": np.tile(t, (count, 1))}
    presenter.present_many(shown, number=1)
    total = presenter.weights()["lead"] - w
    mean = total / (1e-6 * count * SIGMA**2 * scale)
    # A second moment of N + 2 = 11 times the squared gradient: 2.3 % of it are left.
    assert np.linalg.norm(mean - downhill) < 0.1 * np.linalg.norm(downhill)


def test_a_test_without_the_phase_uses_the_weights_alone():
    described = settled()
    clean = Phase("clean", settle=("x", "y"), on=("a",))
    with circuits.Presenter(described, weights=start_of("dense")[0]) as presenter:
        presenter.present({"a": X[0]}, clean, learning=False)
        u = X[0] / (1.0 + X[0] ** 2)
        y = presenter.read("y", "u")[0]
        np.testing.assert_allclose(y, start_of("dense")[0]["lead"] @ u, rtol=1e-12)
        with pytest.raises(ConfigError, match="nothing was added"):
            presenter.perturbation("lead")
        with pytest.raises(ModelError, match="phase"):
            presenter.present({"a": X[0]}, clean)
        with pytest.raises(ConfigError, match="nothing was added"):
            presenter.perturbation("drive")


REFUSED = {
    "unknown phase": (lambda: network(perturbation=Perturbation(0.1, phases=("p",)))),
    "no perturbation": (lambda: network(perturbation=None)),
    "at every step": lambda: network(ActivityDifference("u", None, presynaptic="xi")),
    "of products": lambda: network(
        ActivityDifference("u", "u", **MOMENTS, **READS_XI, average="products")
    ),
    "tied to it": lambda: network(more=(joined("y", "x", "b", tied_to=Tied("lead")),)),
    "tied itself": lambda: joined(
        "x", "y", "lead", tied_to=Tied("a"), perturbation=ADDED
    ),
    "clip": lambda: network(clip="readout"),
    "no perturbation object": lambda: network(perturbation=0.1),
    "sigma": lambda: Perturbation(0.0),
    "kind": lambda: Perturbation(0.1, "uniform"),
    "text": lambda: Perturbation(0.1, phases="perturbed"),
    "empty": lambda: Perturbation(0.1, phases=()),
    "factor": lambda: Perturbation(0.1, phases={"perturbed": 0.0}),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_impossible_perturbations_are_refused(kind):
    with pytest.raises(DendritesError, match="lead|Perturbation|'b'"):
        REFUSED[kind]()


def test_jumps_know_nothing_of_perturbations():
    with pytest.raises(ConfigError, match="'lead' is perturbed"):
        circuits.Presenter(network(), integrator="equilibrium")


@pytest.mark.parametrize("way", ["relax", "advance"])
def test_cells_that_relax_or_advance_get_what_is_added(way):
    options = {"relax": ("x", "y"), "sweeps": 400, "step": 0.5, "tolerance": 1e-14}
    if way == "advance":
        options = {"advance": ("x", "y"), "times": 400}
    phases = tuple(Phase(name, on=("a",), **options) for name in ("clean", "perturbed"))
    start = {**start_of("dense")[0]}
    with circuits.Presenter(network(phases=phases), weights=start) as presenter:
        presenter.present({"a": X[0]}, learning=False)
        u, xi = X[0] / (1.0 + X[0] ** 2), presenter.perturbation("lead")
        for phase, added in (("clean", 0.0), ("perturbed", xi)):
            y = presenter.read("y", "u", phase)[0]
            wanted = (start["lead"] + added) @ u
            # The mean over all steps of an advance holds its beginning, too.
            np.testing.assert_allclose(y, wanted, atol=1e-9 if way == "relax" else 0.02)
        presenter.present({"a": X[0]})
        now = presenter.read("y", "u")[0]
        np.testing.assert_allclose(
            now, (start["lead"] + presenter.perturbation("lead")) @ u, atol=1e-9
        )


def test_kernels_of_a_convolution_are_perturbed_too():
    way = circuits.Convolution((4, 4), 2, (1, 2))
    phases = tuple(Phase(n, settle=("y",), on=("a",)) for n in ("clean", "perturbed"))
    lead = joined("a", "y", "lead", connectivity=way, perturbation=ADDED)
    sizes = (*sources(("a",), way.n_pre), *layers(("y",), way.n_post))
    described = circuit(sizes, (lead,), phases=phases)
    rng = np.random.default_rng(1)
    w, x = rng.normal(size=(2, 1, 2, 2)), rng.normal(size=(3, way.n_pre))
    with circuits.Presenter(described, weights={"lead": w}, batch=3) as presenter:
        presenter.present({"a": x})
        xi = presenter.perturbation("lead")
        for phase, carried in (("clean", w), ("perturbed", w + xi)):
            wanted = way.drive(carried, x, way.n_post)
            np.testing.assert_allclose(presenter.read("y", "u", phase), wanted, 1e-12)
        assert xi.shape == w.shape and np.abs(xi).max() > 0.1
