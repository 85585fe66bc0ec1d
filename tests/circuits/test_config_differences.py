"""A run goes on only under the configuration it was started with."""

import pytest

from circuits.checkpoint import (
    check_same_config,
    config_differences,
    load_checkpoint,
    save_checkpoint,
)
from dendrites.errors import CheckpointError


def test_differences_name_the_path_and_both_values():
    saved = {"rule": {"rate": 0.1, "on": True}, "sizes": [3, 5, 2], "seed": 1, "x": {}}
    current = {"rule": {"rate": 0.2, "on": 1}, "sizes": (3, 4), "seed": 1.0, "y": "a"}
    assert config_differences(saved, current) == [
        "rule.on: True != 1",
        "rule.rate: 0.1 != 0.2",
        "sizes.1: 5 != 4",
        "sizes.2: 2 != (absent)",
        "x: {} != (absent)",
        "y: (absent) != 'a'",
    ]


def test_a_stored_configuration_equals_itself(tmp_path):
    config = {"sizes": (3, 4), "rule": {"rate": 1e-3, "name": None}}
    save_checkpoint(tmp_path / "run.ckpt", {"config": config}, {})
    saved = load_checkpoint(tmp_path / "run.ckpt")[0]["config"]
    assert config_differences(saved, config) == []
    check_same_config(saved, config)


def test_another_configuration_is_refused_with_its_differences():
    saved = {"rule": {"rate": 0.1}, "many": list(range(20))}
    current = {"rule": {"rate": 0.2}, "many": [-1] * 20}
    with pytest.raises(CheckpointError, match=r"differences: 21 ") as caught:
        check_same_config(saved, current)
    assert "many.0: 0 != -1; " in str(caught.value)
    assert "and 9 more" in str(caught.value)
    assert str(caught.value).count("\n") < 4


def test_long_values_are_shortened_in_the_list_of_differences():
    (line,) = config_differences({"a": "x" * 1000}, {"a": 1})
    assert line == "a: '" + "x" * 56 + "... != 1"
