"""Prompts with room for a prefix, and completions of them.

Texts and a tokenizer go in; token ids of prompts, and completions of a reference, come out.
"""
