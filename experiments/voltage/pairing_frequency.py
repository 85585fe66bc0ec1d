"""The pairing-frequency experiment: which rules follow the frequency of pairings?"""

from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Lt

from experiments.parameters import Argument, Repeats, Step, changed_cell
from experiments.record import Answer, question

CITATION = "Sjostrom, Turrigiano & Nelson (2001), Neuron 32, 1149-1164"
LAG = 10.0  # ms
LAGS = (LAG, -LAG)
# EPSP after induction, % of baseline: mean and end of the error bar, digitised.
MEASURED = (0.1, 10.0, 20.0, 40.0, 50.0)
MEAN = np.array([[97.0, 115, 131, 155, 158], [69.0, 58, 67, 155, 175]])
BAR = np.array([[100.0, 125, 144, 165, 184], [77.0, 69, 76, 186, 194]])
# Weight that counts as 100 %, as in the published program.
BASELINE = 0.5
VOLTAGE = (8e-5, 14e-5)  # a_ltp, a_ltd
ADEX_B = 80.5  # pA, the adaptation of the adaptive exponential cell
TAU_X = 15.0
# Windows of pairs and triplets, recalled from Pfister and Gerstner (2006).
TAU_PLUS, TAU_MINUS, TAU_Y = 16.8, 33.7, 125.0
PARTS = ("potentiation", "depression")
FITTED = ("voltage_soma", "voltage_dendrite", "pair", "triplet")


# Parameters of the cells that changes of weights under forced spikes depend on.
CELL_OF_PAIRS = (
    *("capacitance", "g_leak", "e_leak", "delta_t", "threshold_rest", "a", "tau_w"),
    *("threshold_spike", "tau_threshold", "v_reset", "clamp_duration"),
    *("after_current", "tau_after", "capacitance_apical", "g_leak_apical", "v_bap"),
    *("tau_minus", "tau_plus"),
)
CELL = (*CELL_OF_PAIRS, "v_clamp", "length_constant")


@question(title="Spike pairings over their frequency", citation=CITATION)
def pairing_frequency(
    *,
    frequencies: Annotated[
        tuple[Annotated[float, Gt(0), Lt(100)], ...],
        Argument("of pairings, beside those that were measured", "Hz"),
    ] = (5.0, 7.5, 12.5, 15.0, 17.5, 22.5, 25.0, 27.5, 30.0, 32.5, 35.0, 37.5, 45.0),
    pairings: Annotated[Repeats, Argument("in a burst")] = 5,
    bursts: Annotated[int, Argument("in an experiment"), Ge(1)] = 15,
    gap: Annotated[
        float, Argument("longest time simulated between pairings", "ms"), Ge(200)
    ] = 1500.0,
    b: Annotated[float, Argument("adaptation by a spike", "pA"), Ge(0)] = 0.0805,
    distance: Annotated[
        float, Argument("of the dendritic site from the soma", "um"), Ge(0)
    ] = 100.0,
    delay: Annotated[float, Argument("of the filtered potentials", "ms"), Gt(0)] = 4.0,
    margin: Annotated[
        float, Argument("change of a model that counts as none", "percent"), Ge(0)
    ] = 2.0,
    cell: changed_cell("adex_dendrite", CELL) = None,
    dt: Annotated[Step, Argument("step", "ms")] = 0.1,
):
    """Do rules of plasticity follow frequency and order of spike pairings as rats do?

    Pairs of forced spikes, 10 ms apart in either order, at every frequency, on the
    voltage rule (at the soma and at a dendritic site) and on pair and triplet rules of
    spike timing. Every rule is a sum of two parts, and its change is linear in their
    amplitudes; the voltage rule is shown with published ones, and all rules with those
    that fit the ten measured means best (least squares over their error bars).

    Returns
    -------
    xarray.DataTree
        ``/pairing`` with ``change`` (model, pairing_dt, frequency), % of the initial
        weight, 100 for none; ``contribution`` of its two parts and their ``amplitude``.
        ``/measured`` with ``mean``, ``error`` (pairing_dt, frequency), and ``agrees``
        (model, pairing_dt, frequency), 1 where the sign is that of the experiment.

    Source: Clopath, Busing, Vasilaki and Gerstner (2010); data of Sjostrom, Turrigiano
    and Nelson (2001), digitised; the fits are ours.
    """
    from dendrites.dataset import group

    grid = np.array(sorted({*map(float, frequencies), *MEASURED}))
    unit, duration = unit_changes(
        grid,
        pairings=pairings,
        gap=gap,
        b=b,
        distance=distance,
        delay=delay,
        dt=dt,
        changes=cell or {},
    )
    # One burst by its number: weights have no bounds and act on nothing.
    unit = {name: 100.0 * bursts / BASELINE * part for name, part in unit.items()}
    at = np.searchsorted(grid, MEASURED)
    amplitudes = {"voltage_soma": (1.0, 1.0)}
    rules = {"voltage_soma": "voltage_soma"}
    for rule in FITTED:
        amplitudes[f"{rule}_fitted"] = fit(unit[rule][..., at])
        rules[f"{rule}_fitted"] = rule
    for control in ("strong_adaptation", "no_delay"):
        amplitudes[control], rules[control] = (1.0, 1.0), control
    models = [*amplitudes]
    used = np.array([amplitudes[name] for name in models])
    part = np.array(
        [unit[rules[m]] * used[k, :, None, None] for k, m in enumerate(models)]
    )
    change = 100.0 + part.sum(1)
    agrees = sign_of(change[..., at], margin) == measured_sign()
    dims = ("model", "pairing_dt", "frequency")
    coordinates = {"model": models, "pairing_dt": np.array(LAGS)}
    scale = np.array([scales(rules[m]) for m in models])
    units = {"frequency": "Hz", "pairing_dt": "ms"}
    pairing = group(
        {
            "change": (dims, change, "percent", "of the initial weight"),
            "contribution": (("model", "part", *dims[1:]), part, "percent"),
            "amplitude": (("model", "part"), used * scale, "1", "internal units"),
        },
        {**coordinates, "frequency": grid, "part": [*PARTS]},
        units=units,
    )
    compared = group(
        {
            "mean": (dims[1:], MEAN, "percent", "EPSP of its baseline"),
            "error": (dims[1:], abs(BAR - MEAN), "percent", "length of the error bar"),
            "agrees": (dims, agrees.astype(np.int64), "1", "sign is the measured one"),
        },
        {**coordinates, "frequency": np.array(MEASURED)},
        units=units,
    )
    return Answer(
        {"/pairing": pairing, "/measured": compared},
        dt=dt,
        duration=duration,
        headline=_headline(compared),
    )


def scales(rule: str) -> tuple[float, float]:
    """Amplitudes of the two parts as they are measured: published or 1e-3."""
    spikes = rule in ("pair", "triplet")
    return (1e-3, 1e-3) if spikes else VOLTAGE


def unit_changes(frequencies, *, pairings, gap, b, distance, delay, dt, changes=None):
    """Weight change by one burst, (part, pairing_dt, frequency), by rule.

    Amplitudes are those of `scales`, `changes` parameters of the cells by name.

    Returns
    -------
    dict of ndarray; float
        The duration of the run, ms.
    """
    from circuits import Population
    from dendrites.models.adex_dendrite import adex_dendrite
    from dendrites.models.presynaptic import presynaptic
    from dendrites.rules.stdp import stdp_pair, stdp_triplet
    from dendrites.rules.voltage import clopath
    from experiments import pairing
    from experiments.voltage import paired_bursts

    conditions = [(f, lag) for lag in LAGS for f in frequencies]
    given = paired_bursts.bursts(conditions, pairings=pairings, gap=gap, dt=dt)
    n = len(conditions)
    shared = {"tau_trace": TAU_MINUS, "tau_slow": TAU_Y} | (changes or {})
    cells = {
        "point": adex_dendrite(g_coupling=0.0, b=b, **shared),
        "adapting": adex_dendrite(g_coupling=0.0, b=ADEX_B, **shared),
        "dendritic": adex_dendrite(distance=distance, b=b, **shared),
    }
    inputs = {
        "voltage": presynaptic(tau_trace=TAU_X),
        "timing": presynaptic(tau_trace=TAU_PLUS),
    }

    def voltage(**options):
        a_ltp, a_ltd = VOLTAGE
        return (
            clopath(a_ltp=a_ltp, a_ltd=0.0, **options),
            clopath(a_ltp=0.0, a_ltd=a_ltd, **options),
        )

    amplitude = scales("pair")[0]
    rules = {
        "voltage_soma": ("voltage", "point", voltage(compartment="soma")),
        "voltage_dendrite": ("voltage", "dendritic", voltage(compartment="apical")),
        "strong_adaptation": ("voltage", "adapting", voltage(compartment="soma")),
        "no_delay": ("voltage", "point", voltage(compartment="soma", delayed=False)),
        "pair": (
            "timing",
            "point",
            (
                stdp_pair(a_plus=amplitude, a_minus=0.0),
                stdp_pair(a_plus=0.0, a_minus=amplitude),
            ),
        ),
        # The smallest triplet rule: pairs depress, triplets potentiate.
        "triplet": (
            "timing",
            "point",
            (
                stdp_triplet(a2_plus=0.0, a2_minus=0.0, a3_plus=amplitude),
                stdp_triplet(a2_plus=0.0, a2_minus=amplitude, a3_plus=0.0),
            ),
        ),
    }
    projections = [
        pairing.measured(pre, post, rule, name=f"{name}_{part}")
        for name, (pre, post, both) in rules.items()
        for part, rule in zip(PARTS, both, strict=True)
    ]
    for name, site in (
        ("point", "soma"),
        ("adapting", "soma"),
        ("dendritic", "apical"),
    ):
        projections += paired_bursts.delay_projections(name, cells[name], site, delay)
    found, _ = pairing.run(
        [Population(name, model, n) for name, model in (inputs | cells).items()],
        projections,
        dict.fromkeys(inputs, given.pre) | dict.fromkeys(cells, given.post),
        duration=given.duration,
        dt=dt,
    )
    shape = (len(LAGS), len(frequencies))
    return {
        name: np.array([found[f"{name}_{part}"].reshape(shape) for part in PARTS])
        for name in rules
    }, given.duration


def fit(parts) -> tuple[float, float]:
    """Factors >= 0 of both parts with the least squares over the measured error bars.

    Parameters
    ----------
    parts : ndarray (part, pairing_dt, measured frequency), percent
    """
    from scipy.optimize import nnls

    error = abs(BAR - MEAN)
    design = (parts / error).reshape(2, -1).T
    return tuple(nnls(design, ((MEAN - 100.0) / error).ravel())[0].tolist())


def measured_sign() -> np.ndarray:
    """-1, 0 or 1; 0 where the error bar reaches 100 %."""
    return np.where(abs(MEAN - 100.0) <= abs(BAR - MEAN), 0.0, np.sign(MEAN - 100.0))


def sign_of(change, margin: float) -> np.ndarray:
    """-1, 0 or 1; 0 where the change is at most `margin`."""
    return np.where(abs(change - 100.0) <= margin, 0.0, np.sign(change - 100.0))


def _headline(compared):
    shares = compared.agrees.mean(("pairing_dt", "frequency"))
    figures = {}
    for model, name in (
        ("voltage_soma", "sign_agreement"),
        ("voltage_soma_fitted", "sign_agreement_voltage_fitted"),
        ("voltage_dendrite_fitted", "sign_agreement_dendrite_fitted"),
        ("triplet_fitted", "sign_agreement_triplet_fitted"),
        ("pair_fitted", "sign_agreement_pair_fitted"),
    ):
        figures[name] = {
            "value": float(shares.sel(model=model)),
            "unit": "1",
            "reference": "1, all ten points",
            "source": "digitised data of Sjostrom et al. (2001)",
        }
    return figures
