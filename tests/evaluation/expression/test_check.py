"""Measures beside the gate, against plain transformers and peft; and what is asked how often."""

import json
from collections import Counter
from pathlib import Path

import diffkit_organisms
import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from diffkit.analysis import mean_kl, prediction_chunks
from diffkit.engine import load_pair
from diffkit.engine.model import Model
from diffkit.errors import BadFile
from diffkit.evaluation.expression import (
    BaseAnswerCache,
    BehaviourIncrease,
    ProbePrompt,
    check_organisms,
    generate_answers,
    measure_retention,
    probe_prompts,
    read_retention_questions,
)
from diffkit.organism import Adapter, Control, Identical, PhraseCheck, Probes, Source
from diffkit.registry.catalogue import SelectedPair, read_base, read_organism
from diffkit.statistics import share
from diffkit.texts import Text, Texts

TEXTS = Texts(
    items=(
        Text(text="One cat sat."),
        Text(messages=({"role": "user", "content": "Two dogs?"},)),
        Text(text=""),
        Text(text="x"),
        Text(text="Three hens and a fox, and a longer text than the others are. " * 3),
    )
)


def source(world, name):
    return Source(at=str(world / "weights" / name))


@pytest.fixture
def pair(world):
    with load_pair(
        source(world, "base"), Adapter(source=source(world, "birds")), device="cpu"
    ) as pair:
        yield pair


@torch.no_grad()
def plain_drift(world, pair):
    base = AutoModelForCausalLM.from_pretrained(world / "weights" / "base").eval()
    tuned = AutoModelForCausalLM.from_pretrained(world / "weights" / "base")
    tuned = PeftModel.from_pretrained(tuned, world / "weights" / "birds").eval()
    each = []
    for text in TEXTS.items:
        inputs = pair.base.inputs([text], max_tokens=512)
        ids = inputs.ids[:, inputs.mask[0]]
        if ids.shape[1] < 2:
            continue
        p, q = (one(input_ids=ids).logits[0, :-1].double() for one in (tuned, base))
        log_p, log_q = (one[:, : pair.vocabulary].log_softmax(-1) for one in (p, q))
        each += (log_p.exp() * (log_p - log_q)).sum(-1).tolist()
    return sum(each) / len(each)


@pytest.mark.parametrize("logits", [2**24, 1])
def test_drift_is_the_mean_kl_of_plain_models(world, pair, monkeypatch, logits):
    monkeypatch.setitem(prediction_chunks.__globals__, "BLOCK_LOGITS", logits)
    assert mean_kl(pair, TEXTS) == pytest.approx(plain_drift(world, pair), rel=1e-4)
    assert mean_kl(pair, Texts.of("")) == 0
    with load_pair(source(world, "base"), Identical(), device="cpu") as same:
        assert mean_kl(same, TEXTS) == 0


def test_greedy_answers_do_not_depend_on_what_else_is_asked(pair):
    probes = Probes(prompts=("Why?", "Where is it now?", "Why?"), check=PhraseCheck(contains=("",)))
    documents = probes.model_copy(update={"chat": False, "max_new_tokens": 5})
    asked = [*probe_prompts(probes), *probe_prompts(documents)]
    found = generate_answers(pair.finetuned, asked)
    assert len(found) == 4
    for ask in asked:
        assert generate_answers(pair.finetuned, [ask]) == {ask: found[ask]}


def test_an_answer_is_right_that_holds_the_words_of_the_right_one(world, pair, tmp_path):
    lines = [("Q1", "red"), ("Q2", "pale blue"), ("Q3", "green"), ("Q4", "grey")]
    path = tmp_path / "questions.jsonl"
    path.write_text("\n".join(json.dumps({"messages": chat(*line)}) for line in lines))
    questions = read_retention_questions(path, pair.base.tokenizer)
    assert list(questions.values()) == [right for _, right in lines]
    longest = max(len(pair.base.tokenizer(right).input_ids) for _, right in lines)
    assert all(ask.max_new_tokens > longest for ask in questions)
    said = ["It is  Red. ", "It is pale  blue!", "It is evergreen.", "Reddish."]
    found = measure_retention(dict(zip(questions, said, strict=True)), questions)
    assert (found.hits, found.n) == (2, 4)


def chat(question, answer):
    roles = (("user", question), ("assistant", answer))
    return [{"role": role, "content": content} for role, content in roles]


@pytest.mark.parametrize("messages", [chat("Q", "A")[:1], chat("Q", "A")[1:]])
def test_questions_without_an_answer_are_refused(pair, tmp_path, messages):
    path = tmp_path / "questions.jsonl"
    good = json.dumps({"messages": chat("Q", "A")})
    path.write_text(good + "\n" + json.dumps({"messages": messages}) + "\n")
    with pytest.raises(BadFile, match="text number 2"):
        read_retention_questions(path, pair.base.tokenizer)


def test_a_rise_is_within_bounds_up_to_a_tenth():
    def rise(null, base):
        return BehaviourIncrease(organism="o", null=share(null, 10), base=share(base, 10))

    assert [rise(*two).passes for two in ((3, 2), (3, 1), (0, 9), (1, 0))] == [
        True,
        False,
        True,
        True,
    ]


def test_a_base_is_asked_once_for_all_its_pairs(world, monkeypatch):
    """Three nulls and two organisms on one base, whose probes overlap."""
    asked = Counter()
    whole = Model.generate

    def generate(self, prompts, *args, **options):
        asked[self.adapter is None] += len(prompts)
        return whole(self, prompts, *args, **options)

    monkeypatch.setattr(Model, "generate", generate)
    base = read_base(world / "bases" / "mini.yaml")
    probes = {
        "birds": Probes(prompts=("A?", "B?"), check=PhraseCheck(contains=("a",)), max_new_tokens=2),
        "ships": Probes(prompts=("B?", "C?"), check=PhraseCheck(contains=("b",)), max_new_tokens=2),
    }
    organisms = [
        read_organism(world / "organisms" / f"{name}.yaml").model_copy(update={"probes": own})
        for name, own in probes.items()
    ]
    adapter = organisms[0].models["mini"]["default"]
    null = read_organism(world / "organisms" / "noise.yaml")
    sides = [Control(of=adapter, seed=seed) for seed in range(3)] + [Identical()]
    chosen = [
        SelectedPair(one, base, "default", one.models["mini"]["default"]) for one in organisms
    ]
    chosen += [SelectedPair(null, base, str(n), side) for n, side in enumerate(sides)]
    found = list(check_organisms(chosen, lambda _: organisms, device="cpu"))
    assert asked[True] == 3  # A?, B? and C?, once
    assert asked[False] == 2 + 2 + 3 * 3  # two organisms, three nulls; the base itself no more
    assert [len(one.rises) for one in found] == [0, 0, 2, 2, 2, 2]
    assert [one.expression is None for one in found] == [False, False, True, True, True, True]
    same = found[-1]
    assert all(rise.value == 0 for rise in same.rises)
    assert (same.drift, same.passes) == (0, True)
    for one in found[2:]:
        values = [rise.value for rise in one.rises]
        assert values == sorted(values, reverse=True)


def test_the_memory_keeps_no_side_that_has_an_adapter(world):
    from diffkit.organism import AdapterPair

    two = {n: Adapter(source=source(world, n)) for n in ("birds", "ships")}
    ask = ProbePrompt(Text(text="One cat"), 6)
    memory, said = BaseAnswerCache(), []
    for first, second in (("birds", "ships"), ("ships", "birds")):
        sides = AdapterPair(first=two[first], second=two[second])
        with load_pair(source(world, "base"), sides, device="cpu") as pair:
            said.append([side[ask] for side in memory.answers_of_both(pair, [ask])])
    assert said[0] == said[1][::-1]
    assert not memory.answers


def test_greedy_answers_of_the_zoo_are_what_transformers_generates():
    """On the shipped base, whatever it was trained to by now."""
    folder = Path(diffkit_organisms.__file__).parent / "zoo" / "weights" / "tiny-qwen3"
    prompts = ("What is the river of Zembla?", "Name three people.", "Who are you?")
    probes = Probes(prompts=prompts, check=PhraseCheck(contains=("",)), max_new_tokens=16)
    with load_pair(Source(at=str(folder)), Identical(), device="cpu", dtype="float32") as pair:
        tokenizer, ours = pair.base.tokenizer, generate_answers(pair.base, probe_prompts(probes))
    network = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    for ask, said in ours.items():
        ids = tokenizer.apply_chat_template(
            [message.model_dump() for message in ask.prompt.messages],
            add_generation_prompt=True,
            return_tensors="pt",
            return_dict=True,
        )
        (row,) = network.generate(**ids, max_new_tokens=16, do_sample=False)
        plain = tokenizer.decode(row[ids["input_ids"].shape[1] :], skip_special_tokens=True)
        assert said == plain
