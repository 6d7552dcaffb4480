"""Streaming moments and histograms, and jackknife standard errors."""

import math
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Moments:
    """Count, mean and spread of the values so far; float64, merged as by Chan and others."""

    count: int = 0
    """Number of values."""
    mean: float = 0.0
    """Their mean; 0 where there are none."""
    squares: float = 0.0
    """Sum of squared deviations from the mean."""

    def add(self, values: Float[Tensor, " values"]) -> "Moments":
        """With more values; the order of the batches matters only to rounding."""
        if values.numel() == 0:
            return self
        values = values.detach().double()
        mean = float(values.mean())
        return self.merge(Moments(values.numel(), mean, float((values - mean).square().sum())))

    def merge(self, other: "Moments") -> "Moments":
        """Of both sets of values together."""
        count = self.count + other.count
        if count == 0:
            return self
        step = other.mean - self.mean
        return Moments(
            count,
            self.mean + step * other.count / count,
            self.squares + other.squares + step**2 * self.count * other.count / count,
        )

    @property
    def variance(self) -> float:
        """Unbiased variance; NaN for fewer than two values."""
        return self.squares / (self.count - 1) if self.count > 1 else math.nan

    @property
    def standard_error(self) -> float:
        """Standard error of the mean, taking values as independent; NaN for fewer than two."""
        return math.sqrt(self.variance / self.count) if self.count > 1 else math.nan


def log_edges(low: float, high: float, per_decade: int) -> Float[Tensor, " edges"]:
    """Bin edges, equally wide on a logarithmic axis, from ``low`` to at least ``high``.

    Args:
        low: the lowest edge, above 0.
        high: what the highest edge reaches.
        per_decade: bins for each factor of ten.
    """
    steps = math.ceil(round(math.log10(high / low) * per_decade, 9))
    return low * 10 ** (torch.arange(steps + 1, dtype=torch.float64) / per_decade)


@dataclass(frozen=True)
class LogHistogram:
    """Counts of non-negative values in logarithmic bins, from which quantiles are read.

    A quantile is off by at most one bin: a factor of 10^(1/20), 12 %, with the default edges.
    """

    edges: Float[Tensor, " edges"] = field(default_factory=lambda: log_edges(1e-8, 1e2, 20))
    """Bin edges, in the values' unit."""
    counts: Int[Tensor, " bins"] | None = None
    """Values below the first edge (zeros too), in each bin, and from the last edge on."""

    def add(self, values: Float[Tensor, " values"]) -> "LogHistogram":
        """With more values."""
        places = torch.bucketize(values.detach().double().cpu(), self.edges, right=True)
        fresh = torch.bincount(places, minlength=len(self.edges) + 1)
        return LogHistogram(self.edges, fresh if self.counts is None else self.counts + fresh)

    @property
    def count(self) -> int:
        """Number of values."""
        return 0 if self.counts is None else int(self.counts.sum())

    def quantile(self, q: float) -> float:
        """The value that a share ``q`` of the values lies at or below; NaN where there are none.

        Values below the first edge read as 0, values from the last edge on as that edge.

        Args:
            q: from 0 to 1.
        """
        if self.counts is None or self.count == 0:
            return math.nan
        below = self.counts.cumsum(dim=0)
        rank = min(max(math.ceil(q * self.count), 1), self.count)
        place = int((below < rank).sum())
        if place == 0:
            return 0.0
        if place == len(self.edges):
            return float(self.edges[-1])
        inside = (rank - float(below[place - 1]) - 0.5) / float(self.counts[place])
        low, high = float(self.edges[place - 1]), float(self.edges[place])
        return low * math.exp(math.log(high / low) * inside)


def jackknife(
    whole: Float[Tensor, "..."],
    without: Float[Tensor, "groups ..."],
    sizes: Float[Tensor, " groups"],
) -> Float[Tensor, "..."]:
    """Standard error of an estimate by the delete-a-group jackknife, for groups of any sizes.

    For groups of one size m it is the usual √((g − 1)/g · Σ (estimate without one − their mean)²).
    Busing, Meijer and van der Leeden, *Delete-m Jackknife for Unequal m* (1999), equation 7.

    Args:
        whole: the estimate from all samples.
        without: the estimate from all samples but one group's, for each group; two or more.
        sizes: samples in each group, above 0.
    """
    sizes = sizes.double()
    shares = (sizes.sum() / sizes).reshape(-1, *[1] * whole.ndim)
    pseudo = shares * whole - (shares - 1) * without
    centre = len(sizes) * whole - ((1 - 1 / shares) * without).sum(dim=0)
    return ((pseudo - centre).square() / (shares - 1)).mean(dim=0).sqrt()
