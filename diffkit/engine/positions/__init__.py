"""Which part of a text each token belongs to: a message, the chat template, or a document.

Texts and a tokenizer go in; labels come out, one for each token.
"""
