from diffkit.analysis import cluster_texts, indices_by_score, rank_clusters
from diffkit.maths import Cluster

TEXTS = ["the quick lizard", "an apple", "the quick lizard", "a brick", "an apple"]


def test_clusters_have_indices_of_all_texts():
    found = cluster_texts(TEXTS, [4, 1, 3])
    assert found == (Cluster((4, 1), 4), Cluster((3,), 3))
    assert cluster_texts(TEXTS, []) == ()


def test_the_largest_sum_comes_first():
    scores = [1.0, 0.75, 1.0, 5.0, 0.75]
    ranked = rank_clusters(cluster_texts(TEXTS, range(5)), scores)
    assert [one.total for one in ranked] == [5.0, 2.0, 1.5]
    assert ranked[1].cluster.members == (0, 2)


def test_of_equal_sums_the_earlier_members_come_first():
    clusters = (Cluster((2, 3), 2), Cluster((0,), 0))
    assert [one.cluster for one in rank_clusters(clusters, [2.0, 0.0, 1.0, 1.0])] == [
        clusters[1],
        clusters[0],
    ]


def test_of_equal_scores_the_earlier_index_comes_first():
    assert indices_by_score([1.0, 3.0, 1.0, 3.0], 3) == [1, 3, 0]
