"""Loading of models, adapters and tokenizers.

In: a `Source` of the base and a description of the finetuned side. Out: a `Model` or a
`ModelPair`, or an error that says why the two do not belong together. Content hashes of model
folders are computed here, without torch.
"""
