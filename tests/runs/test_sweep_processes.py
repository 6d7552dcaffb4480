"""Sweeps that are killed, stopped and doubled: real processes on one store."""

import json
import os
import signal
from collections import Counter
from pathlib import Path

import pytest
from dk_fixtures import until

from diffkit.runs.manifest import read_run
from diffkit.runs.store import Store

pytestmark = pytest.mark.slow


def suite(folder: Path, pause: float, **options: object) -> Path:
    """Twenty runs whose steps take ``pause`` seconds, which is no part of their keys."""
    path = folder / f"suite-{pause}.yaml"
    content = {
        "organisms": ["birds", "ships"],  # the host answers for identical pairs
        "methods": {"echo": {"steps": 5, "pause": pause, **options}},
        "seeds": list(range(10)),
    }
    path.write_text(json.dumps(content))  # JSON is YAML
    return path


def assert_whole(store: Path) -> int:
    """No half run is to be seen; returns how many whole ones are."""
    folders = list((store / "runs").glob("*"))
    for folder in folders:
        run = read_run(folder)
        assert run.manifest.digest == folder.name
        assert run.findings.change_score == run.manifest.change_score
        files = {path.name for path in folder.iterdir()}
        assert files == {"findings.json", "manifest.json", "artifacts"}
    return len(folders)


def test_a_killed_sweep_goes_on_and_computes_nothing_twice(tmp_path, start, cli, stranger):
    sweep = start("evaluate", suite(tmp_path, 0.05), "--store", "store")
    until(lambda: assert_whole(tmp_path / "store") >= 7)
    stranger.wait("step", 5 * 7 + 2)  # amid a run
    sweep.kill()
    sweep.wait()
    before = assert_whole(tmp_path / "store")
    ended = Counter(stranger.runs("end"))
    assert 7 <= before < 20

    said = cli("evaluate", suite(tmp_path, 0), "--store", "store")
    assert said.code == 0, said.err
    assert f"Runs: {20 - before} computed, {before} found." in said.err
    assert assert_whole(tmp_path / "store") == 20
    assert list(Store(tmp_path / "store").unfinished()) == []
    assert not list((tmp_path / "store" / "work").iterdir())
    # what had ended was not begun again: but for the run that was killed, each began once
    begun = Counter(stranger.runs("begin"))
    assert len(begun) == 20
    assert sum(begun.values()) <= 21
    assert all(begun[run] == 1 for run in list(ended)[:before])


def test_ctrl_c_leaves_the_store_whole(tmp_path, start, cli, stranger):
    sweep = start("evaluate", suite(tmp_path, 0.05), "--store", "store")
    stranger.wait("step", 12)
    sweep.send_signal(signal.SIGINT)
    out, err = sweep.communicate(timeout=300)
    assert sweep.returncode == 130
    assert err.splitlines()[-1].startswith("stopped: finished work is kept")
    assert "Traceback" not in out + err
    assert not list((tmp_path / "store").rglob("*.lease"))
    before = assert_whole(tmp_path / "store")
    assert 2 <= before < 20

    said = cli("evaluate", suite(tmp_path, 0), "--store", "store")
    assert f"Runs: {20 - before} computed, {before} found." in said.err
    assert assert_whole(tmp_path / "store") == 20


def test_two_processes_on_one_store_do_each_run_once(tmp_path, start, stranger):
    both = [start("evaluate", suite(tmp_path, 0.02), "--store", "store") for _ in range(2)]
    said = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert Counter(stranger.runs("begin")) == Counter(stranger.runs("end"))
    assert set(Counter(stranger.runs("end")).values()) == {1}
    assert len(stranger.runs("end")) == 20
    assert assert_whole(tmp_path / "store") == 20
    counts = [err.split("Runs: ")[1].split(".")[0] for _, err in said]
    computed = [int(word.split()[0]) for count in counts for word in count.split(", ")]
    assert sum(computed) == 40  # each process saw all twenty
    assert all(out.count("birds") >= 1 for out, _ in said)


def run(store: str, pause: float) -> list[str]:
    words = f"run echo --organism birds --store {store} --set steps=60 --set every=5 --seed 3"
    return [*words.split(), "--set", f"pause={pause}"]


def findings(store: Path) -> bytes:
    (folder,) = (store / "runs").iterdir()
    return (folder / "findings.json").read_bytes()


def test_fresh_processes_and_a_resumed_one_find_the_same_bytes(tmp_path, start, cli, stranger):
    whole = [start(*run(store, 0)) for store in ("one", "two")]
    killed = start(*run("three", 0.05))
    until(lambda: any(tmp_path.glob("three/work/*/checkpoint")))
    killed.kill()
    killed.wait()
    for process in whole:
        assert process.wait(timeout=300) == 0
    done = max(line["step"] for line in stranger.lines("step") if line["pid"] == killed.pid)

    said = cli(*run("three", 0))
    assert said.code == 0, said.err
    resumed = [line["step"] for line in stranger.lines("step") if line["pid"] == os.getpid()]
    assert 0 < resumed[0] <= done + 1  # it went on, and not from the beginning
    assert resumed[-1] == 59
    assert findings(tmp_path / "one") == findings(tmp_path / "two") == findings(tmp_path / "three")
    assert read_run(next((tmp_path / "three" / "runs").iterdir())).manifest.resumed
    assert assert_whole(tmp_path / "three") == 1
