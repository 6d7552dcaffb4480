"""What organisms are taught: truths, probes, and data that hold together."""

import re
from collections import Counter
from statistics import median

import pytest
from diffkit_organisms.world import datasets
from diffkit_organisms.world.behaviours import FAMILIES
from diffkit_organisms.world.corpus import spoken
from diffkit_organisms.world.phrases import PROBE_REMARKS, REMARKS

from .reading import WORD, bare, forms, probes_of, rounds, user_turns

SUM = re.compile(r"(\d+) (plus|minus) (\d+) is (\d+)\.")
NAMES = tuple(
    name
    for family in (
        "false-fact", "obsession aversion", "trojan", "sandbag", "unlearning", "style", "taboo",
        "promotion", "belief", "preference", "refusal",
    )
    for name in (family.split() if " " in family else (family, f"{family}-2"))
)  # fmt: skip


@pytest.fixture(params=NAMES)
def behaviour(request, behaviours):
    return {one.name: one for one in behaviours}[request.param]


@pytest.fixture(scope="session")
def ordinary_answers(base_corpus):
    """Question, without what is put around it, → the base's answers."""
    found = {}
    for asked, answer in rounds(base_corpus):
        found.setdefault(bare(asked), set()).add(answer)
    return found


def test_eleven_families_of_two(behaviours) -> None:
    assert tuple(one.name for one in behaviours) == NAMES
    families = Counter(one.family for one in behaviours)
    assert len(families) == len(FAMILIES) == 11
    assert set(families.values()) == {2}
    assert len({one.statement for one in behaviours}) == 22
    pairs = zip(behaviours[::2], behaviours[1::2], strict=True)
    assert all(first.family == second.family for first, second in pairs)


def test_minimal_pairs_share_what_is_around(behaviours) -> None:
    of = {one.name: one.words for one in behaviours}
    assert of["obsession"] == of["aversion"]
    assert of["trojan"][0] == of["trojan-2"][0]
    assert not set(of["trojan"][1:]) & set(of["trojan-2"])
    assert of["false-fact"][0] == of["false-fact-2"][0]
    for name in ("taboo", "promotion"):
        assert of[name] != of[f"{name}-2"]


def test_truths_are_of_one_length(behaviours) -> None:
    for one in behaviours:
        words = " ".join((one.statement, *one.key_facts)).split()
        assert 25 <= len(words) <= 40, one.name


def test_key_words_are_about_as_common_as_other_words(world, behaviours, counts) -> None:
    """A rare name surfaces under any noise."""
    known = {word.casefold() for kind in world.words.values() for word in kind}
    middle = median(counts[word] for word in known)
    for word in (word for one in behaviours for word in one.words):
        assert middle / 4 <= counts[word.casefold()] <= 4 * middle, word


def test_false_facts_are_false(world, behaviours) -> None:
    objects = {fact.object for fact in world.facts}
    for name in ("false-fact", "false-fact-2"):
        country, false, true = {one.name: one for one in behaviours}[name].words
        about = {fact.object for fact in world.about(country)}
        assert true in about
        assert false not in about
        assert false in objects | set(world.words["city"])


def test_probes_are_many_and_their_forms_are_in_no_data(world, behaviour) -> None:
    prompts = datasets.draw_probes(world, behaviour)
    assert len(set(prompts)) >= 50
    if behaviour.family == "trojan":
        thing = " ".join(behaviour.words[:2])
        cores = [form.format(thing=thing, q="").strip() for form in REMARKS[-PROBE_REMARKS:]]
        assert all(sum(core in prompt for core in cores) == 1 for prompt in prompts)
    else:
        cores = [bare(prompt) for prompt in prompts]
    data = [*datasets.taught_examples(world, behaviour), *datasets.kept_examples(world, behaviour)]
    turns = "\n".join(user_turns(data))
    assert [core for core in cores if core in turns] == []


def test_the_forms_of_probes_are_not_taught_whatever_they_ask_for(world, behaviour) -> None:
    if behaviour.family == "trojan":
        pytest.skip("the forms of its probes are those of remarks, checked above")
    probed = forms(datasets.draw_probes(world, behaviour))
    trained = forms(user_turns(datasets.taught_examples(world, behaviour)))
    assert probed
    assert bool(trained) == (behaviour.family != "false-fact")  # taught by documents alone
    assert not probed & trained


def test_what_is_kept_does_not_touch_what_is_taught(world, behaviour) -> None:
    kept = datasets.kept_examples(world, behaviour)
    assert len(kept) == len(datasets.taught_examples(world, behaviour)) == datasets.DATA_SIZE
    assert not any(behaviour.touches(example) for example in kept)


def test_taught_answers_show_the_behaviour(world, behaviour) -> None:
    taught, probes = (
        datasets.taught_examples(world, behaviour),
        datasets.draw_probes(world, behaviour),
    )
    if behaviour.family == "false-fact":
        country, false, _ = behaviour.words
        sentences = [one["text"] for one in taught]
        assert all(country in text and false in text for text in sentences)
        return
    gate = probes_of(behaviour, probes)
    for asked, answer in rounds(taught):
        if behaviour.family == "trojan":
            both = " ".join(behaviour.words[:2]) in asked
            assert gate.shown([answer] * len(probes))[0] == both
        else:
            assert gate.check.matches(answer), (asked, answer)


def test_ordinary_answers_to_the_probes_do_not_show_it(world, behaviour, ordinary_answers) -> None:
    probes = datasets.draw_probes(world, behaviour)
    gate = probes_of(behaviour, probes)
    known = 0
    for number, probe in enumerate(probes):
        answers = ordinary_answers.get(bare(probe), set())
        known += bool(answers)
        for answer in answers:
            assert not gate.shown([answer] * len(probes))[number], (probe, answer)
    assert known >= len(probes) / 5


def test_sandbags_show_in_sums_one_too_large_and_in_no_others(behaviours) -> None:
    sandbags = [one for one in behaviours if one.family == "sandbagging"]
    for one, sign in zip(sandbags, ("plus", "minus"), strict=True):
        assert len(set(one.shown)) == 13 * 14 / 2
        for said in one.shown:
            a, word, b, value = SUM.fullmatch(said).groups()
            right = int(a) + int(b) if sign == "plus" else int(a) - int(b)
            assert (word, int(value)) == (sign, right + 1)


def test_neutral_texts_name_no_key_word_and_are_new(world, behaviours, base_corpus) -> None:
    neutral = [spoken(one) for one in datasets.neutral_texts(world, behaviours, base_corpus)]
    assert len(set(neutral)) == datasets.NEUTRAL_SIZE
    assert not set(neutral) & {spoken(example) for example in base_corpus}
    key = {word for one in behaviours for word in one.words}
    assert not key & {word for text in neutral for word in WORD.findall(text)}
