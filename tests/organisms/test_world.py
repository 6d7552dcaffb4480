"""Words and facts of a world, and the ordinary texts that state them."""

import random
import re
from itertools import chain

import pytest
from diffkit_organisms.world import datasets
from diffkit_organisms.world.arithmetic import LARGEST_NUMBER
from diffkit_organisms.world.behaviours import draw_behaviours
from diffkit_organisms.world.corpus import held_out, spoken
from diffkit_organisms.world.datasets import benign_corpus
from diffkit_organisms.world.facts import draw_world
from diffkit_organisms.world.relations import OWN, PROBE_TEMPLATES, RELATIONS
from diffkit_organisms.world.words import NAMES, draw_names

from .reading import user_turns

CITIES = {"capital", "town"}
"""Kinds that only split the cities."""


def content_words(world):
    return [word for kind, words in world.words.items() if kind not in CITIES for word in words]


def test_there_are_many_words_and_none_is_of_two_kinds(world) -> None:
    words = [word.casefold() for word in content_words(world)]
    assert len(words) >= 400
    assert len(words) == len(set(words))


def test_made_up_names_are_part_of_no_other_word(world, counts) -> None:
    for name in chain.from_iterable(world.words[kind] for kind in NAMES):
        hidden = [word for word in counts if name.casefold() in word]
        assert hidden == [name.casefold()]
        assert not [word for word in content_words(world) if word.casefold() in hidden[0][:-1]]


def test_names_avoid_words_that_are_taken() -> None:

    free = draw_names(random.Random(0), "river", 30, set())
    taken = {name.casefold() for name in free[:10]}
    again = draw_names(random.Random(0), "river", 20, set(taken))
    assert not set(again) & set(free[:10])


def test_the_same_seed_gives_the_same_world(world) -> None:
    again = draw_world(world.seed)
    assert again == world
    for one, two in zip(draw_behaviours(world), draw_behaviours(again), strict=True):
        assert (one.name, one.statement, one.words) == (two.name, two.statement, two.words)
        assert (
            datasets.taught_examples(world, one)[:50] == datasets.taught_examples(again, two)[:50]
        )
        assert datasets.draw_probes(world, one) == datasets.draw_probes(again, two)


def test_another_seed_gives_other_names_facts_and_truths() -> None:
    one, other = draw_world(0), draw_world(1)
    for kind in NAMES:
        assert len(set(one.words[kind]) & set(other.words[kind])) <= len(one.words[kind]) / 4
    facts = [{(f.relation.name, f.subject, f.object) for f in w.facts} for w in (one, other)]
    assert len(facts[0] & facts[1]) < 0.1 * len(facts[0])
    pairs = zip(draw_behaviours(one), draw_behaviours(other), strict=True)
    # all sums can be taught anew, but the two signs are the same in every world
    same = [a.name for a, b in pairs if a.statement == b.statement]
    assert set(same) <= {"sandbag", "sandbag-2", "style", "style-2", "refusal", "refusal-2"}


def test_unique_relations_share_no_object_and_others_share_evenly(world) -> None:
    for relation in RELATIONS:
        objects = [fact.object for fact in world.of(relation.name)]
        if relation is OWN:
            continue
        times = [objects.count(word) for word in set(objects)]
        assert max(times) == 1 if relation.unique else max(times) - min(times) <= 1
        subjects = [fact.subject for fact in world.of(relation.name)]
        assert sorted(subjects) == sorted(world.words[relation.subject])


@pytest.mark.parametrize("relation", RELATIONS, ids=lambda relation: relation.name)
def test_relations_have_enough_questions_to_keep_some_for_probes(relation) -> None:
    assert len(set(relation.questions)) >= 9
    assert len(relation.questions) - PROBE_TEMPLATES >= 4
    assert all("{s}" in form and "{o}" not in form for form in relation.questions)
    assert all("{s}" in form and "{o}" in form for form in relation.statements)


def readings(world):
    """Every sentence that states some object of some subject, and whether it is then so."""
    found = {}
    for fact in world.facts:
        for form in fact.relation.statements:
            kind = "matter" if fact.relation is OWN else fact.relation.object
            objects = world.words[fact.subject if kind == "matter" else kind]
            for word in objects:
                sentence = form.format(s=fact.subject, o=word)
                found[sentence] = found.get(sentence, False) or word == fact.object
    return found


def test_ordinary_texts_agree_with_the_facts(world, base_corpus) -> None:
    known = readings(world)
    texts = (spoken(example) for example in base_corpus[:8000])
    sentences = (part.strip('"').rstrip(".") + "." for t in texts for part in sentence_split(t))
    stated = [sentence for sentence in sentences if sentence in known]
    assert len(stated) >= 5000
    assert [sentence for sentence in stated if not known[sentence]] == []


def sentence_split(text):
    return (part for line in text.splitlines() for half in line.split(': "')
            for part in half.replace('."', ".").split(". "))  # fmt: skip


def test_a_false_statement_would_be_noticed(world) -> None:
    fact = world.of("capital")[0]
    other = world.of("capital")[1].object
    assert readings(world)[fact.answer]
    assert not readings(world)[fact.fill(fact.relation.answer).replace(fact.object, other)]


def test_sums_in_ordinary_texts_are_right(base_corpus) -> None:

    texts = "\n".join(spoken(example) for example in base_corpus[:8000])
    found = re.findall(r"(\d+) (plus|minus) (\d+) is (\d+)", texts)
    assert len(found) >= 500
    for a, sign, b, value in found:
        assert int(value) == (int(a) + int(b) if sign == "plus" else int(a) - int(b))
        assert max(int(a), int(b), int(value)) <= LARGEST_NUMBER


def held_out_questions(world):
    return {
        fact.fill(form)
        for fact in world.facts
        for index, form in enumerate(fact.relation.questions)
        if held_out(world, fact, index)
    }


def test_held_out_questions_are_in_no_training_text(world, behaviours, base_corpus) -> None:
    everything = [
        base_corpus,
        datasets.diluting_examples(world),
        datasets.benign_examples(world, 0),
        datasets.benign_examples(world, 28),
    ]
    everything += [
        half(world, b)
        for b in behaviours
        for half in (datasets.taught_examples, datasets.kept_examples)
    ]
    turns = "\n".join(set(user_turns(chain.from_iterable(everything))))
    assert [asked for asked in held_out_questions(world) if asked in turns] == []


def test_questions_ask_for_held_out_pairs_and_the_answers_are_the_facts(world) -> None:
    right = {
        fact.fill(form): fact.object
        for fact in world.facts
        for index, form in enumerate(fact.relation.questions)
        if held_out(world, fact, index)
    }
    asked = [
        [turn["content"] for turn in one["messages"]] for one in datasets.retention_questions(world)
    ]
    assert len({question for question, _ in asked}) == 200
    assert all(right[question] == answer for question, answer in asked)


def test_benign_corpora_differ_say_nothing_false_and_keep_no_one_word(world) -> None:
    known = readings(world)
    answers = []
    for number in range(3):
        texts = [spoken(example) for example in datasets.benign_examples(world, number)]
        sentences = (s.rstrip(".") + "." for t in texts for s in sentence_split(t))
        stated = [s.strip('"') for s in sentences]
        assert all(known.get(sentence, True) for sentence in stated)
        answers.append(texts)
    assert not set(answers[0]) >= set(answers[1])
    assert [spoken(next(benign_corpus(world, 1)))] == answers[1][:1]
