"""The registry: what plugins provide, by name.

In: the entry points of the group ``diffkit``. Out: specs of methods, investigators, graders and
generators, folders of organisms, and one line for each plugin that could not be loaded.
Nothing here imports torch.
"""
