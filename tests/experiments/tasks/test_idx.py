"""Idx files are the published ones or refused by name; MNIST is built from them."""

import contextlib
import gzip
import hashlib
import math
import os
import struct
import sys
import threading
import tracemalloc
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from circuits.task import check_task
from dendrites.errors import ConfigError, DataError
from experiments import tasks
from experiments.tasks import idx

IDX_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def idx_bytes(array):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + (
        array.tobytes()
    )


def write_gz(path, content):
    path.write_bytes(gzip.compress(content, mtime=0))
    return path


def images_of(n, seed):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)


SMALL = {
    "train-images-idx3-ubyte": images_of(40, seed=1),
    "train-labels-idx1-ubyte": (np.arange(40) % 10).astype(np.uint8),
    "t10k-images-idx3-ubyte": images_of(20, seed=2),
    "t10k-labels-idx1-ubyte": (np.arange(20) % 10).astype(np.uint8),
}


def write_small(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in SMALL.items():
        write_gz(folder / f"{name}.gz", idx_bytes(array))
    return folder


@pytest.fixture
def small_mnist(monkeypatch, tmp_path):
    """Pins of a 40 + 20 image set written to a folder; nothing else is reachable."""
    pins = tuple(
        hashlib.sha256(idx_bytes(SMALL[file])).hexdigest() for file in IDX_FILES
    )
    pinned = idx.IDX_SETS["mnist"]._replace(sha256=pins)
    monkeypatch.setitem(idx.IDX_SETS, "mnist", pinned)
    monkeypatch.delenv("DENDRITES_DATA", raising=False)
    monkeypatch.setitem(sys.modules, "pooch", None)
    return write_small(tmp_path / "files")


class FakePooch:
    """Stands in for pooch: writes what `served` gives, or raises it."""

    def __init__(self, cache, served):
        self.cache, self.served, self.urls = cache, served, []

    def os_cache(self, project):
        return self.cache / project

    def retrieve(self, url, known_hash, fname, path, downloader):
        self.urls.append(url)
        content = self.served(url)
        if isinstance(content, Exception):
            raise content
        path.mkdir(parents=True, exist_ok=True)
        (path / fname).write_bytes(content)
        return str(path / fname)


@pytest.fixture
def serve(monkeypatch, small_mnist, tmp_path):
    """A function that installs a fake pooch answering each URL with `served(url)`."""

    def install(served):
        fake = FakePooch(tmp_path / "cache", served)
        monkeypatch.setitem(sys.modules, "pooch", fake)
        return fake

    return install


def small_gz(url):
    name = url.rsplit("/", 1)[1].removesuffix(".gz")
    return gzip.compress(idx_bytes(SMALL[name]))


@pytest.mark.parametrize("shape", [(5,), (3, 4), (2, 3, 4)])
def test_idx_file_gives_back_what_was_written(tmp_path, shape):
    array = np.arange(math.prod(shape), dtype=np.uint8).reshape(shape)
    content = idx_bytes(array)
    values, sha256 = idx.read_idx(write_gz(tmp_path / "a.gz", content))
    np.testing.assert_array_equal(values, array)
    assert sha256 == hashlib.sha256(content).hexdigest()


LABELS = idx_bytes(np.arange(100, dtype=np.uint8))
DAMAGED = {
    "empty": (b"", "starts with bytes none"),
    "not gzip": (b"<html>not here</html>", "damaged or unreadable gzip file"),
    "cut gzip": (gzip.compress(LABELS)[:-20], "damaged or unreadable gzip file"),
    "cut before compression": (gzip.compress(LABELS[:-1]), "100 bytes, but 99 follow"),
    "too long": (gzip.compress(LABELS + b"x"), "100 bytes, but more follow"),
    "cut in header": (gzip.compress(LABELS[:6]), "no data"),
    "no examples": (gzip.compress(idx_bytes(np.empty((0, 4), np.uint8))), r"\(0, 4\)"),
    "floats": (
        gzip.compress(b"\0\0\x0d" + LABELS[3:]),
        "00 00 0d 01, expected 00 00 08",
    ),
    "nine dimensions": (gzip.compress(b"\0\0\x08\x09" + LABELS[4:]), "dimensions"),
}


@pytest.mark.parametrize("content, message", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_idx_file_is_named(tmp_path, content, message):
    path = tmp_path / "labels.gz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"labels\.gz: .*{message}"):
        idx.read_idx(path)


def test_an_absent_idx_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"absent\.gz: .*No such file"):
        idx.read_idx(tmp_path / "absent.gz")


def test_a_header_that_claims_too_much_is_refused_before_allocating(tmp_path):
    # 2**32 - 1 cubed bytes overflow int64 as well.
    header = struct.pack(">BBBB3I", 0, 0, 8, 3, *[2**32 - 1] * 3)
    path = write_gz(tmp_path / "a.gz", header + bytes(100))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="compressed bytes can hold"):
            idx.read_idx(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**22  # gzip's own buffers; the header claims 7.9e28 bytes


def test_a_file_that_expands_past_its_header_is_not_expanded(tmp_path):
    path = write_gz(tmp_path / "a.gz", LABELS + bytes(50_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="more follow"):
            idx.read_idx(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**23


def test_flipped_bytes_give_the_same_data_or_an_error(tmp_path):
    rng = np.random.default_rng(0)
    array = rng.integers(0, 256, 300, dtype=np.uint8)
    intact = gzip.compress(idx_bytes(array))
    path = tmp_path / "a.gz"
    refused = 0
    for _ in range(300):
        content = bytearray(intact)
        content[rng.integers(len(content))] ^= 1 << rng.integers(8)
        path.write_bytes(content)
        try:
            values, _ = idx.read_idx(path)
        except DataError:
            refused += 1
        else:
            np.testing.assert_array_equal(values, array)
    assert refused > 250  # only the ten bytes of the gzip header may change unseen


# MNIST from a folder


def test_mnist_reads_the_files_of_data_dir(small_mnist):
    built = tasks.mnist(data_dir=small_mnist, validation=0)
    pixels = SMALL["train-images-idx3-ubyte"].reshape(40, 784)
    inputs = built.splits["train"].inputs
    assert inputs.dtype == np.float32
    np.testing.assert_array_equal(np.rint(inputs * np.float32(255)), pixels)
    assert inputs.min() == 0.0 and inputs.max() == 1.0


def test_mnist_reads_a_subfolder_of_the_environment_variable(small_mnist, monkeypatch):
    write_small(small_mnist.parent / "all" / "mnist")
    monkeypatch.setenv("DENDRITES_DATA", str(small_mnist.parent / "all"))
    assert len(tasks.mnist(validation=0).splits["train"].inputs) == 40


def test_mnist_reads_the_folder_of_the_environment_variable(small_mnist, monkeypatch):
    monkeypatch.setenv("DENDRITES_DATA", str(small_mnist))
    assert len(tasks.mnist(validation=0).splits["train"].inputs) == 40


def test_data_dir_comes_before_the_environment_variable(small_mnist, monkeypatch):
    monkeypatch.setenv("DENDRITES_DATA", "nowhere")
    built = tasks.mnist(data_dir=small_mnist, validation=0)
    assert len(built.splits["train"].inputs) == 40


def test_validation_images_are_the_last_training_images(small_mnist):
    splits = tasks.mnist(data_dir=small_mnist, validation=15).splits
    assert list(splits) == ["train", "validation", "test"]
    np.testing.assert_array_equal(splits["train"].index, np.arange(25))
    np.testing.assert_array_equal(splits["validation"].index, np.arange(25, 40))
    last = SMALL["train-images-idx3-ubyte"][25:].reshape(15, 784)
    np.testing.assert_array_equal(
        np.rint(splits["validation"].inputs * np.float32(255)), last
    )


def test_validation_of_zero_gives_no_split(small_mnist):
    splits = tasks.mnist(data_dir=small_mnist, validation=0).splits
    assert list(splits) == ["train", "test"]


def test_test_images_are_counted_after_the_training_images(small_mnist):
    splits = tasks.mnist(data_dir=small_mnist, validation=0).splits
    np.testing.assert_array_equal(splits["test"].index, np.arange(40, 60))


@pytest.mark.parametrize("validation", [-1, 40, 1.5])
def test_validation_must_leave_training_images(small_mnist, validation):
    with pytest.raises(ConfigError, match="mnist, validation: expected a whole number"):
        tasks.mnist(data_dir=small_mnist, validation=validation)


def test_mnist_records_the_checksum_of_each_file(small_mnist):
    built = tasks.mnist(data_dir=small_mnist, validation=0)
    assert [source["name"] for source in built.sources] == [
        f"mnist/{file}" for file in IDX_FILES
    ]
    assert [source["sha256"] for source in built.sources] == [
        hashlib.sha256(idx_bytes(SMALL[file])).hexdigest() for file in IDX_FILES
    ]


def test_another_file_in_a_folder_shows_both_checksums_and_is_kept(small_mnist):
    path = small_mnist / "t10k-images-idx3-ubyte.gz"
    content = idx_bytes(images_of(20, seed=9))
    write_gz(path, content)
    with pytest.raises(DataError) as caught:
        tasks.mnist(data_dir=small_mnist, validation=0)
    message = str(caught.value)
    published = idx_bytes(SMALL["t10k-images-idx3-ubyte"])
    assert f"{path}: not the published file" in message
    assert hashlib.sha256(published).hexdigest() in message
    assert hashlib.sha256(content).hexdigest() in message
    assert path.exists()


@pytest.mark.parametrize("variable", [True, False])
def test_a_folder_without_the_files_is_no_reason_to_download(
    serve, tmp_path, monkeypatch, variable
):
    fake = serve(small_gz)
    if variable:
        monkeypatch.setenv("DENDRITES_DATA", str(tmp_path))
    where = "DENDRITES_DATA" if variable else "data_dir"
    with pytest.raises(DataError, match=rf"\({where}\) holds all of\ntrain-images"):
        tasks.mnist(data_dir=None if variable else tmp_path)
    assert fake.urls == []


# MNIST from the network, which is never touched here


def test_files_are_downloaded_from_the_first_mirror(serve):
    fake = serve(small_gz)
    built = tasks.mnist(validation=0)
    first = idx.IDX_SETS["mnist"].mirrors[0]
    assert fake.urls == [f"{first}{file}.gz" for file in IDX_FILES]
    assert len(built.splits["train"].inputs) == 40


def test_a_mirror_that_fails_is_followed_by_the_next(serve):
    first, second, *_ = idx.IDX_SETS["mnist"].mirrors
    fake = serve(lambda url: OSError("404") if url.startswith(first) else small_gz(url))
    tasks.mnist(validation=0)
    assert fake.urls[:2] == [f"{m}{IDX_FILES[0]}.gz" for m in (first, second)]


def test_a_download_with_a_wrong_checksum_is_shown_and_removed(serve, tmp_path):
    other = idx_bytes(images_of(40, seed=9))
    serve(lambda url: gzip.compress(other))
    with pytest.raises(DataError) as caught:
        tasks.mnist()
    message = str(caught.value)
    published = idx_bytes(SMALL["train-images-idx3-ubyte"])
    assert hashlib.sha256(published).hexdigest() in message
    assert hashlib.sha256(other).hexdigest() in message
    assert "removed" in message
    assert message.count("\n") < 4
    assert list(tmp_path.glob("cache/**/*.gz")) == []


def test_a_download_that_is_no_gzip_file_is_removed(serve, tmp_path):
    serve(lambda url: b"<html>sign in to this network</html>")
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz: damaged"):
        tasks.mnist()
    assert list(tmp_path.glob("cache/**/*.gz")) == []


def test_offline_the_message_names_the_alternatives(serve):
    fake = serve(lambda url: ConnectionError("no route to host"))
    with pytest.raises(DataError) as caught:
        tasks.mnist()
    message = str(caught.value)
    for part in ("no route to host", "data_dir", "DENDRITES_DATA", "digits"):
        assert part in message
    assert message.count("\n") < 4
    assert len(fake.urls) == len(idx.IDX_SETS["mnist"].mirrors)


def test_without_pooch_the_message_names_the_extra(small_mnist):
    with pytest.raises(DataError, match=r"pip install 'dendritic-circuits\[data\]'"):
        tasks.mnist()


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_mirrors_are_https_folders(name):
    mirrors = idx.IDX_SETS[name].mirrors
    assert all(url.startswith("https://") and url.endswith("/") for url in mirrors)
    assert len(set(mirrors)) >= 2


def test_the_real_pooch_takes_the_arguments_used(monkeypatch, tmp_path):
    # A cached file is returned without a connection, so none is attempted here.
    import pooch

    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / project)

    def refuse(*args, **kwargs):
        raise AssertionError("a cached file must not be downloaded")

    monkeypatch.setattr(pooch.core, "stream_download", refuse)
    cached = tmp_path / "dendrites" / "mnist" / f"{IDX_FILES[1]}.gz"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"cached")
    assert idx._download("mnist", IDX_FILES[1]) == cached


@pytest.fixture
def mirror(monkeypatch, tmp_path):
    """Real downloads, from a server on this machine that sends 300 kB of zeros."""
    import pooch

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                for _ in range(300):
                    self.wfile.write(bytes(1000))

        def log_message(self, *_):
            pass

    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / project)
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        here = f"http://127.0.0.1:{server.server_port}/"
        pinned = idx.IDX_SETS["mnist"]._replace(mirrors=(here,))
        monkeypatch.setitem(idx.IDX_SETS, "mnist", pinned)
        yield
        server.shutdown()


def test_a_download_that_does_not_end_is_given_up(mirror, monkeypatch, tmp_path):
    monkeypatch.setattr(idx, "LARGEST_DOWNLOAD", 100_000)
    with pytest.raises(DataError, match="more than 100000 bytes"):
        idx._download("mnist", IDX_FILES[1])
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_download_within_the_limit_is_whole(mirror):
    assert idx._download("mnist", IDX_FILES[1]).read_bytes() == bytes(300_000)


# The real files, where DENDRITES_DATA names them; else only with -m slow

REAL = [] if os.environ.get("DENDRITES_DATA") else [pytest.mark.slow]
TRAIN_COUNTS = {
    "mnist": [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
    "fashion_mnist": [6000] * 10,
}
TEST_COUNTS = {
    "mnist": [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
    "fashion_mnist": [1000] * 10,
}


@pytest.fixture(
    scope="module", params=[pytest.param(n, marks=REAL) for n in TEST_COUNTS]
)
def real(request):
    folder = os.environ["DENDRITES_DATA"]
    return getattr(tasks, request.param)(data_dir=folder, validation=0)


def test_real_files_have_the_published_class_counts(real):
    counts = {k: np.bincount(s.labels).tolist() for k, s in real.splits.items()}
    assert counts == {"train": TRAIN_COUNTS[real.name], "test": TEST_COUNTS[real.name]}


def test_real_files_fit_a_rate_model(real):
    check_task(real, strict=True)
    assert (real.n_inputs, real.n_outputs) == (784, 10)


@pytest.mark.parametrize("real", [pytest.param("mnist", marks=REAL)], indirect=True)
def test_real_mnist_pixels_have_the_published_mean_and_deviation(real):
    pixels = 255 * real.splits["test"].inputs.astype(np.float64)
    # Published with four decimals; float32 pixels add at most 255 * 6e-8.
    assert abs(pixels.mean() - 33.7912) < 7e-5
    assert abs(pixels.std() - 79.1725) < 7e-5
