"""What finetuning changed in the weights.

In: two loaded models of one architecture. Out: a `WeightDelta` for each changed weight, and
random changes of the same norms.
"""
