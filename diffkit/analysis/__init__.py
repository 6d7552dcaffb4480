"""Analysis that several methods share.

In: a `ModelPair`, logits, texts or scores. Out: tables, traces, prompts and statistics that a
method puts into its findings.
"""
