"""The search for a prefix: allowed tokens, candidates, budget and results.

An objective, a `TokenSpace` and options go in; prefixes and their losses come out. The names below
are what an optimiser, built in or of a user, is made of; `run` runs optimisers.
"""

from diffkit_plugins.steering_prefix.search.candidates import CandidatePool, ScoredBatch
from diffkit_plugins.steering_prefix.search.local_search import LocalSearch
from diffkit_plugins.steering_prefix.search.optimiser import (
    PrefixOptimiser,
    ReadingBudget,
    SearchResult,
    SearchTask,
    TracePoint,
)
from diffkit_plugins.steering_prefix.search.proposals import (
    FirstOrderGains,
    Proposals,
    sample_prefixes,
)
from diffkit_plugins.steering_prefix.search.scorer import BestPrefix, PrefixScorer, ScoredPrefix
from diffkit_plugins.steering_prefix.search.token_space import TokenSpace

__all__ = [
    "BestPrefix",
    "CandidatePool",
    "FirstOrderGains",
    "LocalSearch",
    "PrefixOptimiser",
    "PrefixScorer",
    "Proposals",
    "ReadingBudget",
    "ScoredBatch",
    "ScoredPrefix",
    "SearchResult",
    "SearchTask",
    "TokenSpace",
    "TracePoint",
    "sample_prefixes",
]
