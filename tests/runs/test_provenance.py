"""Hashes of source, versions and peak memory."""

import subprocess
import sys

import numpy as np
import pytest

from diffkit.runs.provenance import LIBRARIES, PeakMemory, git_state, source_hash, versions


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "dk_hashed"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "method.py").write_text("x = 1")
    (folder / "notes.txt").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    for name in [name for name in sys.modules if name.startswith("dk_hashed")]:
        del sys.modules[name]


def hashed(target="dk_hashed.method:M"):
    source_hash.cache_clear()
    return source_hash(target)


def test_the_source_is_all_python_of_the_package(package):
    first = hashed()
    assert len(first) == 64
    (package / "notes.txt").write_text("more")
    assert hashed() == first
    (package / "helper.py").write_text("y = 1")
    second = hashed()
    (package / "helper.py").write_text("y = 2")
    assert len({first, second, hashed()}) == 3
    assert "dk_hashed.method" not in sys.modules


def test_a_lone_module_is_hashed_alone(package):
    (package.parent / "dk_lone.py").write_text("")
    first = hashed("dk_lone:M")
    (package.parent / "dk_neighbour.py").write_text("")
    assert hashed("dk_lone:M") == first != ""


@pytest.mark.parametrize("target", ["dk_nowhere:M", "dk_nowhere.method:M", "dk_hashed.nothing:M"])
def test_no_source_has_no_hash(package, target):
    assert hashed(target) == ""


def test_versions_are_of_the_libraries_that_numbers_depend_on():
    assert set(versions()) == set(LIBRARIES)
    assert all(versions().values())


def test_the_peak_is_seen_though_it_is_over_before_the_end():
    with PeakMemory("cpu", interval=0.005) as before:
        pass
    with PeakMemory("cpu", interval=0.005) as peak:
        for _ in range(10):
            np.ones(2**24).sum()  # 128 MiB, touched and freed
    assert peak.bytes - before.bytes > 2**26


def test_the_git_state_is_the_commit_of_the_source_and_whether_it_was_changed(package):
    def state():
        git_state.cache_clear()
        return git_state("dk_hashed.method:M")

    def git(*words):
        who = ["-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false"]
        done = subprocess.run(
            ["git", *who, *words], cwd=package, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    assert state() == ""  # no work tree
    git("init", "--quiet")
    git("add", "__init__.py")
    git("commit", "--quiet", "-m", "why")
    assert state() == ""  # a work tree that does not hold the method
    git("add", "method.py")
    git("commit", "--quiet", "-m", "why")
    (package / "notes.txt").unlink()
    git("clean", "-fdq")
    assert state() == git("rev-parse", "HEAD")
    (package / "method.py").write_text("x = 2")
    assert state() == git("rev-parse", "HEAD") + "+"
    git_state.cache_clear()
    assert git_state("dk_no_such.module:M") == ""
