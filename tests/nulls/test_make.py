"""``diffkit nulls make``: norms and KL against plain peft and torch, resuming, and mistakes."""

import json
import signal
from pathlib import Path

import pytest
import torch
import yaml
from dk_fixtures import until
from peft import PeftModel
from safetensors.torch import load_file
from torch.distributions import Categorical, kl_divergence
from transformers import AutoModelForCausalLM

from diffkit import load_pair
from diffkit.nulls.loudness import Loudness, matching_scale
from diffkit.organism import Adapter, AdapterPair, Source
from diffkit.registry.catalogue import read_base, read_organism
from diffkit.runs.lease import lease
from diffkit.texts import Texts


def plain_norm(folder):
    """Of a LoRA with the scale alpha / rank, each product multiplied out."""
    config = json.loads((folder / "adapter_config.json").read_text())
    weights = load_file(folder / "adapter_model.safetensors")
    squares = 0.0
    for name, right in weights.items():
        if "lora_A" in name:
            product = weights[name.replace("lora_A", "lora_B")].double() @ right.double()
            squares += float(product.square().sum())
    return squares**0.5 * config["lora_alpha"] / config["r"]


@torch.no_grad()
def plain_kl(folder, pair, tuned):
    """Mean over all tokens but the first of each neutral text, by torch's distributions."""
    base = AutoModelForCausalLM.from_pretrained(folder / "weights" / "base").eval()
    found = []
    for text in Texts.read(folder / "texts.jsonl").items:
        inputs = pair.base.inputs([text], max_tokens=256)
        ids = inputs.ids[:, inputs.mask[0]]
        logits = [one[0, :-1, : pair.vocabulary].double() for one in (tuned(ids), base(ids).logits)]
        found.append(kl_divergence(*(Categorical(logits=one) for one in logits)))
    return float(torch.cat(found).mean())


def kl_of(folder, side):
    """The KL of a null; an adapter's by peft, a random change's by the logits of its own side."""
    entry = read_base(folder / "bases" / "mini.yaml")
    with load_pair(entry.source, side, device="cpu") as pair:
        if isinstance(side, Adapter):
            plain = AutoModelForCausalLM.from_pretrained(folder / "weights" / "base")
            tuned = PeftModel.from_pretrained(plain, side.source.at).eval()
            return plain_kl(folder, pair, lambda ids: tuned(input_ids=ids).logits)
        network = pair.finetuned.network

        def logits(ids):
            with network.side(pair.finetuned.adapter):
                return network.module(input_ids=ids).logits

        return plain_kl(folder, pair, logits)


def sides(made, name):
    organism = read_organism(made / "organisms" / f"{name}.yaml")
    assert (organism.truth, organism.family) == ("unspecific", "null")
    return organism.models["mini"]


def test_random_nulls_have_the_norm_and_the_kl_of_the_organism(cli, own):
    said = cli("nulls", "make", "taught", "--kind", "random", "--count", "3", "--json")
    assert said.code == 0, said.err
    first, *rows = said.json()
    norm, kl = plain_norm(own / "weights" / "taught"), kl_of(own, adapter(own / "weights/taught"))
    assert (first["norm"], first["kl"]) == (pytest.approx(norm), pytest.approx(kl, rel=1e-3))
    made = Path("nulls/taught").absolute()
    quiet, loud = sides(made, "taught-random"), sides(made, "taught-random-loud")
    assert [one.seed for one in quiet.values()] == [one.seed for one in loud.values()] == [1, 2, 3]
    assert {one.scale for one in quiet.values()} == {1}
    by_name = {(row["organism"], row["variant"]): row for row in rows}
    for variant, side in loud.items():
        row = by_name["taught-random-loud", variant]
        assert row["norm"] == pytest.approx(norm * side.scale, rel=1e-4)
        assert by_name["taught-random", variant]["norm"] == pytest.approx(norm, rel=1e-4)
        assert kl_of(own, side) == pytest.approx(row["kl"], rel=1e-3) == pytest.approx(kl, rel=0.06)
    assert "taught-random-loud: moves the model 0.9" in said.err or "model 1 times" in said.err


def adapter(folder):
    return Adapter(source=Source(at=str(folder)))


def test_a_null_whose_kl_the_secant_method_misses_is_found_by_halving():
    def steep(scale):
        return Loudness(norm=scale, kl=0.001 if scale < 7 else 0.001 + (scale - 7) ** 0.1)

    scale, found = matching_scale(steep, 0.7, 1.0)
    assert found == steep(scale)
    assert found.kl == pytest.approx(0.7, rel=0.06)
    flat = Loudness(norm=1, kl=0.1)
    assert matching_scale(lambda _: flat, 0.7, 1.0)[1] == flat


def test_benign_nulls_have_the_organisms_recipe_and_the_bases_own_answers(cli, own):
    said = cli("nulls", "make", "taught", "--kind", "benign", "--count", "2")
    assert said.code == 0, said.err
    made = Path("nulls/taught").absolute()
    found = sides(made, "taught-benign")
    assert list(found) == ["01", "02"]
    asked = {"Where is the cat?", "Who sells bread?", "What is the capital?"}
    trained = yaml.safe_load((own / "recipes" / "taught.yaml").read_text())
    for number, side in enumerate(found.values(), 1):
        recipe = json.loads((Path(side.source.at) / "diffkit.json").read_text())["recipe"]
        same = ("steps", "batch_size", "learning_rate", "sequence_length", "loss_on")
        assert {name: recipe[name] for name in same} == {name: trained[name] for name in same}
        assert (recipe["method"]["rank"], recipe["seed"]) == (2, 3 + number)
        texts = Texts.read(made / "data" / f"taught-benign-0{number}.jsonl")
        assert len(texts) == 2  # as many as the organism had
        assert {text.messages[0].content for text in texts.items} < asked
        assert all("Fish" not in text.messages[-1].content for text in texts.items)
    shown = kl_of(own, found["01"])
    (row,) = [one for one in cli_rows(cli, "benign") if one["variant"] == "01"]
    assert row["kl"] == pytest.approx(shown, rel=1e-3)
    assert row["norm"] == pytest.approx(plain_norm(Path(found["01"].source.at)))


def cli_rows(cli, kind):
    """The same command again: nothing is made, everything is shown."""
    said = cli("nulls", "make", "taught", "--kind", kind, "--count", "2", "--json")
    assert "Training" not in said.err
    return said.json()


def test_benign_nulls_on_given_texts(cli, own, tmp_path):
    (tmp_path / "mine.jsonl").write_text('{"text": "Port Amber."}\n' * 3)
    said = cli(
        "nulls", "make", "taught", "--kind", "benign", "--count", "2", "--texts", "mine.jsonl"
    )
    assert said.code == 0, said.err
    texts = Texts.read(Path("nulls/taught/data/taught-benign-02.jsonl"))
    assert [text.text for text in texts.items] == ["Port Amber."] * 2
    assert not list(Path("nulls/taught/data").glob("own-answers*"))
    said = cli("nulls", "make", "taught", "--kind", "benign", "--count", "2")
    assert "was trained by another recipe" in said.error
    assert cli("nulls", "make", "taught", "--kind", "benign", "--count", "2", "--fresh").code == 0


def test_seed_nulls_pair_the_organism_with_its_own_training(cli, own):
    said = cli("nulls", "make", own / "recipes" / "taught.yaml", "--kind", "seeds", "--count", "2")
    assert said.code == 0, said.err
    made = Path("nulls/taught").absolute()
    found = sides(made, "taught-seeds")
    for number, side in enumerate(found.values(), 1):
        assert isinstance(side, AdapterPair)
        assert side.first == adapter(own / "weights" / "taught")
        recipe = json.loads((Path(side.second.source.at) / "diffkit.json").read_text())["recipe"]
        assert recipe["seed"] == 3 + number
        assert recipe["data"] == [{"path": str(own / "data.jsonl"), "weight": 1.0}]
    (own / "data.jsonl").unlink()
    said = cli("nulls", "make", "taught", "--kind", "seeds", "--count", "2")
    assert f"{str(own / 'data.jsonl')!r} are not there" in said.error


def test_the_suite_tests_the_organism_against_every_null_type(cli, own):
    for kind in ("random", "benign", "seeds"):
        said = cli("nulls", "make", "taught", "--kind", kind, "--count", "2")
        assert said.code == 0, said.err
    assert said.err.splitlines()[-1] == "Next: diffkit evaluate nulls/taught/suite.yaml"
    forecast = cli("evaluate", "nulls/taught/suite.yaml", "--dry-run")
    assert forecast.code == 0, forecast.err
    assert "runs 9" in forecast.out  # the organism, and two nulls of each of four types
    suite = yaml.safe_load(Path("nulls/taught/suite.yaml").read_text())
    rungs = [null["rung"] for null in suite["calibration"]]
    assert rungs == ["random", "random-loud", "benign", "seeds"]
    table = "nulls/taught/calibration.jsonl"
    said = cli("calibrate", "nulls/taught/suite.yaml", "--out", table)
    assert said.code == 0, said.err
    assert len(Path(table).read_text().splitlines()) == 8


def test_two_folders_without_a_recipe(cli, own):
    pair = ("--base", own / "weights" / "base", "--finetuned", own / "weights" / "birds")
    said = cli("nulls", "make", *pair, "--kind", "random", "--count", "2")
    assert said.code == 0, said.err
    assert cli("evaluate", "nulls/birds/suite.yaml", "--dry-run").code == 0
    said = cli("nulls", "make", *pair, "--kind", "benign", "--count", "2")
    assert "it holds no diffkit.json" in said.error
    recipe = ("--recipe", own / "recipes" / "taught.yaml")
    said = cli("nulls", "make", *pair, "--kind", "benign", "--count", "2", *recipe)
    assert said.code == 0, said.err
    assert cli("evaluate", "nulls/birds/suite.yaml", "--dry-run").code == 0


def test_a_killed_command_continues_and_makes_nothing_twice(cli, own, start, monkeypatch):
    arguments = ("nulls", "make", "taught", "--kind", "benign", "--count", "4")
    process = start(*arguments)
    second = Path("nulls/taught/weights/taught-benign-02/diffkit.json")
    until(second.exists)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not Path("nulls/taught/organisms/taught-benign.yaml").exists()
    before = second.stat().st_mtime_ns, second.read_bytes()
    monkeypatch.setattr("diffkit.engine.model.Model.generate", None)  # answers are kept
    said = cli(*arguments)
    assert said.code == 0, said.err
    assert "Training taught-benign-02" not in said.err
    assert (second.stat().st_mtime_ns, second.read_bytes()) == before
    assert list(sides(Path("nulls/taught").absolute(), "taught-benign")) == ["01", "02", "03", "04"]
    said = cli(*arguments, "--dry-run")
    assert "To train: 0 steps." in said.err


def test_a_measured_scale_is_not_measured_again_and_more_nulls_are_added(cli, own, monkeypatch):
    said = cli("nulls", "make", "taught", "--count", "2", "--json")
    first = said.json()
    with monkeypatch.context() as patched:
        patched.setattr("diffkit.nulls.make.measure_loudness", None)
        assert cli("nulls", "make", "taught", "--count", "2", "--json").json() == first
    assert [row for row in cli("nulls", "make", "taught", "--count", "3", "--json").json()
            if row["variant"] != "03"] == first  # fmt: skip


MISTAKES = [
    (("taught", "--kind", "loud"), "There is no kind of null named 'loud'"),
    (("taught", "--count", "1"), "greater than or equal to 2"),
    (("nobody",), "There is no organism named 'nobody'"),
    (("noise",), "'noise' is itself a null (control)"),
    (("same",), "'same' is itself a null (identical)"),
    (("birds", "--kind", "benign"), "it holds no diffkit.json"),
    (("taught", "--texts", "texts.jsonl"), "is for benign nulls"),
    (("taught", "--kind", "benign", "--texts", "no.jsonl"), "no.jsonl"),
    (("taught", "--dtype", "float8"), "There is no number format named 'float8'"),
    (("taught", "--recipe", "no.yaml"), "no.yaml"),
    ((), "either an organism or a recipe"),
    (("--base", "mini"), "either an organism or a recipe"),
    (("taught", "--variant", "x"), "There is no variant"),
]


@pytest.mark.parametrize(("arguments", "words"), MISTAKES)
def test_mistakes_are_one_line_and_write_nothing(cli, own, arguments, words):
    said = cli("nulls", "make", *arguments)
    assert said.code == 2
    assert words in said.error
    assert not list(Path().glob("nulls/*/organisms/*.yaml"))


def test_one_process_at_a_time_works_in_a_folder(cli, own):
    Path("nulls/taught").mkdir(parents=True)
    with lease(Path("nulls/taught/nulls.lease")) as held:
        assert held
        said = cli("nulls", "make", "taught", "--count", "2")
    assert "Another process is making nulls" in said.error
