"""Spike-timing rules as plain sums over spikes, for comparison with compiled code.

One loop per sum, no traces: dw of a whole pair of trains. Times in ms; spikes at equal
times are no pair.

Source: the exponential pair window; triplets as in Pfister and Gerstner (2006).
"""

import math


def pair_change(pre, post, *, a_plus, a_minus, tau_plus, tau_minus):
    """Sum of the pair window over all pairs of the trains `pre` and `post`."""
    total = 0.0
    for t_pre in pre:
        for t_post in post:
            s = t_post - t_pre
            if s > 0:
                total += a_plus * math.exp(-s / tau_plus)
            if s < 0:
                total -= a_minus * math.exp(s / tau_minus)
    return total


def triplet_change(
    pre,
    post,
    *,
    a2_plus,
    a2_minus,
    a3_plus,
    a3_minus,
    tau_plus,
    tau_minus,
    tau_x,
    tau_y,
):
    """Pairs, and triplets with two spikes of one side, summed over two trains."""
    total = pair_change(
        pre,
        post,
        a_plus=a2_plus,
        a_minus=a2_minus,
        tau_plus=tau_plus,
        tau_minus=tau_minus,
    )
    for last in post:
        for earlier in post:
            for t_pre in pre:
                if earlier < last and t_pre < last:
                    total += (
                        a3_plus
                        * math.exp(-(last - t_pre) / tau_plus)
                        * math.exp(-(last - earlier) / tau_y)
                    )
    for last in pre:
        for earlier in pre:
            for t_post in post:
                if earlier < last and t_post < last:
                    total -= (
                        a3_minus
                        * math.exp(-(last - t_post) / tau_minus)
                        * math.exp(-(last - earlier) / tau_x)
                    )
    return total
