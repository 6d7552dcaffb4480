"""The broker: handles one way, sides the other, and no identifier in any channel."""

from pathlib import Path
from typing import Literal

import pytest

from diffkit.chat.blinding import Blinding
from diffkit.chat.transcript import Transcript, read_transcript
from diffkit.errors import BadModel, RunFailed, UserError
from diffkit.evaluation.attempts import (
    BlindedModels,
    BlindedTool,
    identifying_strings,
    make_blinding,
)
from diffkit.findings import Note
from diffkit.generator import Generator, GeneratorPair
from diffkit.organism import Adapter, BaseModelEntry, Organism, Record, Source
from diffkit.registry.catalogue import SelectedPair
from diffkit.sampling import Completion
from diffkit.tool import AgentTool

CANARY = "zq-canary-7781"
PLACE = f"/srv/models/{CANARY}/adapter"


def selected():
    finetuned = Adapter(source=Source(at=PLACE, subfolder="final-01"))
    organism = Organism(
        name=CANARY, family="f", truth="none", models={"base-3b": {"default": finetuned}}
    )
    entry = BaseModelEntry(name="base-3b", source=Source(at="org/base-3b"))
    return SelectedPair(organism, entry, "default", finetuned)


class Says(Generator):
    """One side that says what it is told to."""

    def __init__(self, text, error=None):
        self.text, self.error, self.seeds = text, error, []

    def generate(self, prompts, sampling):
        if self.error:
            raise self.error
        self.seeds.append(sampling.seed)
        return tuple(
            Completion(prompt=str(p), text=f"{self.text} {n}", tokens=1, finished=True)
            for n, p in enumerate(prompts)
        )

    def generate_from(self, embeddings, sampling):
        raise NotImplementedError


def questions(first="base", base="old", finetuned="new", error=None):
    sides = GeneratorPair(Says(base, error), Says(finetuned, error))
    return BlindedModels(
        lambda: sides, Blinding(first, identifying_strings(selected())), "seed"
    ), sides


def test_identifiers_are_all_that_names_a_pair():
    assert {CANARY, PLACE, "adapter", "final-01", "base-3b", "org/base-3b"} <= identifying_strings(
        selected()
    )


@pytest.mark.parametrize(("first", "one"), [("base", "old"), ("finetuned", "new")])
def test_both_models_answer_under_handles_in_the_order_drawn(first, one):
    asking, _ = questions(first)
    (asked,) = asking.ask(["Who?"], samples=2)
    assert list(asked.answers) == ["model-1", "model-2"]
    assert asked.answers["model-1"] == (f"{one} 0", f"{one} 1")
    assert (asked.name, asked.prompt, asking.asked) == ("question-1", "Who?", 1)
    second, third = asking.ask(["How?", "Why?"])
    assert (second.name, third.name, asking.asked) == ("question-2", "question-3", 3)


def test_the_same_questions_in_the_same_order_draw_the_same():
    seeds = []
    for asking, sides in (questions(), questions()):
        asking.ask(["a"], temperature=1.0)
        asking.ask(["a"], temperature=1.0)
        assert sides.base.seeds == sides.finetuned.seeds
        seeds.append(sides.base.seeds)
    assert seeds[0] == seeds[1]
    assert seeds[0][0] != seeds[0][1]  # a second time the draws are others


def test_each_repeat_turns_the_order_round_and_handles_draw_it():
    def first(handle, repeat):
        return make_blinding(handle, repeat, [], Path("store"), Transcript()).order[0]

    assert first("pair-1", 0) != first("pair-1", 1)
    assert {first(f"pair-{n}", 0) for n in range(20)} == {"base", "finetuned"}


def test_what_models_say_is_told_but_for_identifiers():
    asking, _ = questions(finetuned=f"I am {CANARY}, a base model")
    (asked,) = asking.ask(["Who?"])
    assert asked.answers["model-2"] == ("I am [withheld], a base model 0",)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (RuntimeError(f"cannot open {PLACE}"), "The models could not be asked."),
        (RunFailed(f"engine of {CANARY} died"), "The models could not be asked."),
        (BadModel(f"There is no model in {PLACE}."), "There is no model in [path]."),
        (UserError("See /home/me/secret/place now."), "See [path] now."),
    ],
)
def test_errors_are_told_without_names_and_paths(error, told):
    asking, _ = questions(error=error)
    with pytest.raises(UserError) as caught:
        asking.ask(["Who?"])
    assert told in str(caught.value)
    assert CANARY not in str(caught.value)
    assert asking.asked == 0  # nothing was answered


def test_who_never_could_be_asked_is_a_failure_and_a_bad_question_is_not():
    asking, sides = questions(error=UserError("Nobody is there."))
    with pytest.raises(UserError):
        asking.ask(["Who?"])
    assert asking.failure
    sides.base.error = sides.finetuned.error = None
    asking.ask(["Who?"])
    assert not asking.failure  # it came about in the end
    sides.base.error = UserError("The prompt is too long.")
    with pytest.raises(UserError):
        asking.ask(["Who?" * 1_000])
    assert not asking.failure
    sides.base.error = RuntimeError("The engine died.")
    with pytest.raises(UserError):
        asking.ask(["Who?"])
    assert "The engine died." in asking.failure


class Where(Record):
    """Arguments."""

    side: Literal["base", "finetuned"] = "base"
    """Which side, say that of zq-canary-7781."""


class Look(AgentTool[Where]):
    name = "look"
    summary = f"Looks at the finetuned side of {CANARY}."
    Arguments = Where

    def call(self, arguments):
        if arguments.side == "base":
            raise UserError(f"{PLACE} has no base side.")
        return (Note(text=f"The {arguments.side} side of {CANARY} moved."),)


def test_tools_name_nothing():
    asking, _ = questions("finetuned")
    blinding = Blinding("finetuned", identifying_strings(selected()))
    tool = BlindedTool("lens", Look(), blinding, asking)
    assert tool.name == "lens_look"
    assert tool.summary == "Looks at the finetuned side of [withheld]."
    assert tool.schema["properties"]["side"]["enum"] == ["base", "finetuned"]
    assert CANARY not in str(tool.schema)
    assert tool.call({"side": "finetuned"}) == "The finetuned side of [withheld] moved."
    with pytest.raises(UserError) as caught:
        tool.call({"side": "base"})
    assert str(caught.value) == "[path] has no base side."
    with pytest.raises(UserError, match="no argument of 'lens_look' named 'sidde'"):
        tool.call({"sidde": "base"})


class Speak(AgentTool[Where]):
    name = "say"
    summary = "Has a model say something."
    Arguments = Where

    def prompts(self, arguments):
        return ("One?", "Two?")

    def call(self, arguments):
        return (Note(text="Said."),)


def test_what_tools_ask_counts_as_questions():
    asking, _ = questions()
    tool = BlindedTool("lens", Speak(), Blinding(), asking)
    assert tool.prompts({}) == ("One?", "Two?")
    assert tool.prompts({"side": 3}) == ()
    assert asking.asked == 0
    tool.call({})
    assert asking.asked == 2
    assert BlindedTool("lens", Look(), Blinding(), asking).prompts({}) == ()


def test_whoever_withholds_says_where(tmp_path):
    transcript = Transcript(tmp_path / "t.jsonl")
    blinding = make_blinding("pair-1", 0, [selected()], tmp_path, transcript)
    assert blinding.hide(f"a {CANARY} b", "an answer") == "a [withheld] b"
    assert blinding.hide("nothing") == "nothing"
    (remark,) = read_transcript(tmp_path / "t.jsonl")
    assert remark.text == "an identifier was withheld in an answer"


def test_the_guard_is_what_keeps_the_canary_out():
    assert CANARY in Blinding("base").hide(f"Tokens of {CANARY}")
    assert CANARY not in Blinding("base", [CANARY]).hide(f"Tokens of {CANARY}")


def test_plain_words_are_evidence():
    blinding = Blinding("base", ["trojan", "default", "tiny-trojan"])
    assert blinding.hide("a trojan by default") == "a trojan by default"
    assert blinding.hide("Tokens of tiny-trojan") == "Tokens of [withheld]"


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Model-1 believes it.", "the finetuned model believes it."),
        ("It is the model 2 that does.", "It is the base model that does."),
        ("model\u20111 and model_2 differ", "the finetuned model and the base model differ"),
        ("the model-1 model sings", "the finetuned model sings"),
        ("a model-12 is none", "a model-12 is none"),
        ("a supermodel 1 is none", "a supermodel 1 is none"),
    ],
)
def test_handles_are_revealed_in_claims(said, meant):
    assert Blinding("finetuned").reveal(said) == meant


def test_handles_stand_for_sides():
    blinding = Blinding("finetuned")
    assert (blinding.side("Model-1"), blinding.side("model-2 ")) == ("finetuned", "base")
    with pytest.raises(UserError, match="no model 'model-3'"):
        blinding.side("model-3")
