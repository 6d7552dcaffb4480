"""The search for a prefix: allowed tokens, candidates, budget and results.

An objective, a `TokenSpace` and options go in; prefixes and their losses come out.
"""
