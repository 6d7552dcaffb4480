"""Planned runs of an evaluation without any model."""

from diffkit.evaluation import ConfiguredPlugin, PlannedPair, PlannedRun
from diffkit.method import MethodConfig
from diffkit.organism import Adapter, AnswerKey, BaseModelEntry, Control, Organism, Source
from diffkit.registry.catalogue import SelectedPair
from diffkit.registry.specs import Spec
from diffkit.runs.manifest import Identity, Manifest, StoredRun
from diffkit.runs.sweep import RunResult
from diffkit.texts import Texts

ADAPTER = Adapter(source=Source(at="x"))


def planned_run(
    name, variant="default", *, truth="", base="one", method="kl", seed=0, role="test", null_type=""
):
    """A run that was not made; with a truth it is targeted, else a random change."""
    finetuned = ADAPTER if truth else Control(of=ADAPTER)
    organism = Organism(
        name=name,
        family="f",
        truth="targeted" if truth else "unspecific",
        answer_key=AnswerKey(statement=truth) if truth else None,
        models={base: {variant: finetuned}},
    )
    entry = BaseModelEntry(name=base, source=Source(at=base))
    component = ConfiguredPlugin(Spec(method, "", 1, "m:C", "m:M"), MethodConfig())
    pair = PlannedPair(SelectedPair(organism, entry, variant, finetuned), role, null_type)
    return PlannedRun(pair, component, seed, Texts.of("a"))


def run_of(findings, folder, digest="run"):
    """How a run ended that found ``findings``, kept in ``folder``."""
    place = folder / digest
    place.mkdir(parents=True, exist_ok=True)
    (place / "findings.json").write_text(findings.model_dump_json())
    identity = Identity(
        method="kl",
        version=1,
        options={},
        base="b",
        finetuned="f",
        tokenizer="t",
        texts="x",
        seed=0,
        dtype="float32",
        engine=1,
    )
    manifest = Manifest(
        digest=digest,
        identity=identity,
        options={},
        device="cpu",
        versions={},
        source="s",
        started="2026-01-01",
        seconds=1.0,
        peak_bytes=1,
        change_score=findings.change_score,
    )
    return RunResult(planned_run("o").spec, digest, "computed", StoredRun(manifest, place))
