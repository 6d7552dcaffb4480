"""Analysis that several methods share: ``from diffkit.analysis import token_table``.

Takes a `ModelPair`, logits, texts or scores. Gives tables, traces, clusters, prompts and statistics
that a method puts into its findings.
"""

from diffkit.analysis.batches import batches_by_length, batches_of_texts
from diffkit.analysis.clusters import (
    ScoredCluster,
    cluster_texts,
    indices_by_score,
    rank_clusters,
)
from diffkit.analysis.plausible_tokens import PlausibleTokens
from diffkit.analysis.positions import SelectedPositions
from diffkit.analysis.prediction_chunks import (
    PredictionChunk,
    prediction_chunks,
    target_log_probabilities,
)
from diffkit.analysis.predictions import (
    ContinuationBatch,
    common_log_probabilities,
    common_probabilities,
    mean_kl,
)
from diffkit.analysis.prompts import user_turn
from diffkit.analysis.schedules import warmup_cosine
from diffkit.analysis.token_findings import (
    token_table,
    top_positive,
    top_tokens,
    trace_tokens,
)
from diffkit.analysis.token_texts import token_text, token_texts, word_in_text
from diffkit.analysis.word_excess import (
    WORD,
    ScoreExcess,
    WordExcess,
    score_excess,
    word_concentration,
    words_by_excess,
)

__all__ = [
    "WORD",
    "ContinuationBatch",
    "PlausibleTokens",
    "PredictionChunk",
    "ScoreExcess",
    "ScoredCluster",
    "SelectedPositions",
    "WordExcess",
    "batches_by_length",
    "batches_of_texts",
    "cluster_texts",
    "common_log_probabilities",
    "common_probabilities",
    "indices_by_score",
    "mean_kl",
    "prediction_chunks",
    "rank_clusters",
    "score_excess",
    "target_log_probabilities",
    "token_table",
    "token_text",
    "token_texts",
    "top_positive",
    "top_tokens",
    "trace_tokens",
    "user_turn",
    "warmup_cosine",
    "word_concentration",
    "word_in_text",
    "words_by_excess",
]
