"""What a prefix has to do, as a loss over items.

Prefixes go in; losses and gradients come out. Every objective implements `base.PrefixObjective`.
"""
