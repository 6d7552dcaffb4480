"""Mathematics that methods share.

In: logits and numbers, often streamed. Out: divergences, log-probabilities, moments,
histograms, standard errors and text clusters.
"""

from diffkit.maths.clusters import Cluster, text_clusters, text_distances
from diffkit.maths.divergences import (
    Divergences,
    PredictionComparison,
    compare_predictions,
    token_contributions,
    token_divergences,
    token_log_probabilities,
)
from diffkit.maths.moments import LogHistogram, Moments, jackknife, log_edges
from diffkit.maths.objectives import DIVERGENCES, Divergence, divergence
from diffkit.maths.vectors import VectorMoments

__all__ = [
    "DIVERGENCES",
    "Cluster",
    "Divergence",
    "Divergences",
    "LogHistogram",
    "Moments",
    "PredictionComparison",
    "VectorMoments",
    "compare_predictions",
    "divergence",
    "jackknife",
    "log_edges",
    "text_clusters",
    "text_distances",
    "token_contributions",
    "token_divergences",
    "token_log_probabilities",
]
