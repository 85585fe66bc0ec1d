"""Writes down which commit is installed: an installed copy has no checkout to ask."""

import runpy
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist


def write_commit(folder):
    # The package cannot be imported before what it needs is installed.
    provenance = runpy.run_path("dendrites/provenance.py")
    commit, changed = provenance["source_state"]()
    path = Path(folder, "dendrites", provenance["COMMIT_FILE"].name)
    path.write_text(f"{commit} {changed}\n", encoding="ascii")


class BuildWithCommit(build_py):
    def run(self):
        super().run()
        if not self.editable_mode:
            write_commit(self.build_lib)


class SourcesWithCommit(sdist):
    def make_release_tree(self, base_dir, files):
        super().make_release_tree(base_dir, files)
        write_commit(base_dir)


setup(cmdclass={"build_py": BuildWithCommit, "sdist": SourcesWithCommit})
