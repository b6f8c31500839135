"""Quality of a representation: standard deviation, effective rank and linear probe of jet embeddings."""

import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

NOISE_FLOOR = 1e-3
"""Fraction of the embeddings' length, above the rounding errors of bfloat16.

These are about 1e-3 / sqrt(D) of the length in each direction.
"""


@torch.no_grad()
def effective_rank(embedding: Tensor) -> Tensor:
    """Compute the effective rank of `embedding` (N, D), a scalar between 1 and D.

    It is the exponential of the entropy of the normalised singular values, after removing the mean [Roy & Vetterli,
    EUSIPCO 2007; RankMe 2210.02885].

    Directions with a standard deviation below `NOISE_FLOOR` of the embeddings' length do not count. A collapsed
    encoder, whose embeddings are all equal up to rounding errors, therefore has rank 1.
    """
    x = embedding.double()
    centred = x - x.mean(dim=0)
    covariance = centred.T @ centred / len(x)
    singular = torch.linalg.eigvalsh(covariance).clamp(min=0).sqrt()
    singular = singular * (singular > NOISE_FLOOR * x.square().sum(dim=1).mean().sqrt())
    share = singular / singular.sum().clamp(min=torch.finfo(singular.dtype).tiny)
    rank: Tensor = torch.special.entr(share).sum().exp()
    return rank


def token_std(tokens: Tensor, is_real: Tensor) -> Tensor:
    """Compute the standard deviation over all real `tokens` (N, P, D), averaged over D; it is 0 if all are equal."""
    real = tokens[is_real].float()
    if len(real) < 2:
        return tokens.new_zeros(())
    return real.std(dim=0).mean()


def jet_std(embedding: Tensor) -> Tensor:
    """Compute the standard deviation over the jets of `embedding` (N, D), averaged over D; it is 0 if all are equal."""
    return embedding.float().std(dim=0, correction=0).mean()


def probe_accuracy(embedding: Tensor, label: Tensor) -> float | None:
    """Compute the accuracy of a linear classifier on frozen `embedding` (N, D) for `label` (N,).

    A logistic regression is fitted on every second jet and scored on the others. The result is None for a single class
    and for labels that are not integers.
    """
    if label.is_floating_point():
        return None
    x, y = embedding.double().cpu().numpy(), label.cpu().numpy()
    fit, test = slice(0, None, 2), slice(1, None, 2)
    if len(set(y[fit].tolist())) < 2 or not len(y[test]):
        return None
    return float(linear_probe().fit(x[fit], y[fit]).score(x[test], y[test]))


def linear_probe() -> Pipeline:
    """Return a lightly regularised logistic regression on standardised embeddings; a few hundred labels suffice."""
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000, tol=1e-3))
