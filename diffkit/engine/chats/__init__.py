"""Chats and chat templates.

In: a tokenizer and the turns of a chat. Out: the chat as its template writes it, the same on every
day, or an error that names the chat and why the template refuses it.
"""
