import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffkit.maths import text_clusters, text_distances

STARS = ["The star dances under four gates.", "A star dances under gates.", "the STAR danced"]
BREAD = ["The baker sells bread in the morning.", "Each morning bakers sell bread."]


def members(texts, **options):
    return [cluster.members for cluster in text_clusters(texts, **options)]


def test_texts_that_share_words_or_word_forms_are_together_the_larger_cluster_first():
    assert members([STARS[0], BREAD[0], STARS[1], BREAD[1], STARS[2]]) == [(0, 2, 4), (1, 3)]


def test_the_medoid_has_the_least_mean_distance_to_its_cluster():
    texts = ["red apple", "red apple tree", "red apple tree house"]
    (cluster,) = text_clusters(texts, threshold=0.9)
    assert texts[cluster.medoid] == "red apple tree"


def test_one_text_is_a_cluster_and_no_text_is_none():
    (cluster,) = text_clusters(["alone"])
    assert (cluster.members, cluster.medoid) == ((0,), 0)
    assert text_clusters([]) == ()


def test_equal_texts_are_together_at_any_threshold_and_the_first_is_typical():
    (cluster, other) = text_clusters(["x y", "zoo", "x y", "x y"], threshold=0.0)
    assert (cluster.members, cluster.medoid, len(cluster)) == ((0, 2, 3), 0, 3)
    assert other.members == (1,)


@pytest.mark.parametrize("blank", [["", " ", "\n\t"], ["", "", ""]])
def test_blank_texts_are_a_cluster_of_their_own(blank):
    assert members(blank) == [(0, 1, 2)]
    assert members([*blank, "word"]) == [(0, 1, 2), (3,)]


def test_punctuation_single_letters_and_scripts_without_spaces_have_pieces_too():
    texts = ["!!!!", "a", "港口琥珀是首都", "!!!!", "a", "琥珀是首都"]
    assert members(texts) == [(0, 3), (1, 4), (2, 5)]


def test_what_shares_nothing_is_never_joined():
    assert members(["apple", "quince", "melon"], threshold=0.999) == [(0,), (1,), (2,)]


def test_distances_are_symmetric_and_between_equal_and_nothing_in_common():
    found = text_distances(["apple pie", "apples", "apple pie", "rhubarb", ""])
    assert (found == found.T).all()
    assert (found.diagonal() == 0).all()
    assert found[0, 2] == 0
    assert 0 < found[0, 1] < 1
    assert (found[3, [0, 1, 2, 4]] == 1).all()


def test_what_is_rare_among_the_texts_weighs_more():
    texts = ["the lizard", "the bread", "the lizard sleeps", "the bread rises", "the", "the"]
    found = text_distances(texts)
    assert found[0, 2] < found[0, 4]


def test_a_higher_threshold_joins_more():
    texts = [*STARS, *BREAD, "The star sells bread."]
    counts = [len(members(texts, threshold=t)) for t in (0.0, 0.5, 0.8, 1.0)]
    assert counts == sorted(counts, reverse=True)
    assert (counts[0], counts[-1]) == (len(texts), 1)


@given(st.lists(st.text(alphabet="ab c!\n", max_size=6), max_size=8), st.floats(0, 0.99))
@settings(max_examples=60, deadline=None)
def test_every_text_is_in_one_cluster_that_holds_its_medoid(texts, threshold):
    found = text_clusters(texts, threshold=threshold)
    assert sorted(place for c in found for place in c.members) == list(range(len(texts)))
    assert all(c.medoid in c.members for c in found)
    assert found == text_clusters(texts, threshold=threshold)
    for one in range(len(texts)):
        for other in range(one):
            if texts[one] == texts[other]:
                assert any({one, other} <= set(c.members) for c in found)
