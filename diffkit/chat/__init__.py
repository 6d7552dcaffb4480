"""What accompanies requests to language models, and what they may not see.

In: requests, responses and tool calls of an attempt or a grading. Out: transcripts, cached
answers, usage and costs; and texts in which identifiers are withheld.
"""
