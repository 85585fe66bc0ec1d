"""MNIST-like data sets: published idx files, found or downloaded, and checked."""

import gzip
import hashlib
import math
import os
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dendrites.errors import DataError


class IdxSet(NamedTuple):
    """Where a data set of idx files comes from and what its files hash to."""

    licence: str
    mirrors: tuple[str, ...]
    sha256: tuple[str, ...]  # decompressed, as in IDX_FILES: gz bytes differ by mirror


IDX_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
IDX_SETS = {
    "mnist": IdxSet(
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
    "fashion_mnist": IdxSet(
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
_DOWNLOAD_BYTES = 1 << 16
# The largest published file has 26 MB.
LARGEST_DOWNLOAD = 64 << 20
# Seconds without a byte after which a mirror is given up.
SILENCE = 30


def published_arrays(
    name: str, data_dir: str | os.PathLike | None
) -> tuple[list[np.ndarray], tuple[dict[str, str], ...]]:
    """The arrays of a data set of `IDX_SETS`, and where they come from.

    Parameters
    ----------
    name : str
    data_dir : path or None
        Folder of the files; None takes that of DENDRITES_DATA, else downloads.

    Returns
    -------
    arrays : list of ndarray of uint8
        In the order of `IDX_FILES`.
    sources : tuple of dict
        `name`, `licence` and `sha256` of each file.

    Raises
    ------
    DataError
        If a file is missing, damaged or not the published one (a downloaded one is
        removed), or if nothing can be downloaded.
    """
    folder = _local_folder(name, data_dir)
    licence, _, pinned = IDX_SETS[name]
    arrays, sources = [], []
    for file, expected in zip(IDX_FILES, pinned, strict=True):
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
    return arrays, tuple(sources)


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


def _local_folder(name, data_dir):
    if data_dir is not None:
        where, base = "data_dir", Path(data_dir)
    elif os.environ.get("DENDRITES_DATA"):
        where, base = "DENDRITES_DATA", Path(os.environ["DENDRITES_DATA"])
    else:
        return None
    files = [f"{file}.gz" for file in IDX_FILES]
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
            f"{name}: downloading needs pooch: pip install 'dendritic-circuits[data]'\n"
            "or name a folder that holds the files in data_dir or DENDRITES_DATA."
        ) from error

    reason = None
    mirrors = IDX_SETS[name].mirrors
    for mirror in mirrors:
        try:
            # known_hash would be that of the gz file, which differs between mirrors;
            # the caller checks the decompressed bytes.
            path = pooch.retrieve(
                url=f"{mirror}{file}.gz",
                known_hash=None,
                fname=f"{file}.gz",
                path=Path(pooch.os_cache("dendrites")) / name,
                downloader=_fetch,
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


def _fetch(url, output_file, pooch):
    """Download for pooch that stops at the largest size a file can have.

    A server that sends without end would fill the disk.
    """
    import requests

    asked = {"Accept-Encoding": "identity"}
    with (
        requests.get(url, stream=True, timeout=SILENCE, headers=asked) as response,
        open(output_file, "wb") as file,
    ):
        response.raise_for_status()
        for chunk in response.iter_content(_DOWNLOAD_BYTES):
            file.write(chunk)
            if file.tell() > LARGEST_DOWNLOAD:
                raise OSError(
                    f"it sends more than {LARGEST_DOWNLOAD} bytes, which no file of "
                    "this set has"
                )
