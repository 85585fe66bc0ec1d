"""The two formats of a run, netCDF and Zarr, each with checksums of its bytes."""

import hashlib
import json
import os
import warnings
from pathlib import Path

import numpy as np
import xarray as xr

from dendrites._atomic import sync
from dendrites._plain_tree import groups_of, plain_tree
from dendrites._validate_dataset import canonical_json
from dendrites.errors import StorageError

CHUNK_BYTES = 4 << 20
# Follows the HDF5 data, where every reader ignores it: HDF5 itself neither notices
# flipped bytes in text and attributes nor survives all of them.
SEAL = b"\ndendrites sha256 "
SEAL_LENGTH = len(SEAL) + 64 + 1
MANIFEST = "manifest.json"
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
UNSEALED = (
    "it has been written or changed by other software, or damaged\n"
    "Read it with verify=False, at your own risk; save_run gives it a checksum."
)


def write_netcdf(tree: xr.DataTree, temporary: Path) -> None:
    """One file, durable on return, readable by its owner only."""
    tree = plain_tree(groups_of(tree))
    encoding = {
        path: {name: _netcdf_options(v) for name, v in dataset.variables.items()}
        for path, dataset in groups_of(tree).items()
    }
    # Built in memory: HDF5 writing to a full disk crashed the process (measured).
    image = tree.to_netcdf(engine="h5netcdf", encoding=encoding)
    seal = SEAL + hashlib.sha256(image).hexdigest().encode() + b"\n"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with open(os.open(temporary, flags, 0o600), "wb") as file:
        file.write(image)
        file.write(seal)
        file.flush()
        os.fsync(file.fileno())


def write_zarr(tree: xr.DataTree, temporary: Path) -> None:
    """One folder, every file in it durable on return, open to its owner only."""
    from zarr.codecs import BloscCodec  # an optional dependency

    temporary.mkdir(mode=0o700)
    codec = BloscCodec(cname="zstd", clevel=3, shuffle="shuffle")
    groups = groups_of(plain_tree(groups_of(tree)))
    encoding = {
        path: {
            name: {"chunks": _chunks(variable), "compressors": [codec]}
            for name, variable in dataset.variables.items()
            if variable.dtype.kind != "O" and variable.size and variable.ndim
        }
        for path, dataset in groups.items()
    }
    groups = {path: _typed_empty_text(dataset) for path, dataset in groups.items()}
    xr.DataTree.from_dict(groups).to_zarr(
        temporary, mode="w-", zarr_format=3, consolidated=False, encoding=encoding
    )
    manifest = {name: _facts(temporary / name) for name in _files(temporary)}
    (temporary / MANIFEST).write_text(canonical_json(manifest), encoding="utf-8")
    for folder, _, names in os.walk(temporary, topdown=False):
        for name in names:
            sync(Path(folder, name))
        sync(Path(folder))


def read_tree(path: Path, *, verify: bool) -> xr.DataTree:
    """All groups in memory; StorageError if a checksum is missing or wrong.

    Damaged bytes make the format libraries raise nearly any type of error.
    """
    is_store = path.is_dir()
    if verify:
        _check_manifest(path) if is_store else check_seal(path)
    # A checksum says that bytes are as written, not that whoever wrote them is honest.
    _check_no_links(path) if is_store else _check_self_contained(path)
    options = {"engine": "zarr", "consolidated": False}
    options = options if is_store else {"engine": "h5netcdf"}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", f"Object at {MANIFEST} is not recognized")
        opened = xr.open_datatree(
            path, decode_times=False, decode_timedelta=False, **options
        )
        with opened as tree:
            # zlib shrinks at most 1032-fold: a header claiming more is not honest.
            size = path.stat().st_size
            if not is_store and tree.nbytes > 1100 * size + (64 << 20):
                raise ValueError(f"claims {tree.nbytes} bytes in a file of {size}")
            groups = groups_of(tree)
            return plain_tree({name: group.load() for name, group in groups.items()})


def _netcdf_options(variable) -> dict:
    if variable.dtype.kind == "O":
        return {"dtype": str}
    if not variable.size or not variable.ndim:
        return {}
    filters = {"zlib": True, "complevel": 4, "shuffle": True, "fletcher32": True}
    return filters | {"chunksizes": _chunks(variable)}


def _typed_empty_text(dataset: xr.Dataset) -> xr.Dataset:
    """xarray takes an object array of length 0 for float64 unless it has a dtype of
    text, which an index cannot have.
    """
    for name, variable in dataset.variables.items():
        if variable.dtype.kind == "O" and not variable.size:
            empty = np.empty(variable.shape, dtype=np.dtypes.StringDType())
            typed = {name: xr.Variable(variable.dims, empty, variable.attrs)}
            if name in dataset.coords:
                bare = xr.Coordinates(typed, indexes={})
                dataset = dataset.drop_vars(name).assign_coords(bare)
            else:
                dataset = dataset.assign(typed)
    return dataset


def _chunks(variable) -> tuple[int, ...]:
    """The whole array, cut along its slowest axes into pieces of at most 4 MiB."""
    chunks = list(variable.shape)
    for axis in range(len(chunks)):
        row = variable.dtype.itemsize * int(np.prod(chunks[axis + 1 :]))
        chunks[axis] = min(chunks[axis], max(1, CHUNK_BYTES // row))
        if chunks[axis] > 1:
            break
    return tuple(chunks)


def check_seal(path: Path) -> None:
    """Refuse a netCDF file without the checksum of its bytes, or with a wrong one."""
    with open(path, "rb") as file:
        if file.read(len(HDF5_SIGNATURE)) != HDF5_SIGNATURE:
            raise ValueError("does not begin like an HDF5 file")
        size = max(0, os.fstat(file.fileno()).st_size - SEAL_LENGTH)
        file.seek(size)
        seal = file.read(SEAL_LENGTH)
        if not seal.startswith(SEAL):
            raise StorageError(f"{path} does not end in a checksum: {UNSEALED}")
        file.seek(0)
        if _sha256(file, size).encode() + b"\n" != seal[len(SEAL) :]:
            raise StorageError(
                f"{path} is damaged or was altered: its checksum does not match\n"
                "Restore a copy; verify=False reads it as it is, at your own risk."
            )


def _check_self_contained(path: Path) -> None:
    """Refuse a file that would make HDF5 read other files, before it does."""
    import h5py  # takes a moment, which checks of arguments need not wait for

    with h5py.File(path) as file:
        root = file.id
        foreign = []

        def look(name):
            link = root.links.get_info(name, lapl=None).type
            if link != h5py.h5l.TYPE_HARD:
                foreign.append((name, "a link"))
            elif _stored_elsewhere(h5py.h5o.open(root, name)):
                foreign.append((name, "data stored elsewhere"))
            return True if foreign else None  # anything but None ends the visit

        root.links.visit(look)
    if foreign:
        name, what = foreign[0]
        name = name.decode(errors="replace")
        raise StorageError(
            f"{path}: {name!r:.80} is {what}: a run holds all its data itself, and a "
            "file that points to others is not read"
        )


def _stored_elsewhere(thing):
    """Whether the values of a low-level HDF5 object lie in other files."""
    from h5py import h5d

    if not isinstance(thing, h5d.DatasetID):
        return False
    plan = thing.get_create_plist()
    return plan.get_external_count() > 0 or plan.get_layout() == h5d.VIRTUAL


def _check_manifest(path: Path) -> None:
    if not (path / "zarr.json").exists():
        raise ValueError("is no Zarr 3 store")
    if not (path / MANIFEST).exists():
        raise StorageError(f"{path} has no {MANIFEST} with checksums: {UNSEALED}")
    listed = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    found = {name: _facts(path / name) for name in _files(path)}
    both = set(listed) & set(found)
    names = [
        *(f"missing {name}" for name in sorted(set(listed) - both)),
        *(f"added {name}" for name in sorted(set(found) - both)),
        *(f"altered {name}" for name in sorted(both) if listed[name] != found[name]),
    ]
    if names:
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        raise StorageError(
            f"{path} is damaged or was altered: {', '.join(names[:5])}{more}\n"
            "Restore a copy; verify=False reads it as it is, at your own risk."
        )


def _check_no_links(store: Path) -> None:
    for folder, folders, files in os.walk(store):
        for name in (*folders, *files):
            if os.path.islink(place := os.path.join(folder, name)):
                raise StorageError(
                    f"{place} is a link: a run holds all its data itself, and a store "
                    "that points to other files is not read"
                )


def _files(store: Path) -> list[str]:
    paths = (path for path in store.rglob("*") if path.is_file())
    return sorted(
        path.relative_to(store).as_posix() for path in paths if path.name != MANIFEST
    )


def _facts(path: Path) -> list:
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        return [size, _sha256(file, size)]


def _sha256(file, size: int) -> str:
    digest, left = hashlib.sha256(), size
    while left and (block := file.read(min(left, 1 << 20))):
        digest.update(block)
        left -= len(block)
    return digest.hexdigest()
