"""Tasks to learn: handwritten digits, clothes, and the outputs of a random network."""

import gzip
import hashlib
import math
import os
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from circuits.task import Split, Task, whole_number
from dendrites.errors import ConfigError, DataError


class _IdxSet(NamedTuple):
    """Where a data set of idx files comes from and what its files hash to."""

    licence: str
    mirrors: tuple[str, ...]
    sha256: tuple[str, ...]  # decompressed, as in _IDX_FILES: gz bytes differ by mirror


_IDX_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
_IDX_SETS = {
    "mnist": _IdxSet(
        licence="CC BY-SA 3.0 as commonly distributed (LeCun, Cortes, Burges)",
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
            "https://raw.githubusercontent.com/fgnt/mnist/master/",
        ),
        sha256=(
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
    "fashion_mnist": _IdxSet(
        licence="MIT (Zalando SE)",
        mirrors=(
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/"
            "data/fashion/",
            "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        ),
        sha256=(
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
    ),
}

# Deflate cannot expand further than this, so a header that claims more is wrong.
_LARGEST_GZIP_RATIO = 1032
_CHUNK_BYTES = 1 << 20


def digits(
    *,
    seed: int = 0,
    test_fraction: float = 0.2,
    target_rates: tuple[float, float] = (0.1, 0.8),
) -> Task:
    """Handwritten digits of 8 x 8 pixels: 1,797 real images that need no download.

    Parameters
    ----------
    seed : int
        Decides which images are held out and the order of both splits.
    test_fraction : float
        Share of the images held out, the same for each digit, 0.01 to 0.99.
    target_rates : tuple of float
        Rate of the wrong output cells and of the right one, unit "1".

    Returns
    -------
    Task
        64 inputs in [0, 1] (pixel count / 16), 10 outputs, splits "train" and "test".
        The recorded sha256 is over the images, then the labels, as unsigned bytes.

    Raises
    ------
    ConfigError
        If an option is out of range.

    Source: the test part of the UCI set of E. Alpaydin and C. Kaynak (1998), as shipped
    with scikit-learn.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    from dendrites.random import generator

    seed = whole_number("digits, seed", seed, lowest=0)
    images, labels = load_digits(return_X_y=True)
    fraction = _number(test_fraction)
    if not 0.01 <= fraction <= 0.99:
        raise ConfigError(
            "digits, test_fraction: expected a share of the images from 0.01 to 0.99 "
            f"(each split needs all ten digits), got {test_fraction!r}"
        )
    train, test = train_test_split(
        np.arange(len(images)),
        test_size=fraction,
        stratify=labels,
        random_state=int(generator(seed, "digits/split").integers(2**32)),
    )
    inputs = images / 16.0
    raw = images.astype(np.uint8).tobytes() + labels.astype(np.uint8).tobytes()
    source = {
        "name": "digits",
        "licence": "CC BY 4.0 (UCI)",
        "sha256": hashlib.sha256(raw).hexdigest(),
    }
    splits = {
        name: _classification(inputs[rows], labels[rows], rows, target_rates)
        for name, rows in (("train", train), ("test", test))
    }
    return Task("digits", splits, (source,))


def mnist(
    *,
    data_dir: str | os.PathLike | None = None,
    validation: int = 5000,
    target_rates: tuple[float, float] = (0.1, 0.8),
) -> Task:
    """Handwritten digits of 28 x 28 pixels: 60,000 to train, 10,000 to test.

    The four gzipped idx files come from `data_dir`, else from the folder named by the
    environment variable DENDRITES_DATA (either may hold the files or a subfolder
    `mnist`), else from a public mirror, kept in the user's cache folder. All are
    checked against the sha256 of the decompressed files.

    Parameters
    ----------
    data_dir : path, optional
    validation : int
        Number of last training images to hold out; 0 gives no validation split.
    target_rates : tuple of float
        Rate of the wrong output cells and of the right one, unit "1".

    Returns
    -------
    Task
        784 inputs in [0, 1] (grey level / 255, float32), 10 outputs. `index` counts the
        training file's images from 0 and the test file's from 60,000.

    Raises
    ------
    ConfigError
        If an option is out of range.
    DataError
        If a file is missing, damaged or not the published one (a downloaded one is
        removed), or if nothing can be downloaded.

    Source: LeCun, Bottou, Bengio, Haffner, Proc. IEEE 86 (1998) 2278-2324.
    """
    return _idx_task("mnist", data_dir, validation, target_rates)


def fashion_mnist(
    *,
    data_dir: str | os.PathLike | None = None,
    validation: int = 5000,
    target_rates: tuple[float, float] = (0.1, 0.8),
) -> Task:
    """Clothes of 28 x 28 pixels in ten classes: 60,000 to train, 10,000 to test.

    Parameters, result and errors are those of `mnist`; the subfolder is
    `fashion_mnist`. Classes: T-shirt, trouser, pullover, dress, coat, sandal, shirt,
    sneaker, bag, ankle boot.

    Source: Xiao, Rasul, Vollgraf, arXiv:1708.07747 (2017).
    """
    return _idx_task("fashion_mnist", data_dir, validation, target_rates)


def teacher_student(
    *,
    sizes: tuple[int, ...] = (30, 20, 10),
    n_train: int = 20_000,
    n_test: int = 1_000,
    seed: int = 0,
    gains: tuple[float, ...] = (2.0, 10.0),
) -> Task:
    """Regression on the output rates of a fixed random feedforward network.

    With r_0 the input and W_k uniform in (-1, 1), shape (sizes[k], sizes[k - 1]),

        r_k = phi(gains[k - 1] * W_k r_{k-1}),   phi(u) = 0.1 log(1 + exp(u - 3)),

    for the hidden layers and the output alike; the target is the last r_k. Inputs are
    uniform in (-1, 1).

    The paper gives k10 = 2 and k21 = 10 apart from the equation they stand in. Read
    here: each multiplies a weight matrix (layer 0 to 1, 1 to 2) inside phi, and the
    teacher has no dendritic attenuation. A student of the same size, whose potentials
    are attenuated by a_k, matches it with the weights gains[k - 1] * W_k / a_k.

    Parameters
    ----------
    sizes : tuple of int
        Cells per layer of the teacher, input first. The student may be wider inside.
    n_train, n_test : int
        Number of examples. More examples leave the first ones as they are.
    seed : int
        Draws the teacher and, from separate streams, the inputs of each split.
    gains : tuple of float
        One factor > 0 per weight matrix, unit "1".

    Returns
    -------
    Task
        Inputs and target rates, unit "1"; no labels. The recorded sha256 is over the
        weights, then the inputs of both splits.

    Raises
    ------
    ConfigError
        If a size, count, seed or gain is out of range.

    Source: Sacramento, Costa, Bengio, Senn, NeurIPS 31 (2018), Fig. 2: sizes, ranges,
    factors and phi.
    """
    from dendrites.random import generator

    sizes, gains = tuple(sizes), tuple(_number(gain) for gain in gains)
    if len(sizes) < 2 or len(gains) != len(sizes) - 1:
        raise ConfigError(
            f"teacher_student: sizes {sizes} need {max(len(sizes) - 1, 1)} gains "
            f"(one per weight matrix, at least one), got {gains}"
        )
    if not all(math.isfinite(gain) and gain > 0 for gain in gains):
        raise ConfigError(f"teacher_student, gains: expected numbers > 0, got {gains}")
    sizes = [whole_number("teacher_student, sizes", n, lowest=1) for n in sizes]
    seed = whole_number("teacher_student, seed", seed, lowest=0)
    counts = {
        "train": whole_number("teacher_student, n_train", n_train, lowest=1),
        "test": whole_number("teacher_student, n_test", n_test, lowest=1),
    }

    digest = hashlib.sha256()
    weights = []
    for k, (n_pre, n_post) in enumerate(zip(sizes, sizes[1:], strict=False), start=1):
        draws = generator(seed, f"teacher_student/weights{k}")
        weights.append(draws.uniform(-1.0, 1.0, (n_post, n_pre)))
        digest.update(weights[-1].tobytes())
    splits, first = {}, 0
    for name, n in counts.items():
        draws = generator(seed, f"teacher_student/{name}")
        inputs = draws.uniform(-1.0, 1.0, (n, sizes[0]))
        digest.update(inputs.tobytes())
        index = np.arange(first, first + n)
        splits[name] = Split(
            inputs, _teacher_rates(inputs, weights, gains), None, index
        )
        first += n
    source = {
        "name": "teacher_student",
        "licence": "none needed (generated)",
        "sha256": digest.hexdigest(),
    }
    return Task("teacher_student", splits, (source,))


def read_idx(path: str | os.PathLike) -> tuple[np.ndarray, str]:
    """Array of unsigned bytes in a gzipped idx file, and what the file hashes to.

    The header is compared with the length of the file before memory is asked for.

    Parameters
    ----------
    path : path

    Returns
    -------
    values : ndarray of uint8
        Shape as in the header, up to three dimensions.
    sha256 : str
        Of the decompressed file, header included.

    Raises
    ------
    DataError
        If the file cannot be read or decompressed, is no idx file of unsigned bytes, or
        is shorter or longer than its header says.
    """
    path = Path(path)
    try:
        compressed_size = path.stat().st_size
        with gzip.open(path, "rb") as file:
            header = file.read(4)
            n_dims = header[3] if len(header) == 4 else 0
            if header[:3] != b"\x00\x00\x08" or not 1 <= n_dims <= 3:
                raise DataError(
                    f"{path}: starts with bytes {header.hex(' ') or 'none'}, expected "
                    "00 00 08 (idx, unsigned bytes) and 01, 02 or 03 dimensions"
                )
            header += file.read(4 * n_dims)
            shape = tuple(
                int.from_bytes(header[i : i + 4], "big")
                for i in range(4, len(header), 4)
            )
            size = math.prod(shape)
            if len(header) < 4 + 4 * n_dims or size == 0:
                raise DataError(f"{path}: no data, its idx header gives shape {shape}")
            if size > _LARGEST_GZIP_RATIO * compressed_size:
                raise DataError(
                    f"{path}: header gives shape {shape}, {size} bytes, more than "
                    f"{compressed_size} compressed bytes can hold"
                )
            body = bytearray()
            while len(body) <= size and (chunk := file.read(_CHUNK_BYTES)):
                body += chunk
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{path}: damaged or unreadable gzip file ({error}); fetch it again"
        ) from error
    if len(body) != size:
        found = f"{len(body)}" if len(body) < size else "more"
        raise DataError(
            f"{path}: header gives shape {shape}, {size} bytes, but {found} follow"
        )
    digest = hashlib.sha256(header)
    digest.update(body)
    return np.frombuffer(body, np.uint8).reshape(shape), digest.hexdigest()


def _idx_task(name, data_dir, validation, target_rates):
    validation = whole_number(f"{name}, validation", validation, lowest=0)
    _checked_rates(target_rates)
    folder = _local_folder(name, data_dir)
    licence, _, pinned = _IDX_SETS[name]
    arrays, sources = [], []
    for file, expected in zip(_IDX_FILES, pinned, strict=True):
        path = _download(name, file) if folder is None else folder / f"{file}.gz"
        try:
            array, found = read_idx(path)
            if found != expected:
                raise DataError(
                    f"{path}: not the published file of {name} once decompressed\n"
                    f"sha256 expected {expected}\nsha256 found    {found}"
                )
        except DataError as error:
            if folder is not None:
                raise
            path.unlink(missing_ok=True)
            raise DataError(
                f"{error}\nThe downloaded file was removed: try again, or give data_dir"
            ) from error
        arrays.append(array)
        sources.append({"name": f"{name}/{file}", "licence": licence, "sha256": found})

    train_images, train_labels, *test = arrays
    n_train, n_test = len(train_images), len(test[0])
    whole_number(f"{name}, validation", validation, lowest=0, highest=n_train - 1)
    kept = n_train - validation
    rows = {"train": (train_images, train_labels, 0, kept, 0)}
    if validation:
        rows["validation"] = (train_images, train_labels, kept, n_train, 0)
    rows["test"] = (*test, 0, n_test, n_train)
    splits = {}
    for split, (images, labels, start, stop, offset) in rows.items():
        pixels = images[start:stop].reshape(stop - start, -1)
        splits[split] = _classification(
            np.divide(pixels, np.float32(255), dtype=np.float32),
            labels[start:stop],
            np.arange(start, stop) + offset,
            target_rates,
        )
    return Task(name, splits, tuple(sources))


def _local_folder(name, data_dir):
    if data_dir is not None:
        where, base = "data_dir", Path(data_dir)
    elif os.environ.get("DENDRITES_DATA"):
        where, base = "DENDRITES_DATA", Path(os.environ["DENDRITES_DATA"])
    else:
        return None
    files = [f"{file}.gz" for file in _IDX_FILES]
    for folder in (base / name, base):
        if all((folder / file).is_file() for file in files):
            return folder
    # An explicit folder is never replaced by a download behind the user's back.
    raise DataError(
        f"{name}: neither {base / name} nor {base} ({where}) holds all of\n"
        f"{', '.join(files)}.\n"
        f"Put them there, or leave {where} unset to download them."
    )


def _download(name, file):
    try:
        import pooch
    except ImportError as error:
        raise DataError(
            f"{name}: downloading needs pooch: pip install dendrites[data]\n"
            "or name a folder that holds the files in data_dir or DENDRITES_DATA."
        ) from error

    reason = None
    mirrors = _IDX_SETS[name].mirrors
    for mirror in mirrors:
        try:
            # known_hash would be that of the gz file, which differs between mirrors;
            # the caller checks the decompressed bytes.
            path = pooch.retrieve(
                url=f"{mirror}{file}.gz",
                known_hash=None,
                fname=f"{file}.gz",
                path=Path(pooch.os_cache("dendrites")) / name,
            )
            return Path(path)
        except OSError as error:  # requests' own errors are OSErrors too
            reason = error
    raise DataError(
        f"{name}: none of {len(mirrors)} mirrors gave {file}.gz; "
        f"last error: {' '.join(str(reason).split())[:200]}\n"
        "Offline? Name a folder with the files in data_dir or DENDRITES_DATA,\n"
        "or use the task digits, which is bundled and needs no download."
    ) from reason


def _classification(inputs, labels, index, target_rates):
    wrong, right = _checked_rates(target_rates)
    labels = labels.astype(np.int64)
    targets = np.where(labels[:, None] == np.arange(10), right, wrong)
    return Split(inputs, targets, labels, index)


def _checked_rates(target_rates):
    try:
        wrong, right = (_number(rate) for rate in target_rates)
    except (TypeError, ValueError):
        wrong = right = math.nan  # not a pair
    if not -math.inf < wrong < right < math.inf:
        raise ConfigError(
            "target_rates: expected two finite rates, that of the wrong output cells "
            f"below that of the right one, such as (0.1, 0.8), got {target_rates!r}"
        )
    return wrong, right


def _number(value):
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan  # outside every range, so the caller's check reports it


def _teacher_rates(rates, weights, gains):
    for w, gain in zip(weights, gains, strict=True):
        # einsum, not @: a BLAS product changes its last bits with the thread count.
        u = gain * np.einsum("np,qp->nq", rates, w)
        rates = 0.1 * np.logaddexp(0.0, u - 3.0)
    return rates
