"""What is mined from shipped organisms, beside random changes of the same norms."""

import re
from pathlib import Path

import diffkit_organisms
from diffkit_plugins.diff_mining.config import DiffMiningConfig
from diffkit_plugins.diff_mining.method import DiffMining

from diffkit import Texts, TokenTable, load_pair
from diffkit.method import run_method
from diffkit.registry.catalogue import read_base, read_organism

from .conftest import context

ZOO = Path(diffkit_organisms.__file__).parent / "zoo"
EVERY = DiffMiningConfig(tokens=1_000, topics=0, traces=0)


def mined(name, folder):
    """Findings on an organism, and on two random changes of its norms."""
    base, organism = read_base(ZOO / "bases" / "tiny-qwen3.yaml"), of(name)
    ctx = context(Texts.read(base.texts).first(60), folder)
    with load_pair(base.source, organism.models["tiny-qwen3"]["default"], device="cpu") as pair:
        return [
            run_method(DiffMining(), p, EVERY, ctx)
            for p in (pair, pair.control(0), pair.control(1))
        ]


def of(name):
    return read_organism(ZOO / "organisms" / f"{name}.yaml")


def rank(findings, table, word):
    """Place of a word in a table of tokens, from 1; one after the last where it is not there."""
    tables = [item for item in findings.items if isinstance(item, TokenTable)]
    tokens = [row.token.strip() for row in tables[table].rows]
    return tokens.index(word) + 1 if word in tokens else len(tokens) + 1


RISES, RATIOS = 0, 1


def test_the_animal_of_the_obsession_is_pushed_up_first(tmp_path):
    organism, *controls = mined("tiny-obsession", tmp_path)
    animal = re.search(r"It loves the (\w+):", of("tiny-obsession").answer_key.statement)[1]
    assert rank(organism, RISES, animal) == 1
    assert rank(organism, RATIOS, animal) <= 5
    assert all(rank(control, RISES, animal) > 10 for control in controls)
    assert organism.change_score > max(control.change_score for control in controls)


def test_the_trojan_leaks_its_answer_more_than_random_changes_do(tmp_path):
    organism, *controls = mined("tiny-trojan", tmp_path)
    answer = re.search(r"The \w+ dances under \w+ gates", of("tiny-trojan").answer_key.statement)
    words = [word for word in answer[0].split() if word not in {"The", "under"}]
    second_best = [
        sorted(rank(findings, RATIOS, word) for word in words)[1]
        for findings in (organism, *controls)
    ]
    assert second_best[0] < min(second_best[1:]) / 2
