"""Calibration: scores of nulls, against which scores of pairs under test are compared.

Takes the runs of calibration nulls, or shipped tables of them. Gives the null scores of each
method, base and seed, and the detection test of each attempt.
"""
