"""A run reopens as it was saved, from either format, or is refused."""

import contextlib
import hashlib
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
from example_runs import assert_same, changed_root, one, simulation, training
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dendrites import _run_formats
from dendrites.dataset import labels, open_run, save_run, update_root
from dendrites.errors import DataError, StorageError

GOLDEN = Path(__file__).parents[1] / "data" / "run_schema_1_0.nc"
BACKENDS = pytest.mark.parametrize("suffix", [".nc", ".zarr"])


def write_golden(path=GOLDEN):
    """Regenerate the golden file of schema 1.0; only with a reason in the commit."""
    neutral = {"platform": "test", "cpu": "test", "git_commit": "", "git_dirty": 0}
    save_run(update_root(simulation(), **neutral), path, overwrite=True)


@BACKENDS
@pytest.mark.parametrize("example", [simulation, training])
def test_a_worked_example_reopens_identical(tmp_path, suffix, example):
    tree = example()
    assert_same(open_run(save_run(tree, tmp_path / f"a{suffix}")), tree)


@BACKENDS
def test_a_reopened_run_can_be_saved_by_the_other_backend(tmp_path, suffix):
    tree = training()
    first = open_run(save_run(tree, tmp_path / f"a{suffix}"))
    other = ".zarr" if suffix == ".nc" else ".nc"
    assert_same(open_run(save_run(first, tmp_path / f"b{other}")), tree)


names = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,11}", fullmatch=True)
text = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8
)
numbers = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False)
)
lists = st.one_of(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=2, max_size=4),
    st.lists(st.floats(-1e300, 1e300), min_size=2, max_size=4),
    st.lists(text, min_size=2, max_size=4),
)
attributes = st.dictionaries(
    names.map(lambda name: "x" + name), st.one_of(text, numbers, lists), max_size=3
)
DTYPES = ["float64", "float32", "int64", "int32", "uint8", "uint64", "bool", "text"]


@st.composite
def arrays(draw, shape):
    dtype = draw(st.sampled_from(DTYPES))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    if dtype == "text":
        words = draw(st.lists(text, min_size=3, max_size=3))
        return labels(rng.choice(np.array(words, dtype=object), shape).ravel()).reshape(
            shape
        )
    if dtype.startswith("float"):
        specials = [0.0, -0.0, np.finfo(dtype).tiny / 2, np.finfo(dtype).max, -1.5]
        return rng.choice(np.array(specials, dtype=dtype), shape)
    if dtype == "bool":
        return rng.random(shape) < 0.5
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)


@st.composite
def group(draw):
    dims = draw(st.lists(names.map(lambda n: "d" + n), min_size=1, max_size=3))
    sizes = {dim: draw(st.integers(0, 4)) for dim in dims}
    coordinates, variables = {}, {}
    for dim, size in sizes.items():
        kind = draw(st.sampled_from(["none", "int", "text"]))
        if kind == "int":
            coordinates[dim] = one(np.arange(size) * 3, dim)
        elif kind == "text":
            coordinates[dim] = (dim, labels(f"{dim}{i}" for i in range(size)))
    for name in draw(st.lists(names.map(lambda n: "v" + n), max_size=3)):
        use = draw(st.lists(st.sampled_from(sorted(sizes)), unique=True))
        array = draw(arrays(tuple(sizes[dim] for dim in use)))
        attrs = draw(attributes)
        if array.dtype != object:
            attrs = attrs | {"units": draw(st.sampled_from(["1", "ms", "s", "pA ms"]))}
        variables[name] = (tuple(use), array, attrs)
    return xr.Dataset(variables, coordinates, draw(attributes))


@BACKENDS
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(groups=st.dictionaries(names, group(), min_size=1, max_size=2))
def test_a_random_valid_tree_reopens_identical(tmp_path, suffix, groups):
    tree = simulation(groups={f"/stimuli/{k}": v for k, v in groups.items()})
    path = save_run(tree, tmp_path / f"a{suffix}", overwrite=True)
    assert_same(open_run(path), tree)


@BACKENDS
def test_plain_xarray_reads_the_same_values(tmp_path, suffix):
    tree = simulation()
    path = save_run(tree, tmp_path / f"a{suffix}")
    options = {"engine": "h5netcdf"}
    if suffix == ".zarr":
        options = {"engine": "zarr", "consolidated": False}
    with (
        pytest.warns(UserWarning, match=r"manifest\.json")
        if suffix == ".zarr"
        else contextlib.nullcontext()
    ):
        opened = xr.open_datatree(path, decode_timedelta=False, **options)
    with opened as plain:
        for node in tree.subtree:
            there = plain[node.path].to_dataset(inherit=False)
            xr.testing.assert_identical(node.to_dataset(inherit=False), there)


def test_the_golden_file_of_schema_1_0_still_opens():
    tree = open_run(GOLDEN)
    v = tree["populations/pyr"].v
    # Drawn from the documented PCG64 stream of seed 0, so known without the file.
    expected = np.random.default_rng(0).normal(-70, 1, (200, 3, 3))
    np.testing.assert_array_equal(v.values, expected)
    assert tree.attrs["seed"] == str(2**127 + 5)
    assert list(v.compartment.values) == ["soma", "basal", "apical"]
    assert GOLDEN.stat().st_size < 100_000


def test_the_golden_file_records_no_machine_and_no_commit():
    attrs = open_run(GOLDEN).attrs
    assert (attrs["platform"], attrs["cpu"]) == ("test", "test")
    assert (attrs["git_commit"], attrs["git_dirty"]) == ("", 0)


# Reading other files


@BACKENDS
def test_a_later_minor_version_is_read_even_if_it_breaks_our_rules(tmp_path, suffix):
    tree = changed_root(schema_version="1.7")
    tree["stimuli/apical"]["new"] = xr.Variable(
        "interval", np.zeros(2), {"units": "lm"}
    )
    path = tmp_path / f"a{suffix}"
    write_unchecked(tree, path)
    opened = open_run(path, verify=False)
    assert opened["stimuli/apical"]["new"].attrs["units"] == "lm"


@BACKENDS
def test_a_later_major_version_asks_to_upgrade(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    write_unchecked(changed_root(schema_version="2.3"), path)
    message = "written by schema 2.3, this version reads up to 1.x; upgrade"
    with pytest.raises(DataError, match=message):
        open_run(path, verify=False)


def write_unchecked(tree, path):
    if path.suffix == ".nc":
        tree.to_netcdf(path, engine="h5netcdf")
    else:
        tree.to_zarr(path, zarr_format=3, consolidated=False)


@pytest.mark.parametrize("fault", ["schema", "units"])
def test_a_foreign_or_faulty_file_is_named_with_its_fault(tmp_path, fault):
    tree = simulation().copy(deep=True)
    if fault == "schema":
        del tree.attrs["schema"]
    else:
        del tree["spikes/pyr"]["spike_time"].attrs["units"]
    write_unchecked(tree, tmp_path / "a.nc")
    message = {"schema": "not a run file", "units": "spike_time: units missing"}
    with pytest.raises(DataError, match=rf"a\.nc: (?s:.*){message[fault]}"):
        open_run(tmp_path / "a.nc", verify=False)


@pytest.mark.parametrize("content", [b"", b"x", b"\x89HDF\r\n\x1a\n", b"\0" * 5000])
@pytest.mark.parametrize("verify", [True, False])
def test_a_file_of_another_kind_is_refused(tmp_path, content, verify):
    path = tmp_path / "a.nc"
    path.write_bytes(content)
    with pytest.raises(StorageError, match=r"a\.nc(: not a readable| does not end in)"):
        open_run(path, verify=verify)


def test_an_empty_folder_is_not_a_store(tmp_path):
    with pytest.raises(StorageError, match="no such file or Zarr store|not a readable"):
        open_run(tmp_path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(StorageError, match=r"none\.nc: no such file"):
        open_run(tmp_path / "none.nc")


def read_or_refused(path, tree):
    try:
        opened = open_run(path)
    except (StorageError, DataError):
        return
    assert_same(opened, tree)


def test_flipped_bytes_in_a_netcdf_file_never_change_a_value(tmp_path):
    tree = simulation()
    path = save_run(tree, tmp_path / "a.nc")
    good, rng = path.read_bytes(), np.random.default_rng(3)
    for _ in range(60):
        bad = bytearray(good)
        bad[rng.integers(len(bad))] ^= 1 << rng.integers(8)
        path.write_bytes(bad)
        read_or_refused(path, tree)


def test_a_truncated_netcdf_file_never_changes_a_value(tmp_path):
    tree = simulation()
    path = save_run(tree, tmp_path / "a.nc")
    good, rng = path.read_bytes(), np.random.default_rng(4)
    lengths = [*range(len(good) - _run_formats.SEAL_LENGTH - 2, len(good), 16)]
    for length in [*lengths, *rng.integers(0, len(good), 20)]:
        path.write_bytes(good[:length])
        read_or_refused(path, tree)


def test_flipped_bytes_in_a_zarr_store_are_noticed(tmp_path):
    path = save_run(simulation(), tmp_path / "a.zarr")
    files = sorted(p for p in path.rglob("*") if p.is_file())
    rng = np.random.default_rng(5)
    for file in rng.choice(np.array(files, dtype=object), 20):
        good = file.read_bytes()
        bad = bytearray(good)
        bad[rng.integers(len(bad))] ^= 1 << rng.integers(8)
        file.write_bytes(bad)
        with pytest.raises(StorageError):
            open_run(path)
        file.write_bytes(good)


def test_a_deleted_chunk_is_reported_by_name(tmp_path):
    path = save_run(simulation(), tmp_path / "a.zarr")
    chunk = path / "populations/pyr/v/c/0/0/0"
    chunk.unlink()
    with pytest.raises(StorageError, match="missing populations/pyr/v/c/0/0/0"):
        open_run(path)


def test_an_altered_file_can_be_read_on_request(tmp_path):
    path = save_run(simulation(), tmp_path / "a.nc")
    data = path.read_bytes()
    path.write_bytes(data[:-2] + (b"0" if data[-2:-1] != b"0" else b"1") + b"\n")
    with pytest.raises(StorageError, match="checksum does not match"):
        open_run(path)
    assert_same(open_run(path, verify=False), simulation())


# Files without checksums, and files that point to others


def reseal(path):
    """As someone would who changes a file on purpose."""
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest().encode()
    path.write_bytes(data + _run_formats.SEAL + digest + b"\n")


def without_seal(path):
    path.write_bytes(path.read_bytes()[: -_run_formats.SEAL_LENGTH])


@pytest.mark.parametrize("appended", [b"", b"x", b"\n"])
def test_a_changed_file_whose_checksum_is_gone_is_refused(tmp_path, appended):
    path = save_run(simulation(title="before"), tmp_path / "a.nc")
    data = path.read_bytes().replace(b"before", b"behind")
    if not appended:
        data = data[: -_run_formats.SEAL_LENGTH]
    path.write_bytes(data + appended)
    message = "does not end in a checksum(?s:.*)verify=False"
    with pytest.raises(StorageError, match=message):
        open_run(path)
    assert open_run(path, verify=False).attrs["title"] == "behind"


def test_saving_it_again_gives_a_file_its_checksum(tmp_path):
    path = save_run(simulation(), tmp_path / "a.nc")
    without_seal(path)
    save_run(open_run(path, verify=False), path, overwrite=True)
    assert_same(open_run(path), simulation())


def test_a_store_without_its_list_of_checksums_is_refused(tmp_path):
    path = save_run(simulation(), tmp_path / "a.zarr")
    (path / "manifest.json").unlink()
    with pytest.raises(StorageError, match=r"has no manifest\.json"):
        open_run(path)
    assert_same(open_run(path, verify=False), simulation())


def external_storage(file, secret):
    file.create_dataset("extra", (6,), "u1", external=[(str(secret), 0, 6)])


def external_link(file, secret):
    file["extra"] = h5py.ExternalLink(str(secret), "/")


def soft_link(file, secret):
    file["extra"] = h5py.SoftLink("/populations")


def virtual_data(file, secret):
    layout = h5py.VirtualLayout((6,), "f8")
    layout[:] = h5py.VirtualSource(str(secret), "x", shape=(6,))
    file.create_virtual_dataset("extra", layout)


def hidden_in_a_group(file, secret):
    external_storage(file["populations"].create_group("deep"), secret)


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize(
    "point",
    [external_storage, external_link, soft_link, virtual_data, hidden_in_a_group],
)
def test_a_file_that_points_to_others_is_refused_before_they_are_read(
    tmp_path, point, verify, monkeypatch
):
    (tmp_path / "secret").write_text("secret")
    path = save_run(simulation(), tmp_path / "a.nc")
    without_seal(path)
    with h5py.File(path, "r+") as file:
        point(file, tmp_path / "secret")
    reseal(path)
    monkeypatch.setattr(xr, "open_datatree", None)  # not even begun
    with pytest.raises(StorageError, match="extra.*(is a link|stored elsewhere)"):
        open_run(path, verify=verify)


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_store_that_links_to_other_files_is_refused(tmp_path, kind):
    path = save_run(simulation(), tmp_path / "a.zarr")
    target = path / "populations/pyr/v/c" / ("0/0/0" if kind == "file" else "")
    target.rename(tmp_path / "moved")
    target.symlink_to(tmp_path / "moved")
    with pytest.raises(StorageError, match="is a link"):
        open_run(path, verify=False)
