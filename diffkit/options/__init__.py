"""Options: parsing, validation, and the option types that name files or code.

In: ``key=value`` strings, YAML files and a `MethodConfig` class. Out: validated options, or an
error that names the option, and the file and line where it was given.
"""
