"""The burst cell in plain NumPy, one cell and one step at a time, and burst parsing.

Written from the published equations (forward Euler); imports nothing from the package.
A spike of step k, counted from 0, is at (k + 1) dt.
"""

import numpy as np

E_L, TAU_S, C_S, G_S, B_W, TAU_W = -70.0, 16.0, 370.0, 1300.0, -200.0, 100.0
TAU_D, C_D, G_D, E_D, D_D = 7.0, 170.0, 1200.0, -38.0, 6.0
Z, BAP, A_WD, TAU_WD = 2600.0, 2.0, -13.0, 30.0
THETA, JUMP, TAU_TH = -50.0, 2.0, 27.0


def run(soma_current, apical_current, *, dt=0.1, forced=None):
    """Potentials and spikes under currents of shape (n_steps,), pA.

    Returns a dict of arrays (n_steps,): state after every step.
    """
    names = ("soma", "apical", "adaptation", "apical_adaptation", "threshold", "spikes")
    out = {name: np.zeros(len(soma_current)) for name in names}
    vs = vd = E_L
    w = wd = 0.0
    theta = THETA
    last = -np.inf
    for k, (i_s, i_d) in enumerate(zip(soma_current, apical_current, strict=True)):
        f = 1.0 / (1.0 + np.exp(-(vd - E_D) / D_D))
        box = 1.0 if k - last <= round(BAP / dt) else 0.0
        dvs = (-(vs - E_L) + TAU_S / C_S * (G_S * f + i_s + B_W * w)) / TAU_S
        dvd = (
            -(vd - E_L) + TAU_D / C_D * (G_D * f + Z * box + A_WD * wd + i_d)
        ) / TAU_D
        dw = -w / TAU_W
        dwd = (-wd + vd - E_L) / TAU_WD
        dtheta = -(theta - THETA) / TAU_TH
        vs, vd, w, wd = vs + dt * dvs, vd + dt * dvd, w + dt * dw, wd + dt * dwd
        theta += dt * dtheta
        fires = vs > theta if forced is None else forced[k]
        if fires:
            vs, w, theta, last = E_L, w + 1.0, theta + JUMP, k
        for name, value in zip(names, (vs, vd, w, wd, theta, fires), strict=True):
            out[name][k] = value
    return out


def parse(steps, limit, detector):
    """(events, bursts): which of ascending spike steps are first and second spikes.

    strict: an interval below `limit` steps joins. trace: the sum of exp(-age / limit)
    of all spikes before is above 1/e.
    """
    events, bursts = [], []
    size = 0
    for k, step in enumerate(steps):
        if detector == "strict":
            joins = k > 0 and step - steps[k - 1] < limit
        else:
            age = step - np.array(steps[:k], float)
            joins = np.exp(-age / limit).sum() > np.exp(-1.0) * (1 + 1e-12)
        size = size + 1 if joins else 1
        if size == 1:
            events.append(step)
        if size == 2:
            bursts.append(step)
    return events, bursts


def averages(n_steps, steps, tau, start, dt):
    """Moving average after every step: jumps of 1/tau, seen one step later."""
    k = np.arange(1, n_steps + 1)
    out = start * np.exp(-k * dt / tau)
    for step in steps:
        late = k > step + 1
        out[late] += np.exp(-(k[late] - step - 1) * dt / tau) / tau
    return out


def burst_rule(pre_events, post_events, post_bursts, *, eta, tau_pre, probability):
    """Weight change of given event and burst times, ms, with constant probability."""
    pre = np.array(pre_events, float)

    def trace(t):
        return np.exp(-(t - pre[pre <= t]) / tau_pre).sum()

    gained = sum(trace(t) for t in post_bursts)
    lost = sum(trace(t) for t in post_events)
    return eta * (gained - probability * lost)


def adaptive_burst_rule(
    pre_events, post_events, post_bursts, *, eta, tau_pre, tau_average, start
):
    """The same with moving averages (event, burst) that begin at `start`, 1/ms.

    Events are taken in the order of time; averages jump by 1/tau_average after the
    weight has changed.
    """
    happenings = sorted(
        [(t, 0) for t in pre_events]
        + [(t, 1) for t in post_events]
        + [(t, 2) for t in post_bursts]
    )
    now = trace = weight = 0.0
    event, burst = start
    for t, kind in happenings:
        trace *= np.exp(-(t - now) / tau_pre)
        event *= np.exp(-(t - now) / tau_average)
        burst *= np.exp(-(t - now) / tau_average)
        now = t
        if kind == 0:
            trace += 1.0
        elif kind == 1:
            weight -= eta * min(burst / event, 1.0) * trace
            event += 1.0 / tau_average
        else:
            weight += eta * trace
            burst += 1.0 / tau_average
    return weight


def periodic_pairings(frequency, *, sequences=15, pairings=5, pause=11_000.0):
    """Weight change by simultaneous pairings at exact times, event by event.

    Sequences of `pairings` spikes of both cells at `frequency`, Hz, begin
    pairings / frequency + `pause` ms apart. Averages begin at 5 Hz and 0.15 of it.
    """
    period = 1000.0 / frequency
    times = [
        k * (pairings * period + pause) + j * period
        for k in range(sequences)
        for j in range(pairings)
    ]
    events, bursts = parse(times, 16.0, "strict")
    return adaptive_burst_rule(
        events,
        events,
        bursts,
        eta=0.1,
        tau_pre=50.0,
        tau_average=15_000.0,
        start=(0.005, 0.15 * 0.005),
    )
