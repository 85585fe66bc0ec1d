"""Event rates and burst probabilities of an ensemble of burst cells, in plain NumPy.

    python tests/reference/burst_multiplexing.py

prints the table that `experiments/bursts/burst_statistics.py` holds, within a minute:
600 cells, 2 s after 0.1 s of settling, for each pair of somatic and apical currents,
with Ornstein-Uhlenbeck currents on both. Forward Euler from the published equations
(`naud_sprekeler_twin.py`, one cell), for all cells at once; imports nothing from the
package.
"""

import numpy as np

SOMATIC = (200.0, 400.0, 600.0)
APICAL = (-200.0, 0.0, 200.0, 400.0, 600.0)


def ensembles(
    soma, apical, *, cells, seed, duration, noise=450.0, settling=100.0, dt=0.1
):
    """Events and bursts of every cell, (n_pairs, cells), under constant currents, pA.

    `noise` is a standard deviation in pA; it decays with 2 ms. An event begins with
    a spike that is 16 ms or more after the one before, a burst with its second.
    """
    draw = np.random.default_rng(seed).standard_normal
    shape = (len(soma), cells)
    soma, apical = np.reshape(soma, (-1, 1)), np.reshape(apical, (-1, 1))
    vs, vd, theta = np.full(shape, -70.0), np.full(shape, -70.0), np.full(shape, -50.0)
    w, wd = np.zeros(shape), np.zeros(shape)
    last, size = np.full(shape, -(10**6)), np.zeros(shape, int)
    events, bursts = np.zeros(shape, int), np.zeros(shape, int)
    decay = np.exp(-dt / 2.0)
    fresh = noise * np.sqrt(1.0 - decay**2)
    extra = noise * draw((2, *shape))
    box, gap = round(2.0 / dt), round(16.0 / dt)
    first = round(settling / dt)
    for k in range(first + round(duration / dt)):
        f = 1.0 / (1.0 + np.exp(-(vd + 38.0) / 6.0))
        back = 2600.0 * (k - last <= box)
        dvs = -(vs + 70.0) / 16.0
        dvs += (1300.0 * f + soma + extra[0] - 200.0 * w) / 370.0
        dvd = -(vd + 70.0) / 7.0
        dvd += (1200.0 * f + back - 13.0 * wd + apical + extra[1]) / 170.0
        dwd = (-wd + vd + 70.0) / 30.0
        vs, vd, wd = vs + dt * dvs, vd + dt * dvd, wd + dt * dwd
        w, theta = w - dt * w / 100.0, theta - dt * (theta + 50.0) / 27.0
        extra = decay * extra + fresh * draw((2, *shape))
        fires = vs > theta
        vs[fires], w[fires], theta[fires] = -70.0, w[fires] + 1.0, theta[fires] + 2.0
        size[fires] = np.where(k - last[fires] < gap, size[fires] + 1, 1)
        last[fires] = k
        if k >= first:
            events += fires & (size == 1)
            bursts += fires & (size == 2)
    return events, bursts


def main():
    soma, apical = (x.ravel() for x in np.meshgrid(SOMATIC, APICAL, indexing="ij"))
    seconds = 2.0
    events, bursts = ensembles(soma, apical, cells=600, seed=1, duration=2000.0)
    each = bursts / np.where(events, events, np.nan)
    for name, values in (
        ("rate (Hz)", events.mean(axis=1) / seconds),
        ("its error", events.std(axis=1, ddof=1) / np.sqrt(600) / seconds),
        ("probability", bursts.sum(axis=1) / events.sum(axis=1)),
        ("mean of cells", np.nanmean(each, axis=1)),
    ):
        for current, row in zip(SOMATIC, values.reshape(3, -1), strict=True):
            print(f"{name}, soma {current:.0f} pA:", np.round(row, 3).tolist())


if __name__ == "__main__":
    main()
