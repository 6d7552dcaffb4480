"""Sweeps in one process: what fails, what waits, and what goes on."""

import json
import logging
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from dk_fixtures import until
from dk_stranger.config import EchoConfig

from diffkit.checkpoints import Checkpoints
from diffkit.engine.loading.model_files import fingerprint
from diffkit.errors import BadDevice
from diffkit.registry.catalogue import read_catalogue
from diffkit.registry.plugin_host import load_plugins
from diffkit.runs.execution import ExecutionOptions, execute
from diffkit.runs.lease import lease
from diffkit.runs.provenance import source_hash
from diffkit.runs.spec import PairSpec, RunSpec
from diffkit.runs.store import Store
from diffkit.runs.sweep import group_by_base, run_batches
from diffkit.texts import Texts

CPU = ExecutionOptions(device="cpu")
HEADER = "import diffkit\nfrom diffkit import DiffingMethod as Base\n"


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store").prepare()


@pytest.fixture
def spec(stranger, world):
    """One run of echo over birds; ``spec(seed=1, steps=3)``."""
    host, catalogue = load_plugins(), read_catalogue([world])

    def make(seed=0, organism="birds", **options):
        selected = catalogue.select(organism)
        pair = PairSpec(selected.base.source, selected.finetuned)
        texts = Texts.of("One cat.")
        return RunSpec(host.methods["echo"], EchoConfig(**options), pair, texts, seed)

    return make


@pytest.fixture
def failing(spec, tmp_path, monkeypatch):
    """A method whose module is the given source."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(source):
        module = f"dk_{tmp_path.name}"
        (tmp_path / f"{module}.py").write_text(f"{HEADER}{source}")
        return replace(spec().method, name="broken", implementation=f"{module}:M")

    return make


def sweep(specs, store, execution=CPU):
    return list(run_batches(group_by_base(specs), store, execution))


def test_runs_that_share_a_base_and_a_format_are_one_batch(spec):
    half = replace(spec().subject, dtype="bfloat16")
    made = [spec(0), replace(spec(1), subject=half), spec(2, organism="same"), spec(3)]
    assert [[one.seed for one in batch] for batch in group_by_base(made)] == [[0, 2, 3], [1]]


def test_what_a_run_tells_is_of_that_run(spec, store):
    told = []
    sweep([spec(0, steps=2), spec(1, steps=1)], store, replace(CPU, status=told.append))
    assert told == ["step 0", "step 1", "", "step 0", ""]


def test_what_a_failed_run_told_goes_too(spec, store, failing):
    source = "class M(Base):\n    def run(self, pair, config, context):\n"
    method = failing(source + "        context.status('best 1')\n        raise LookupError\n")
    told = []
    (result,) = sweep([replace(spec(), method=method)], store, replace(CPU, status=told.append))
    assert result.how == "failed"
    assert told == ["best 1", ""]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (
            "class M(Base):\n    def run(self, *_): raise diffkit.UserError('No.', hint='Do.')",
            "No. Do.",
        ),
        ("raise RuntimeError('no driver\\nat all')", "(RuntimeError: no driver)"),
        ("import dk_not_there", "pip install 'dk_not_there'"),
        ("class M:\n    def __init__(self): raise OSError('no file')", "(OSError: no file)"),
        ("class M(Base):\n    def run(self, *_): return 3", "run() returned int, not Findings"),
        (
            "class M(Base):\n    def run(self, *_): raise OSError(17, 'exists')",
            "FileExistsError: [Errno 17] exists",
        ),
        ("class M(Base):\n    def run(self, *_): raise ValueError", "failed: ValueError."),
        (
            "class M(Base):\n    def run(self, *_): raise ValueError('\\nhalf')",
            "failed: ValueError: half.",
        ),
        ("class M(Base):\n    def run(self, *_): raise SystemExit(3)", "failed: SystemExit: 3."),
        ("class M:\n    def __init__(self): raise SystemExit('no key')", "(SystemExit: no key)"),
        ("raise SystemExit", "(SystemExit)"),
        (
            "class M(Base):\n    def run(self, *_):\n"
            "        return diffkit.Findings(change_score=float('nan'))",
            "The method 'broken' failed: ValidationError: Findings.change_score: Input should be "
            "a finite number, got nan.",
        ),
        (
            "class M(Base):\n    def run(self, *_):\n"
            "        return diffkit.Findings().model_copy(update={'change_score': float('inf')})",
            "The method 'broken' failed: ValueError: change_score is inf, which is not finite.",
        ),
        (
            "class M(Base):\n    def run(self, *_):\n"
            "        return diffkit.Findings().model_copy(update={'metrics': {'a': float('nan')}})",
            "failed: ValueError: metrics.a is nan, which is not finite.",
        ),
        ("class M(Base):\n    def run(self, *_): raise diffkit.UserError('x')", "x"),
    ],
)
def test_a_plugin_that_fails_costs_its_own_run(spec, store, failing, source, words):
    results = sweep([replace(spec(), method=failing(source)), spec()], store)
    assert [result.how for result in results] == ["failed", "computed"]
    assert words in results[0].error
    assert "\n" not in results[0].error
    assert not list((store.root / "work").glob("*.lease"))


def test_a_device_that_is_not_there_ends_the_sweep(spec, store, stranger):
    with pytest.raises(BadDevice, match="'tpux' cannot be used here"):
        list(run_batches(group_by_base([spec(0), spec(1)]), store, ExecutionOptions(device="tpux")))
    assert stranger.lines() == []
    assert not list(store.unfinished())


def test_a_run_that_is_there_twice_is_computed_once(spec, store, stranger):
    assert [one.how for one in sweep([spec(), spec()], store)] == ["computed", "found"]
    assert stranger.runs("end") == stranger.runs("begin")
    assert len(stranger.runs("end")) == 1


def test_what_another_holds_is_put_off_and_then_found(spec, store, stranger, caplog):
    caplog.set_level(logging.INFO, logger="diffkit")
    digest = spec(0).identity().digest
    found = []
    with lease(store.root / "work" / f"{digest}.lease"):
        waiting = threading.Thread(target=lambda: found.extend(sweep([spec(0), spec(1)], store)))
        waiting.start()
        until(lambda: found == [] and len(stranger.runs("end")) == 1 and caplog.messages)
    waiting.join()
    assert [(one.spec.seed, one.how) for one in found] == [(1, "computed"), (0, "computed")]
    assert caplog.messages == ["Another process is computing 1 of these runs."]


def test_a_run_whose_lease_was_lost_is_put_off_and_made_again(spec, store, monkeypatch):
    held = store.root / "work" / f"{spec(0).identity().digest}.lease"
    spoilt = []

    def spoil(one, *args):
        execute(one, *args)
        if one.seed == 0 and not spoilt:
            spoilt.append(one)
            held.write_text('{"token": "other"}')

    monkeypatch.setattr("diffkit.runs.sweep.execute", spoil)
    clock = SimpleNamespace(sleep=lambda _: held.unlink(missing_ok=True))
    monkeypatch.setattr("diffkit.runs.sweep.time", clock)
    results = sweep([spec(0), spec(1)], store)
    assert [(one.spec.seed, one.how) for one in results] == [(1, "computed"), (0, "computed")]


def interrupted(spec, store, source):
    """A work folder as a process left it that was killed at a checkpoint of half the steps."""
    folder = store.root / "work" / spec.identity().digest
    (folder / "artifacts").mkdir(parents=True)
    (folder / "artifacts" / "old.png").write_text("")
    (folder / "failure.json").write_text("{}")
    Checkpoints(folder, source).save({"total": torch.full((1,), 100.0)}, {"step": 2})


def test_a_checkpoint_of_the_same_source_is_gone_on_from(spec, store, stranger):
    one = spec(steps=4)
    interrupted(one, store, source_hash(one.method.implementation))
    (result,) = sweep([one], store)
    assert result.run.findings.metrics["total"] > 100
    assert result.run.manifest.resumed
    assert [line["step"] for line in stranger.lines("step")] == [2, 3]
    names = sorted(path.name for path in result.run.folder.iterdir())
    assert names == ["artifacts", "findings.json", "manifest.json"]
    assert (result.run.artifacts / "old.png").exists()  # the checkpoint may count on it


@pytest.mark.parametrize("fresh", [True, False])
def test_another_source_or_fresh_begins_anew(spec, store, stranger, fresh):
    one = spec(steps=4)
    interrupted(one, store, source_hash(one.method.implementation) if fresh else "other")
    (result,) = sweep([one], store, replace(CPU, fresh=fresh))
    assert result.run.findings.metrics["total"] < 4
    assert not result.run.manifest.resumed
    assert [line["step"] for line in stranger.lines("step")] == [0, 1, 2, 3]
    assert [path.name for path in result.run.artifacts.iterdir()] == ["total.safetensors"]


def test_the_manifest_says_how_it_came_about(spec, store, world):
    (result,) = sweep([spec(batch_size=3, pause=0.001)], store)
    manifest = json.loads((result.run.folder / "manifest.json").read_text())
    assert manifest["options"]["batch_size"] == 3
    assert set(manifest["identity"]["options"]) == {"steps", "every", "word", "more"}
    assert manifest["identity"]["base"] == fingerprint(world / "weights" / "base")
    assert manifest["device"] == "cpu"
    assert manifest["seconds"] >= 0.001
    assert manifest["peak_bytes"] > 10**7
    assert manifest["source"] == source_hash("dk_stranger.method:Echo")
    assert str(world) not in (result.run.folder / "manifest.json").read_text()
    assert Path(result.run.folder).name == manifest["digest"] == result.digest


def test_the_batch_size_reaches_the_method_and_is_in_no_key(spec, store, failing):
    source = "class M(Base):\n    def run(self, pair, config, context):\n"
    method = failing(source + "        raise LookupError(context.batch_size)\n")
    given = replace(spec(), method=method)
    for size in (3, 5):
        (result,) = sweep([given], store, replace(CPU, batch_size=size))
        assert f"LookupError: {size}." in result.error
    assert "batch" not in given.identity().model_dump_json()
