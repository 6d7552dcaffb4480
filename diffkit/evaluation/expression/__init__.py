"""Expression: whether organisms show the behaviour that they were trained for.

Takes organisms with probes. Gives the share of probes that show the behaviour on both sides, and
refuses organisms that fail.
"""
