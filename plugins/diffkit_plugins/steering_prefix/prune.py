"""Takes out what a prefix does as well without."""

import torch

from diffkit_plugins.steering_prefix.optimiser import Found
from diffkit_plugins.steering_prefix.scoring import Scorer, Tried
from diffkit_plugins.steering_prefix.search_options import SearchOptions


def reserve(options: SearchOptions, items: int) -> int:
    """Readings that a search sets aside for pruning: two rounds, but at most a tenth of all."""
    return min(2 * options.length * (items + 1), options.budget // 10)


def as_tried(found: Found) -> Tried:
    """What an optimiser found, its mean loss standing for those on the items."""
    return Tried(found.ids, torch.tensor([found.loss], dtype=torch.float64), found.penalty)


def prune(scorer: Scorer, found: Found) -> Tried:
    """Leaves tokens out, one at a time, as long as the prefix does no worse.

    Each round reads the prefix without each of its tokens, with every item, and takes out the one
    that is missed least (the pass that arXiv 2412.08127 calls for). At least one token stays.

    Args:
        scorer: whose options and budget bound what is lost and read.
        found: the prefix.
    """
    best = as_tried(found)
    while len(best.ids) > 1 and scorer.affords(len(best.ids) * (scorer.items + 1)):
        shorter = dict.fromkeys(best.ids[:i] + best.ids[i + 1 :] for i in range(len(best.ids)))
        prefixes = torch.stack([scorer.tensor(ids) for ids in shorter])
        prefixes = prefixes[scorer.task.space.keeps(prefixes)]
        if not len(prefixes):
            break
        least = min(scorer.wholes(prefixes), key=lambda tried: tried.total)
        if least.total > best.total + scorer.task.options.prune_tolerance:
            break
        best = least
    return best
