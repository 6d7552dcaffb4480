"""The nulls of one run: those that the same method read under the same conditions."""

import dataclasses

import pytest

from diffkit.evaluation.calibration.run_nulls import NullsOfRuns
from diffkit.evaluation.calibration.table import CalibrationRow
from diffkit.registry.catalogue import read_catalogue
from diffkit.registry.plugin_host import load_plugins
from diffkit.runs.manifest import Manifest, RunLabels
from diffkit.runs.spec import PairSpec, RunSpec
from diffkit.runs.store import Store
from diffkit.texts import Texts

BASE, RANDOM, BENIGN = "tiny-qwen3", "tiny-random-calibration", "tiny-benign-calibration"


@pytest.fixture(scope="module")
def host():
    return load_plugins()


@pytest.fixture(scope="module")
def catalogue(host):
    return read_catalogue(host.folders)


@pytest.fixture(scope="module")
def spec_of(host, catalogue):
    """The run of kl over a pair, from scratch."""

    def made(organism, variant=None, seed=0):
        one = catalogue.select(organism, base=BASE, variant=variant)
        pair = PairSpec(one.base.source, one.finetuned, one.base.dtype, one.base.attention)
        method = host.methods["kl"]
        labels = RunLabels.of(BASE, one.finetuned, organism)
        return RunSpec(method, method.load_config()(), pair, Texts.of("One."), seed, labels)

    return made


def manifest_of(spec, score):
    identity = spec.identity()
    return Manifest(
        digest=identity.digest, identity=identity, options={}, device="cpu", versions={},
        source="", started="", seconds=0, peak_bytes=0, change_score=score, labels=spec.labels,
    )  # fmt: skip


@pytest.fixture
def tested(catalogue, spec_of, tmp_path):
    def made(rows, score=2.0, **own):
        tables = {
            digest: CalibrationRow(run=digest, method="kl", rung=kind, change_score=s, claims={})
            for digest, kind, s in rows
        }
        nulls = NullsOfRuns(catalogue, tables, Store(tmp_path))
        return nulls.test(manifest_of(spec_of("tiny-obsession", **own), score))

    return made


def rows_of(spec_of, scores, organism, kind):
    variants = (f"{number:02}" for number in range(1, len(scores) + 1))
    specs = (spec_of(organism, variant) for variant in variants)
    return [(one.identity().digest, kind, s) for one, s in zip(specs, scores, strict=True)]


def test_rows_of_tables_are_found_by_the_key_that_their_run_would_have(tested, spec_of):
    rows = rows_of(spec_of, [1.0, 3.0, 1.5], RANDOM, "random")
    found = tested(rows)
    assert (found.rungs["random"].n, found.p) == (3, 2 / 4)
    assert tested(rows, seed=1).p is None  # read under another seed
    assert tested([]).rungs == {}


def test_a_run_without_a_known_base_or_of_itself_has_no_nulls(catalogue, spec_of, tmp_path):
    (row,) = rows_of(spec_of, [1.0], RANDOM, "random")
    table = {row[0]: CalibrationRow(run=row[0], method="kl", rung="r", change_score=1, claims={})}
    nulls = NullsOfRuns(catalogue, table, Store(tmp_path))
    own = spec_of(RANDOM, "01")
    assert nulls.test(manifest_of(own, 1.0)).rungs == {}
    other = dataclasses.replace(spec_of("tiny-obsession"), labels=RunLabels(base="unknown"))
    assert nulls.test(manifest_of(other, 1.0)).rungs == {}


def test_each_type_of_null_is_tested_apart(tested, spec_of):
    rows = [
        *rows_of(spec_of, [0.1] * 4, RANDOM, "random"),
        *rows_of(spec_of, [5.0, 0.1], BENIGN, "benign"),
    ]
    found = tested(rows)
    assert (found.rungs["random"].p, found.rungs["benign"].p) == (1 / 5, 2 / 3)
    assert found.p == 2 / 3
