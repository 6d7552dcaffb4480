"""What every forward pass of a network goes through.

Inputs go in as token ids or embeddings that fit the network (its vocabulary rows, its learned
positions); outputs come out as finite numbers, and those of a row never depend on other rows.
"""
