"""The burst cell, its detection of bursts and its rule, in Python and in NumPy.

`one_by_one` steps a single cell in plain Python numbers; `in_arrays` steps all cells,
one line per equation; `side_by_side` does so in preallocated arrays, in place and with
spikes dealt with apart. All return weight changes and counts of
events and bursts, for protocols of one length. Written from the published equations;
they import nothing of ours.
"""

import math
from typing import NamedTuple

import numpy as np

E_L, TAU_S, C_S, G_S, B_W, TAU_W = -70.0, 16.0, 370.0, 1300.0, -200.0, 100.0
TAU_D, C_D, G_D, E_D, D_D = 7.0, 170.0, 1200.0, -38.0, 6.0
Z, BAP, A_WD, TAU_WD = 2600.0, 2.0, -13.0, 30.0
THETA, JUMP, TAU_TH = -50.0, 2.0, 27.0
INTERVAL, PROBABILITY, TAU_PRE, ETA = 16.0, 0.3, 50.0, 1.0


class Given(NamedTuple):
    """Inputs of protocols that differ in their constant apical current alone.

    somatic (n_steps,) : pA, of all; apical (n_protocols,) : pA, from step `onset` on;
    noise_soma, noise_apical (n_steps, n_seeds) : pA; presynaptic : steps of spikes, all
    further apart than the interval of bursts.
    """

    somatic: np.ndarray
    apical: np.ndarray
    onset: int
    noise_soma: np.ndarray
    noise_apical: np.ndarray
    presynaptic: np.ndarray
    dt: float


def one_by_one(given, protocol, seed):
    """Weight change, events and bursts of one cell, in Python numbers."""
    dt = given.dt
    soma = (given.somatic + given.noise_soma[:, seed]).tolist()
    apical = given.noise_apical[:, seed].copy()
    apical[given.onset :] += given.apical[protocol]
    apical = apical.tolist()
    spikes = np.zeros(len(soma), bool)
    spikes[given.presynaptic] = True
    box, limit = round(BAP / dt), round(INTERVAL / dt)
    decay = math.exp(-dt / TAU_PRE)
    vs = vd = E_L
    w = wd = trace = weight = 0.0
    theta, last, size = THETA, -(10**9), 0
    events = bursts = 0
    for k, (i_s, i_d, pre) in enumerate(
        zip(soma, apical, spikes.tolist(), strict=True)
    ):
        f = 1.0 / (1.0 + math.exp(-(vd - E_D) / D_D))
        back = Z if k - last <= box else 0.0
        above = vd - E_L
        vs += dt * ((E_L - vs) / TAU_S + (G_S * f + i_s + B_W * w) / C_S)
        vd += dt * (-above / TAU_D + (G_D * f + back + A_WD * wd + i_d) / C_D)
        w -= dt / TAU_W * w
        wd += dt / TAU_WD * (above - wd)
        theta += dt / TAU_TH * (THETA - theta)
        trace *= decay
        if pre:
            trace += 1.0
        if vs > theta:
            size = size + 1 if k - last < limit else 1
            if size == 1:
                events += 1
                weight -= ETA * PROBABILITY * trace
            elif size == 2:
                bursts += 1
                weight += ETA * trace
            vs, w, theta, last = E_L, w + 1.0, theta + JUMP, k
    return weight, events, bursts


def in_arrays(given):
    """Weight changes, events and bursts (n_protocols, n_seeds): one line per equation.

    As the equations are written down with NumPy, every operation on all cells.
    """
    dt = given.dt
    n_steps, n_seeds = given.noise_soma.shape
    shape = (len(given.apical), n_seeds)
    pre = np.zeros(n_steps, bool)
    pre[given.presynaptic] = True
    box, limit = round(BAP / dt), round(INTERVAL / dt)
    vs, vd, theta = np.full(shape, E_L), np.full(shape, E_L), np.full(shape, THETA)
    w, wd, weight = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    last, size = np.full(shape, -(10**9)), np.zeros(shape, int)
    events, bursts = np.zeros(shape, int), np.zeros(shape, int)
    trace = 0.0
    for k in range(n_steps):
        i_s = given.somatic[k] + given.noise_soma[k]
        i_d = given.noise_apical[k] + (k >= given.onset) * given.apical[:, np.newaxis]
        f = 1.0 / (1.0 + np.exp(-(vd - E_D) / D_D))
        back = np.where(k - last <= box, Z, 0.0)
        above = vd - E_L
        vs = vs + dt * ((E_L - vs) / TAU_S + (G_S * f + i_s + B_W * w) / C_S)
        vd = vd + dt * (-above / TAU_D + (G_D * f + back + A_WD * wd + i_d) / C_D)
        w = w - dt / TAU_W * w
        wd = wd + dt / TAU_WD * (above - wd)
        theta = theta + dt / TAU_TH * (THETA - theta)
        trace = trace * math.exp(-dt / TAU_PRE) + pre[k]
        fires = vs > theta
        size = np.where(fires, np.where(k - last < limit, size + 1, 1), size)
        event, burst = fires & (size == 1), fires & (size == 2)
        events, bursts = events + event, bursts + burst
        weight = weight + ETA * trace * (burst - PROBABILITY * event)
        vs = np.where(fires, E_L, vs)
        w, theta = w + fires, theta + JUMP * fires
        last = np.where(fires, k, last)
    return weight, events, bursts


def side_by_side(given):
    """Weight changes, events and bursts (n_protocols, n_seeds), in arrays.

    Everything that is the same for all cells or at all steps is folded into rows of
    input beforehand; the soma is counted from the resting threshold and the apical
    adaptation from the leak potential. All arrays are made beforehand and changed in
    place; spikes, which are rare, are dealt with apart.
    """
    dt = given.dt
    n_steps, n_seeds = given.noise_soma.shape
    shape = (len(given.apical), n_seeds)
    leak_s, leak_d = dt / TAU_S, dt / TAU_D
    rows_s = dt / C_S * (given.noise_soma + given.somatic[:, np.newaxis])
    rows_s += leak_s * (E_L - THETA)
    rows_d = dt / C_D * (given.noise_apical - A_WD * E_L) + leak_d * E_L
    constant = np.repeat(dt / C_D * given.apical[:, np.newaxis], n_seeds, axis=1)
    pre = np.zeros(n_steps, bool)
    pre[given.presynaptic] = True
    box, limit = round(BAP / dt), round(INTERVAL / dt)
    keep_s, keep_d, keep_z = 1 - leak_s, 1 - leak_d, 1 - dt / TAU_WD
    # Adaptation, threshold and presynaptic trace only decay: one operation for all.
    decaying = np.zeros((3, *shape))
    adaptation, threshold, trace = decaying
    decays = np.array([1 - dt / TAU_W, 1 - dt / TAU_TH, math.exp(-dt / TAU_PRE)])
    decays = np.broadcast_to(decays[:, np.newaxis, np.newaxis], decaying.shape).copy()
    vs, vd, z = np.full(shape, E_L - THETA), np.full(shape, E_L), np.full(shape, E_L)
    f, other, into = (np.empty(shape) for _ in range(3))
    fires = np.empty(shape, bool)
    weight = np.zeros(shape)
    last, size = np.full(shape, -(10**9)), np.zeros(shape, int)
    events, bursts = np.zeros(shape, int), np.zeros(shape, int)
    flat = [a.reshape(-1) for a in (vs, adaptation, threshold, last, size, trace)]
    flat += [a.reshape(-1) for a in (weight, events, bursts)]
    kick, recent = dt / C_D * Z, -(10**9)
    for k in range(n_steps):
        np.multiply(vd, -1.0 / D_D, out=f)
        f += E_D / D_D
        np.exp(f, out=f)
        f += 1.0
        np.reciprocal(f, out=f)
        vs *= keep_s
        vs += rows_s[k]
        np.multiply(f, dt / C_S * G_S, out=into)
        vs += into
        np.multiply(adaptation, dt / C_S * B_W, out=into)
        vs += into
        np.multiply(vd, dt / TAU_WD, out=other)
        vd *= keep_d
        vd += rows_d[k]
        if k >= given.onset:
            vd += constant
        f *= dt / C_D * G_D
        vd += f
        np.multiply(z, dt / C_D * A_WD, out=into)
        vd += into
        if k - recent <= box:
            vd[k - last <= box] += kick
        z *= keep_z
        z += other
        decaying *= decays
        if pre[k]:
            trace += 1.0
        np.greater(vs, threshold, out=fires)
        if fires.any():
            _spikes(np.flatnonzero(fires), k, limit, *flat)
            recent = k
    return weight, events, bursts


def _spikes(c, k, limit, vs, w, threshold, last, size, trace, weight, events, bursts):
    """What the spikes of cells `c` in step k do."""
    size[c] = np.where(k - last[c] < limit, size[c] + 1, 1)
    event, burst = c[size[c] == 1], c[size[c] == 2]
    events[event] += 1
    bursts[burst] += 1
    weight[event] -= ETA * PROBABILITY * trace[event]
    weight[burst] += ETA * trace[burst]
    vs[c] = E_L - THETA
    w[c] += 1.0
    threshold[c] += JUMP
    last[c] = k
