"""The findings of soft-prompt-kl.

Takes the measurements of `diffkit_plugins.soft_prompt_kl.evaluation`. Gives tables, samples,
traces, curves and figures.
"""
