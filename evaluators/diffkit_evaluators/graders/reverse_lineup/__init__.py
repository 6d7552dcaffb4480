"""The reverse lineup: given a claim alone, which of the truths does a blind grader pick."""
