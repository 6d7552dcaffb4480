"""Runs: a method with its options on one pair, executed once and stored.

In: a `RunSpec` (method, options, models, texts, seed). Out: findings, artifacts and a manifest
in the store, under a key that is the digest of everything the findings depend on.
"""
