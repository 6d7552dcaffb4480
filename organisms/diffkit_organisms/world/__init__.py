"""The templated world that the tiny zoo lives in, drawn from a seed."""
