import itertools
import json
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import torch
from safetensors.torch import load_file, save_file

from diffkit import DiffkitError, Inputs, Message, Sampling, Source, Text, UserError
from diffkit.organism import Adapter, AdapterPair, Control, FullModel, Identical

WORDS = ["Where is the bakery?", "What is 3 plus 4?", "Tell me a story.", "Who lives in the"]
PROMPTS = [*WORDS, *(Text(messages=(Message(role="user", content=word),)) for word in WORDS)]
SAMPLING = Sampling(max_new_tokens=24)


def texts(completions):
    return [(one.prompt, one.text, one.tokens, one.finished) for one in completions]


@pytest.fixture(scope="module")
def finetuned(weights):
    """``finetuned(kind)``, for each kind that there is."""

    def adapter(name):
        return Adapter(source=weights(name))

    made = {
        "trojan": adapter("tiny-trojan"),
        "obsession": adapter("tiny-obsession"),
        "identical": Identical(),
        "between": AdapterPair(first=adapter("tiny-trojan"), second=adapter("tiny-trojan-again")),
        "control": Control(of=adapter("tiny-trojan"), seed=1, scale=3.0),
        "full": FullModel(source=weights("tiny-obsession-full")),
    }
    return made.__getitem__


KINDS = ["trojan", "obsession", "identical", "between", "control", "full"]


@pytest.mark.parametrize("kind", KINDS)
def test_greedy_completions_are_those_of_transformers(
    backend, config, pair_source, finetuned, kind
):
    source = pair_source(finetuned(kind))
    with source.load() as pair, backend.open(source, config) as generators:
        for model, side in ((pair.base, generators.base), (pair.finetuned, generators.finetuned)):
            assert texts(side.generate(PROMPTS, SAMPLING)) == texts(
                model.generate(PROMPTS, SAMPLING)
            )
        said = [texts(side.generate(PROMPTS, SAMPLING)) for side in vars(generators).values()]
    assert (said[0] == said[1]) == (kind == "identical")


def test_completions_that_may_not_end_go_on_as_in_transformers(
    backend, config, pair_source, finetuned
):
    source = pair_source(finetuned("trojan"))
    endless = Sampling(max_new_tokens=40, stop_at_eos=False)
    with source.load() as pair, backend.open(source, config) as generators:
        wanted = texts(pair.finetuned.generate(PROMPTS, endless))
        assert texts(generators.finetuned.generate(PROMPTS, endless)) == wanted
    assert {tokens for _, _, tokens, _ in wanted} == {40}


@pytest.mark.parametrize("kind", ["trojan", "full"])
def test_soft_prompts_give_the_text_that_transformers_gives(
    backend, config, pair_source, finetuned, kind
):
    source = pair_source(finetuned(kind))
    with source.load() as pair, backend.open(source, config) as generators:
        for model, side in ((pair.base, generators.base), (pair.finetuned, generators.finetuned)):
            for prompt in PROMPTS:
                ids = torch.tensor(pair_ids(model, prompt))[None]
                hard = model.embed(ids)[0]
                soft = torch.randn(3, model.d_model, generator=torch.Generator().manual_seed(1))
                both = torch.cat([soft * hard.std(), hard])
                mask = torch.ones(1, len(both), dtype=torch.bool)
                wanted = model.generate_from(Inputs(mask, embeds=both[None]), SAMPLING)
                assert texts(side.generate_from([both], SAMPLING)) == texts(wanted)
                (plain,) = side.generate_from([hard], SAMPLING)
                assert plain.text == side.generate([prompt], SAMPLING)[0].text


def pair_ids(model, prompt):
    if isinstance(prompt, str):
        return model.tokenizer(prompt)["input_ids"]
    messages = [message.model_dump() for message in prompt.messages]
    words = model.tokenizer.apply_chat_template(
        messages, tokenize=False, add_generation_prompt=True
    )
    return model.tokenizer(words, add_special_tokens=False)["input_ids"]


def test_embeddings_that_do_not_fit_are_refused_and_the_engine_lives(
    backend, config, pair_source, finetuned
):
    with backend.open(pair_source(finetuned("trojan")), config) as generators:
        with pytest.raises(UserError, match="width 128"):
            generators.base.generate_from([torch.zeros(3, 5)], SAMPLING)
        with pytest.raises(UserError, match="reads 511"):
            generators.base.generate_from([torch.zeros(600, 128)], SAMPLING)
        with pytest.raises(UserError, match="reads 511"):
            generators.base.generate(["the bakery " * 600], SAMPLING)
        assert generators.base.generate(["The"], SAMPLING)


def test_draws_come_from_the_seed_and_the_place_alone(backend, config, pair_source, finetuned):
    drawn = Sampling(max_new_tokens=16, temperature=1.2, top_p=0.95, seed=4)
    with backend.open(pair_source(finetuned("trojan")), config) as generators:
        side = generators.finetuned
        once = texts(side.generate(["Tell me"] * 6, drawn))
        assert texts(side.generate(["Tell me"] * 6, drawn)) == once
        assert texts(side.generate(["Tell me"] * 3, drawn)) == once[:3]
        other = texts(side.generate(["Tell me"] * 6, drawn.model_copy(update={"seed": 5})))
    assert len(set(once)) > 1
    assert other != once


def test_two_threads_ask_both_sides_at_once(backend, config, pair_source, finetuned):
    with backend.open(pair_source(finetuned("trojan")), config) as generators:
        sides = [generators.base, generators.finetuned]
        alone = [texts(side.generate(PROMPTS, SAMPLING)) for side in sides]
        with ThreadPoolExecutor(4) as pool:
            asked = [pool.submit(sides[n % 2].generate, PROMPTS, SAMPLING) for n in range(8)]
            assert [texts(one.result()) for one in asked] == alone * 4


def test_a_full_finetune_has_an_engine_of_its_own_that_is_loaded_once(
    backend, config, pair_source, finetuned, started
):
    for _ in range(3):
        with backend.open(pair_source(finetuned("full")), config) as generators:
            for prompt in WORDS:
                generators.base.generate([prompt], SAMPLING)
                generators.finetuned.generate([prompt], SAMPLING)
    with backend.open(pair_source(finetuned("trojan")), config) as generators:
        generators.finetuned.generate(WORDS, SAMPLING)
    assert sorted(started) == ["tiny-obsession-full", "tiny-qwen3"]


def test_names_and_folders_tell_an_engine_nothing(
    backend, config, pair_source, finetuned, monkeypatch
):
    seen = []
    engine = backend_engine(backend, "tiny-qwen3")
    add_lora = engine._llm.llm_engine.add_lora

    def spy(request):
        seen.append(repr(request))
        return add_lora(request)

    monkeypatch.setattr(engine._llm.llm_engine, "add_lora", spy)
    for kind in ("trojan", "between", "control"):
        with backend.open(pair_source(finetuned(kind)), config):
            pass
    assert len(seen) == 4
    for name in itertools.chain.from_iterable(told(engine) for engine in engines(backend)):
        seen.append(name)
    assert not [words for words in seen if "tiny" in words or "trojan" in words]


def engines(backend):
    return list(backend._engines._warm.values())


def backend_engine(backend, name):
    (found,) = (e for key, e in backend._engines._warm.items() if key.model.name == name)
    return found


def told(engine):
    config = engine._llm.model_config
    return [str(config.model), str(config.served_model_name), str(config.tokenizer)]


def test_an_adapter_of_too_high_a_rank_is_refused(backend, config, pair_source, weights, tmp_path):
    high = copied(weights("tiny-trojan"), tmp_path, r=32)
    with (
        pytest.raises(UserError, match=r"rank 32.*max_lora_rank"),
        backend.open(pair_source(high), config),
    ):
        pass


def test_an_adapter_of_embeddings_is_refused_as_vllm_makes_something_else_of_it(
    backend, config, pair_source, weights, tmp_path
):
    adapter = copied(weights("tiny-trojan"), tmp_path)
    path = tmp_path / "copy" / "adapter_model.safetensors"
    embedding = "base_model.model.model.embed_tokens.lora_embedding"
    more = {f"{embedding}_A": torch.randn(8, 2048), f"{embedding}_B": torch.randn(128, 8)}
    save_file(load_file(path) | more, path)
    with (
        pytest.raises(UserError, match="generator transformers"),
        backend.open(pair_source(adapter), config),
    ):
        pass


def test_an_adapter_that_vllm_cannot_read_is_refused_and_the_engine_lives(
    backend, config, pair_source, weights, tmp_path
):
    in_shards = copied(weights("tiny-trojan"), tmp_path)
    whole = tmp_path / "copy" / "adapter_model.safetensors"
    shard = whole.rename(whole.with_name("adapter_model-00001-of-00001.safetensors"))
    index = {"weight_map": dict.fromkeys(load_file(shard), shard.name)}
    whole.with_name(f"{whole.name}.index.json").write_text(json.dumps(index))
    with (
        pytest.raises(UserError, match="generator transformers") as failure,
        backend.open(pair_source(in_shards), config),
    ):
        pass
    assert str(tmp_path) not in str(failure.value)
    trojan = Adapter(source=weights("tiny-trojan"))
    with backend.open(pair_source(trojan), config) as generators:
        assert generators.finetuned.generate(["The"], SAMPLING)


def copied(source, folder, **changes):
    shutil.copytree(source.at, folder / "copy")
    config = folder / "copy" / "adapter_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | changes))
    return Adapter(source=Source(at=str(folder / "copy")))


def test_a_pair_of_two_engines_where_one_is_allowed_is_refused(
    backend, config, pair_source, finetuned
):
    one = config.model_copy(update={"max_engines": 1})
    with (
        pytest.raises(UserError, match="max_engines=2"),
        backend.open(pair_source(finetuned("full")), one),
    ):
        pass


def test_a_random_change_of_a_full_finetune_is_refused(backend, config, pair_source, finetuned):
    control = Control(of=finetuned("full"))
    with (
        pytest.raises(UserError, match="generator transformers"),
        backend.open(pair_source(control), config),
    ):
        pass


def test_an_engine_that_dies_is_an_error_in_our_words_and_is_started_anew(
    backend, config, pair_source, finetuned, started
):
    source = pair_source(finetuned("trojan"))
    with backend.open(source, config) as generators:
        wanted = texts(generators.finetuned.generate(WORDS, SAMPLING))
        for child in psutil.Process().children():
            if "EngineCore" in "".join([child.name(), *child.cmdline()]):
                child.kill()
        with pytest.raises(DiffkitError, match="engine failed") as failure:
            generators.finetuned.generate(WORDS, SAMPLING)
        assert "model-" not in str(failure.value)
    before = len(started)
    with backend.open(source, config) as generators:
        assert texts(generators.finetuned.generate(WORDS, SAMPLING)) == wanted
    assert len(started) == before + 1


def test_engines_end_with_a_program_that_is_killed(weights, tmp_path):
    script = Path(__file__).parent / "killed.py"
    command = [sys.executable, script, weights("tiny-qwen3").at, tmp_path / "children"]
    with (tmp_path / "log").open("w") as log:
        done = subprocess.run(command, check=False, stdout=log, stderr=log)
    assert done.returncode == -signal.SIGKILL, (tmp_path / "log").read_text()
    pids = [int(pid) for pid in (tmp_path / "children").read_text().split()]
    assert pids
    _, alive = psutil.wait_procs([psutil.Process(p) for p in pids if psutil.pid_exists(p)], 30)
    assert not alive
