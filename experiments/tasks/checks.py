"""What tasks share: labelled splits, and checks of their options."""

import math

import numpy as np

from circuits.task import Split
from dendrites.errors import ConfigError


def classification(inputs, labels, index, target_rates, classes=10):
    wrong, right = checked_rates(target_rates)
    labels = labels.astype(np.int64)
    targets = np.where(labels[:, None] == np.arange(classes), right, wrong)
    return Split(inputs, targets, labels, index)


def checked_rates(target_rates):
    try:
        wrong, right = (number(rate) for rate in target_rates)
    except (TypeError, ValueError):
        wrong = right = math.nan  # not a pair
    if not -math.inf < wrong < right < math.inf:
        raise ConfigError(
            "target_rates: expected two finite rates, that of the wrong output cells "
            f"below that of the right one, such as (0.1, 0.8), got {target_rates!r}"
        )
    return wrong, right


def number(value):
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan  # outside every range, so the caller's check reports it
