"""Configuration files are plain data, measured before they are parsed."""

import json
import time

import pytest

from dendrites.errors import ConfigError
from experiments.command.config_files import read_config


def written(folder, text, name="run.toml"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refusal(folder, text, name="run.toml"):
    path = written(folder, text, name)
    begun = time.perf_counter()
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    assert time.perf_counter() - begun < 10  # no input costs minutes
    assert name in str(caught.value)
    return str(caught.value).split(name, 1)[1]


def test_toml_and_json_say_the_same(tmp_path):
    toml = 'epochs = 3\ndt = 0.25\nhidden = [100, 50]\nrule = "a"\n'
    expected = {"epochs": 3, "dt": 0.25, "hidden": [100, 50], "rule": "a"}
    assert read_config(written(tmp_path, toml)) == expected
    assert read_config(written(tmp_path, json.dumps(expected), "run.json")) == expected


def test_a_file_with_a_byte_order_mark_and_other_letters_is_read(tmp_path):
    text = b"\xef\xbb\xbf" + 'title = "Dendrit, größer"\n'.encode()
    assert read_config(written(tmp_path, text)) == {"title": "Dendrit, größer"}


def test_yaml_is_refused_and_toml_named(tmp_path):
    message = refusal(tmp_path, "epochs: 3\n", "run.yaml")
    assert "YAML is not supported" in message and "TOML" in message


def test_a_file_of_another_kind_is_refused(tmp_path):
    assert "'.py' files are not supported" in refusal(tmp_path, "epochs = 3", "run.py")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match="gone.toml: no such file"):
        read_config(tmp_path / "gone.toml")


def test_a_folder_is_no_configuration(tmp_path):
    (tmp_path / "run.toml").mkdir()
    with pytest.raises(ConfigError, match="not a regular file"):
        read_config(tmp_path / "run.toml")


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ("epochs = 3\nepochs = 4\n", "(at line 2, column 11)", "overwrite"),
        ("epochs = 3\ndt == 4\n", "(at line 2, column 5)", "Invalid value"),
        ("epochs = 3\nhidden = [1, 2", "(at end of document)", "Unclosed array"),
        ('rule = "a\n', "(at line 1, column 10)", "Illegal character"),
        (f"[{'a' * 999}]\n" * 2, "(at line 2, column 1001)", "Cannot declare"),
    ],
)
def test_a_toml_error_says_what_and_where(tmp_path, text, place, what):
    message = refusal(tmp_path, text)
    assert what in message and message.endswith(place) and len(message) < 500


def test_a_json_error_names_line_and_column(tmp_path):
    message = refusal(tmp_path, '{"epochs": 3,\n "dt": }', "run.json")
    assert message.startswith(", line 2, column 8: ")


def test_a_name_twice_in_json_is_refused(tmp_path):
    message = refusal(tmp_path, '{"dt": 1, "dt": 2}', "run.json")
    assert "'dt' is there twice" in message


@pytest.mark.parametrize("text", ["[1, 2]", "3", '"epochs"', "null"])
def test_json_must_be_names_with_values(tmp_path, text):
    assert "expected names with values" in refusal(tmp_path, text, "run.json")


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_json_numbers_that_are_not_finite_are_refused_with_their_path(tmp_path, value):
    message = refusal(tmp_path, f'{{"a": {{"b": [1, {value}]}}}}', "run.json")
    assert ": a.b[1] = " in message and "not a finite number" in message


def test_every_number_that_is_not_finite_is_listed(tmp_path):
    message = refusal(tmp_path, '{"dt": NaN, "gain": Infinity}', "run.json")
    assert "dt = nan" in message and "gain = inf" in message


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a = " + "[" * 65 + "]" * 65, "run.toml"),
        ("a = " + "{b = " * 65 + "1" + "}" * 65, "run.toml"),
        ("a" + ".b" * 65 + " = 1", "run.toml"),
        ("[a" + ".b" * 65 + "]", "run.toml"),
        ('"q"' + ' . "q"' * 65 + " = 1", "run.toml"),
        ('{"a": ' * 65 + "1" + "}" * 65, "run.json"),
        ('{"a": ' + "[" * 1_000_000, "run.json"),
        ("a = " + "[" * 1_000_000, "run.toml"),
        ("a" + ".b" * 1_000_000 + " = 1", "run.toml"),
    ],
)
def test_deep_nesting_is_refused(tmp_path, text, name):
    assert "nested more than 64 levels" in refusal(tmp_path, text, name)


def test_nesting_of_64_levels_is_read(tmp_path):
    text = '{"a": ' * 64 + "1" + "}" * 64
    assert "a" in read_config(written(tmp_path, text, "run.json"))


def test_brackets_and_dots_inside_text_are_not_nesting(tmp_path):
    value = "[{." * 100 + '\\" [ '
    for text, name in (
        (f"a = \"{value}\" # {value}\nb = '{value}'\n", "run.toml"),
        (f'a = """{value}\n"{value}"""\nb = \'\'\'{value}\n\'\'\'\n', "run.toml"),
        (f'{{"a": "{value}", "b": "x"}}', "run.json"),
    ):
        assert set(read_config(written(tmp_path, text, name))) == {"a", "b"}


def test_more_than_a_million_keys_are_refused(tmp_path):
    text = "{" + ",".join(['"":1'] * 1_000_001) + "}"
    assert "1000001 keys" in refusal(tmp_path, text, "run.json")
    text = "\n".join(f"{k:x}=1" for k in range(1_000_001))
    assert "1000001 keys" in refusal(tmp_path, text)


def test_a_file_above_10_mb_is_refused(tmp_path):
    assert "larger than 10 MB" in refusal(tmp_path, b" " * 10_000_001)


@pytest.mark.parametrize(
    "text", ['a = "' + '\\"' * 2_000_000, "a = " + '"""' * 1_000_001]
)
def test_unclosed_text_of_any_length_takes_linear_time(tmp_path, text):
    assert "(at " in refusal(tmp_path, text)


def test_text_that_is_not_utf8_is_refused_with_its_line(tmp_path):
    message = refusal(tmp_path, b'a = 1\nb = "\xff"\n')
    assert message.startswith(", line 2: not UTF-8")


def test_a_number_of_too_many_digits_is_refused(tmp_path):
    for text, name in (
        ("a = " + "9" * 5000, "run.toml"),
        ('{"a": ' + "9" * 5000 + "}", "run.json"),
    ):
        assert "digits" in refusal(tmp_path, text, name)


def test_names_that_look_like_code_are_plain_names(tmp_path):
    text = '{"__class__": "os.system", "numpy.load": 1, "__import__(\'os\')": 2}'
    data = read_config(written(tmp_path, text, "run.json"))
    assert data == json.loads(text)
