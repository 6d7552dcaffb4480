"""The rubric: a language model matches a claim with the key facts, one by one."""
