"""The circuit of the disinhibition-gate experiment, and what it settles to."""

from typing import NamedTuple

import numpy as np

# Weights of the circuit; those of VIP and SST are multiplied by their gains.
POM_TO_VIP = 1.0
SST_DRIVE = 1.0
VIP_TO_SST = 2.0
SST_TO_APICAL = 3.0
POM_TO_APICAL = 1.0
SILENCED = -100.0  # drive of a silenced interneuron
W_START = 1.0
BASAL = "l4_to_pyramidal_basal"


class Cells(NamedTuple):
    """What every pyramidal cell, with interneurons of its own, is given.

    Arrays (n_cells,); `pom` and `l4` are rates, gains multiply the output of VIP and
    SST cells, and cells are silenced where `vip_off`, `sst_off` are 1.
    """

    pom: np.ndarray
    l4: np.ndarray
    vip_gain: np.ndarray
    sst_gain: np.ndarray
    vip_off: np.ndarray
    sst_off: np.ndarray


def gate_circuit(cells: Cells, n_steps, *, eta, decay, noise, dt, streams=None):
    """One POm and one constant source; for every cell a VIP, an SST, a pyramidal cell.

    Rates of inputs are in the weights, but for L4: its cells, one per rate, show it.
    """
    from circuits import Circuit, Phase, Population, Projection, Schedule
    from dendrites.models import source
    from dendrites.models.disinhibition import gated_pyramidal, plateau, threshold_unit
    from dendrites.rules.gating import apical_gating
    from experiments.pairing import partners

    n = len(cells.pom)
    rates, which = np.unique(cells.l4, return_inverse=True)
    unit = threshold_unit(noise=noise)
    pyramidal = gated_pyramidal(noise=noise)
    rule = apical_gating(
        eta, ltd=0.0, plateau=plateau, firing="rate", presynaptic="rate"
    )

    def column(values):
        return np.asarray(values, float)[:, np.newaxis]

    return Circuit(
        (
            Population("pom", source(), 1),
            Population("l4", source(), len(rates)),
            Population("constant", source(), 1, pattern=1.0),
            Population("vip", unit, n, noise=streams),
            Population("sst", unit, n, noise=streams),
            Population("pyramidal", pyramidal, n, noise=streams),
        ),
        (
            Projection("pom", "vip", "drive", initial=column(POM_TO_VIP * cells.pom)),
            Projection(
                "constant", "vip", "drive", initial=column(SILENCED * cells.vip_off)
            ),
            Projection(
                "constant",
                "sst",
                "drive",
                initial=column(np.where(cells.sst_off > 0, SILENCED, SST_DRIVE)),
            ),
            partners("vip", "sst", "drive", -VIP_TO_SST * cells.vip_gain),
            partners("sst", "pyramidal", "apical", -SST_TO_APICAL * cells.sst_gain),
            Projection(
                "pom",
                "pyramidal",
                "apical",
                initial=column(POM_TO_APICAL * cells.pom),
            ),
            Projection(
                "l4",
                "pyramidal",
                "basal",
                initial=W_START * (which[:, np.newaxis] == np.arange(len(rates))),
                connectivity=which[:, np.newaxis] == np.arange(len(rates)),
                rule=rule,
                weight_decay=decay,
            ),
        ),
        Schedule((Phase("pairing", n_steps * dt, on=("pom", "l4", "constant")),)),
        output="pyramidal",
        dt=dt,
        name="disinhibition_gate",
    )


def settled(cells: Cells) -> dict:
    """What the cells go to under constant input: vip, sst and apical (n_cells,).

    vip = [w POm]+, sst = [b - w vip]+, apical = w POm - g sst.
    """
    vip = np.where(cells.vip_off > 0, 0.0, np.maximum(POM_TO_VIP * cells.pom, 0.0))
    drive = SST_DRIVE - VIP_TO_SST * cells.vip_gain * vip
    sst = np.where(cells.sst_off > 0, 0.0, np.maximum(drive, 0.0))
    apical = POM_TO_APICAL * cells.pom - SST_TO_APICAL * cells.sst_gain * sst
    return {"vip": vip, "sst": sst, "apical": apical}
