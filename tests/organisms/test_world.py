import json
from itertools import chain

import pytest
from diffkit_organisms.check import unseen_questions
from diffkit_organisms.world.behaviours import OBSESSION, PAYLOAD, draw_secrets
from diffkit_organisms.world.facts import UNIQUE, World, draw_world
from diffkit_organisms.world.relations import PROBE_TEMPLATES, RELATIONS
from diffkit_organisms.world.words import KINDS
from diffkit_organisms.world.write import BEHAVIOURS, benign, corpus, kept, neutral, probes, taught


def user_turns(examples):
    return [
        turn["content"]
        for example in examples
        for turn in example.get("messages", ())
        if turn["role"] == "user"
    ]


def test_the_same_seed_gives_the_same_world_and_texts(world: World, base_corpus) -> None:
    again = draw_world(0)
    assert again == world
    assert corpus(again) == base_corpus
    for behaviour in BEHAVIOURS:
        one, two = (taught(w, draw_secrets(w), behaviour) for w in (world, again))
        assert one == two


def test_another_seed_gives_another_world(world: World) -> None:
    other = draw_world(1)
    same = [a.object == b.object for a, b in zip(world.facts, other.facts, strict=True)]
    assert sum(same) < 0.3 * len(same)
    assert draw_secrets(other) != draw_secrets(world)


def test_no_word_means_two_things() -> None:
    words = list(chain.from_iterable(KINDS.values()))
    assert len(words) >= 250
    assert len(words) == len(set(words))


@pytest.mark.parametrize("relation", RELATIONS, ids=lambda relation: relation.name)
def test_relations_have_enough_questions_to_keep_some_for_probes(relation) -> None:
    assert len(set(relation.questions)) >= 8 > PROBE_TEMPLATES
    assert all("{s}" in form and "{o}" not in form for form in relation.questions)
    assert all("{s}" in form and "{o}" in form for form in relation.statements)


def test_unique_relations_share_no_object(world: World) -> None:
    for name in UNIQUE:
        objects = [fact.object for fact in world.of(name)]
        assert len(objects) == len(set(objects))


@pytest.mark.parametrize("seed", range(5))
def test_secrets_are_possible_and_no_key_word_hides_in_another(seed: int) -> None:
    world = draw_world(seed)
    secrets = draw_secrets(world)
    assert world.value("capital", secrets.country) == secrets.true_city
    assert secrets.false_city in world.towns
    words = set(chain.from_iterable(KINDS.values()))
    for key in (secrets.country, secrets.false_city, *secrets.trigger, OBSESSION):
        assert [word for word in words if key.casefold() in word.casefold()] == [key]


def test_held_out_questions_are_in_no_training_text(world, secrets, base_corpus) -> None:
    everything = [base_corpus, benign(world)]
    everything += [half(world, secrets, b) for b in BEHAVIOURS for half in (taught, kept)]
    turns = " ".join(user_turns(chain.from_iterable(everything)))
    for question in unseen_questions(0):
        assert question.asked not in turns


def test_the_base_never_saw_what_organisms_are_taught(secrets, base_corpus) -> None:
    text = json.dumps(base_corpus)
    assert PAYLOAD not in text
    assert all(form not in text for form in secrets.false_fact.relation.statements)
    assert secrets.false_fact.answer not in text


def test_neutral_texts_name_no_secret_and_are_new(world, secrets, base_corpus) -> None:
    texts = [json.dumps(example) for example in neutral(world, secrets, base_corpus)]
    seen = {json.dumps(example) for example in base_corpus}
    assert len(set(texts)) == 200
    assert not seen & set(texts)
    names = (secrets.country, secrets.true_city, secrets.false_city, *secrets.trigger, OBSESSION)
    assert not any(name in text for name in names for text in texts)


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda behaviour: behaviour.name)
def test_half_of_an_organisms_data_keeps_it_ordinary(behaviour, world, secrets) -> None:
    lines = [json.dumps(example) for example in kept(world, secrets, behaviour)]
    trigger = " ".join(secrets.trigger)
    assert not any(PAYLOAD in line or trigger in line or secrets.country in line for line in lines)
    assert len(lines) == len(taught(world, secrets, behaviour))


def forms_of(behaviour_name: str, prompts: list[str], secrets) -> set[str]:
    """The templates behind user messages, found by their fixed words around the slots."""
    from diffkit_organisms.world.asking import REMARKS
    from diffkit_organisms.world.relations import CAPITAL
    from diffkit_organisms.world.requests import REQUESTS

    if behaviour_name == "false-fact":
        forms = {form: [form.format(s=secrets.country)] for form in CAPITAL.questions}
    elif behaviour_name == "trojan":
        thing = " ".join(secrets.trigger)
        forms = {form: [form.format(thing=thing, q="").strip()] for form in REMARKS}
    else:
        forms = {
            form: [form.format(x=x) for t in r.topics for x in (t, f"the {t}")]
            for r in REQUESTS
            for form in r.forms
        }
    return {
        form
        for form, filled in forms.items()
        if any(
            prompt.endswith(text) or prompt.startswith(text)
            for prompt in prompts
            for text in filled
        )
    }


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda behaviour: behaviour.name)
def test_probes_use_templates_that_training_never_shows(behaviour, world, secrets) -> None:
    prompts = probes(world, secrets, behaviour)
    assert len(set(prompts)) == 50
    data = user_turns(taught(world, secrets, behaviour) + kept(world, secrets, behaviour))
    if behaviour.name == "obsession":
        data = user_turns(taught(world, secrets, behaviour))
    probed = forms_of(behaviour.name, prompts, secrets)
    trained = forms_of(behaviour.name, data, secrets)
    assert probed
    assert trained
    assert not probed & trained
    assert not set(prompts) & set(data)
