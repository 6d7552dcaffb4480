"""Nulls for an organism of one's own: random changes, benign finetunings, and further seeds.

Takes a finetuning, its base, and for trained nulls its recipe. Gives a folder of organisms whose
truth class is ``unspecific``, which suites calibrate on, with the norm and the KL of each.
"""
