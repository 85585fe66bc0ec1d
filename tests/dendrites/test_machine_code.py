"""Machine code is kept for the next process, and never makes a run fail or wrong."""

import json
import os
import random
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from dendrites.compile.jit import jit_disabled

ROOT = Path(__file__).resolve().parents[2]
RIGHT = [7.0, 9.0]
pytestmark = [
    pytest.mark.skipif(jit_disabled(), reason="nothing is compiled"),
    pytest.mark.skipif(os.name != "posix", reason="owners and forks are POSIX"),
]


@contextmanager
def server(package=ROOT):
    """Function that has a job done by tests/compiling_processes.py."""
    process = subprocess.Popen(
        [sys.executable, ROOT / "tests" / "compiling_processes.py"],
        env=os.environ | {"PYTHONPATH": str(package)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def done(**job):
        process.stdin.write(json.dumps(job) + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    with process:
        yield done
        process.stdin.close()


@pytest.fixture(scope="module")
def shared():
    with server() as done:
        yield done


@pytest.fixture
def computed(shared, tmp_path):
    """Function that computes in `n` new processes; all must be right."""

    def run(cache="cache", before="", between="", n=1, threads=1, **environment):
        (tmp_path / "tmp").mkdir(exist_ok=True)
        private = {"NUMBA_CACHE_DIR": str(cache), "TMPDIR": str(tmp_path / "tmp")}
        answers = shared(
            cwd=str(tmp_path),
            environment=private | environment,
            before=before,
            between=between,
            n=n,
            threads=threads,
        )
        for status, printed in answers:
            assert status == 0, printed
            assert printed["values"] == [RIGHT] * threads
        return answers[-1][1]

    return run


def files(cache):
    """Files of machine code in a cache folder, where only notes may lie besides."""
    found = sorted(path for path in Path(cache).rglob("*") if path.is_file())
    # A note remembers that a function has been compared with plain Python.
    assert all(path.suffix in (".code", ".tried") for path in found)
    return [path for path in found if path.suffix == ".code"]


def test_machine_code_is_compiled_once(computed, tmp_path):
    assert computed()["compiled"] > 0
    assert computed() == {"values": [RIGHT], "compiled": 0, "warnings": []}
    assert len(files(tmp_path / "cache")) == 3


def test_code_without_bounds_checks_is_not_taken_where_they_were_asked_for(computed):
    computed()
    assert computed(before="numba.config.BOUNDSCHECK = 1")["compiled"] > 0


# damage


def flipped_bit(content, rng):
    content = bytearray(content)
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    return bytes(content)


def cut_short(content, rng):
    return content[: rng.randrange(len(content))]


def emptied(content, rng):
    return b""


def zeroed(content, rng):
    start = rng.randrange(len(content) - 512)
    changed = content[:start] + bytes(512) + content[start + 512 :]
    return changed if changed != content else emptied(content, rng)


def lengthened(content, rng):
    return content + rng.randbytes(40)


def replaced(content, rng):
    return rng.randbytes(len(content))


DAMAGES = (flipped_bit, cut_short, emptied, zeroed, lengthened, replaced)


def check_damages(computed, folder, rounds):
    computed()
    rng, good = random.Random(1), [path.read_bytes() for path in files(folder)]
    for k in range(rounds):
        paths = files(folder)
        path, damage = paths[k % len(paths)], DAMAGES[k % len(DAMAGES)]
        if k % 10 == 9:
            path.write_bytes(good[(k + 1) % len(good)])  # whole, and another's
        else:
            path.write_bytes(damage(path.read_bytes(), rng))
        assert computed()["compiled"] > 0, f"{damage.__name__} {path.name}"
        assert computed()["compiled"] == 0, "what was wrong is replaced"


def test_damaged_machine_code_is_dropped_and_compiled_anew(computed, tmp_path):
    check_damages(computed, tmp_path / "cache", 10)


@pytest.mark.slow
def test_a_hundred_damages_of_machine_code_do_no_harm(computed, tmp_path):
    check_damages(computed, tmp_path / "cache", 100)


def test_text_written_beside_the_machine_code_is_not_run(computed, tmp_path):
    computed()
    for path in files(tmp_path / "cache"):
        module = path.name.partition(".")[0]
        path.with_name(f"{module}.py").write_text("raise RuntimeError('planted')\n")
        path.unlink()
    computed()


# many at once


def test_threads_and_processes_can_start_on_an_empty_cache(computed):
    computed(n=3, threads=4)
    assert computed()["compiled"] == 0


@pytest.mark.slow
def test_eight_processes_of_eight_threads_start_on_an_empty_cache(computed):
    for trial in range(12):
        computed(f"cache{trial}", n=8, threads=8)
        assert computed(f"cache{trial}")["compiled"] == 0


# folders that cannot be used


def test_a_full_disk_is_told_once_and_harms_nothing(computed, tmp_path):
    # No file can grow: what a full disk does.
    full = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))"
    (warning,) = computed(before=full)["warnings"]
    assert "cannot be kept" in warning and "compiled again" in warning
    assert files(tmp_path / "cache") == []


def test_without_a_folder_one_of_the_system_is_used_and_told_once(computed, tmp_path):
    (tmp_path / "file").write_text("")
    (warning,) = computed("file/cache")["warnings"]
    assert "Not a directory" in warning and "NUMBA_CACHE_DIR" in warning
    # The next process finds what this one has compiled.
    assert computed("file/cache")["compiled"] == 0
    assert len(files(tmp_path / "tmp")) == 3


def test_without_any_folder_a_process_compiles_for_itself(computed, tmp_path):
    (tmp_path / "file").write_text("")
    nowhere = "import tempfile; tempfile.tempdir = 'file/tmp'"
    (warning,) = computed("file/cache", before=nowhere)["warnings"]
    assert "compiles anew" in warning


def test_without_a_home_folder_nothing_is_made_in_the_current_one(computed, tmp_path):
    homeless = "os.path.expanduser = lambda path: path"
    (warning,) = computed("", before=homeless, XDG_CACHE_HOME="")["warnings"]
    assert "no home folder" in warning and not (tmp_path / "~").exists()


def test_a_folder_that_others_can_write_to_is_not_used(computed, tmp_path):
    computed()
    (folder,) = (tmp_path / "cache").iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o777)
    found = computed()
    assert found["compiled"] > 0 and "others can write to it" in found["warnings"][0]


def test_a_file_that_others_can_write_to_is_not_loaded(computed, tmp_path):
    computed()
    for path in files(tmp_path / "cache"):
        path.chmod(0o666)
    assert computed()["compiled"] > 0
    assert computed()["compiled"] == 0


def test_a_folder_of_another_user_is_not_used(computed):
    (warning,) = computed(before="os.geteuid = lambda: 54321")["warnings"]
    assert "not this user's" in warning


def test_a_link_in_the_place_of_the_folder_is_not_followed(computed, tmp_path):
    computed()
    (folder,) = (tmp_path / "cache").iterdir()
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    (warning,) = computed()["warnings"]
    assert "link" in warning


def test_a_relative_folder_stays_where_the_process_began(computed, tmp_path):
    (tmp_path / "other").mkdir()
    assert computed("kept", between="os.chdir('other')")["warnings"] == []
    assert len(files(tmp_path / "kept")) == 3 and not (tmp_path / "other/kept").exists()


def test_a_folder_deleted_during_a_run_is_made_again(computed, tmp_path):
    assert computed(between="shutil.rmtree('cache')")["warnings"] == []
    assert len(files(tmp_path / "cache")) == 1


# whose sources, whose settings


def test_code_of_a_source_edited_before_its_import_is_not_kept(tmp_path):
    shutil.copytree(ROOT / "dendrites", tmp_path / "dendrites")
    edit = (
        "with open('dendrites/_simulate_loop.py', 'a') as f: f.write('# edited')\n"
        "import dendrites._simulate_loop"
    )
    with server(tmp_path) as done:
        job = {"cwd": str(tmp_path), "environment": {"NUMBA_CACHE_DIR": "cache"}}
        job |= {"before": edit, "between": "", "n": 1, "threads": 1}
        ((status, printed),) = done(**job)
        assert (status, printed["values"]) == (0, [RIGHT])
        assert files(tmp_path / "cache") == []


def test_the_setting_of_numba_for_users_functions_is_left_alone(computed, tmp_path):
    untouched = "assert numba.config.CACHE_DIR == ''"
    computed("", between=untouched, XDG_CACHE_HOME=str(tmp_path / "home"))
    assert len(files(tmp_path / "home")) == 3
