"""Training of soft prompts.

Takes a pair of models, the options and the data. Gives `TrainedPrompts`: the prompts with their
held-out evaluations.
"""
