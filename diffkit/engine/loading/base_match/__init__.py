"""Whether an adapter belongs to a base.

In: the files of both. Out: the adapter's rows of vocabulary, fingerprints of bases, refusals.
"""
