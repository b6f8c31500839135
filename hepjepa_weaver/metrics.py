"""Is the representation alive, and is it useful? Spread, effective rank and linear probe of jet embeddings."""

import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor


def effective_rank(embedding: Tensor) -> Tensor:
    """Effective rank of `embedding` (N, D), a scalar between 1 and D: the exponential of the entropy of its
    normalised singular values, after removing the mean [Roy & Vetterli, EUSIPCO 2007; RankMe 2210.02885].

    Embeddings that are all equal have rank 1.
    """
    centred = embedding.double() - embedding.double().mean(dim=0)
    covariance = centred.T @ centred / len(embedding)
    singular = torch.linalg.eigvalsh(covariance).clamp(min=0).sqrt()
    share = singular / singular.sum().clamp(min=torch.finfo(singular.dtype).tiny)
    rank: Tensor = torch.special.entr(share).sum().exp()
    return rank


def token_std(tokens: Tensor, is_real: Tensor) -> Tensor:
    """Standard deviation over all real `tokens` (N, P, D), averaged over D; zero if all are equal."""
    real = tokens[is_real].float()
    if len(real) < 2:
        return tokens.new_zeros(())
    return real.std(dim=0).mean()


def probe_accuracy(embedding: Tensor, label: Tensor) -> float | None:
    """Accuracy of a linear classifier on frozen `embedding` (N, D) for `label` (N,): logistic regression fitted
    on every second jet and scored on the others. None if there is but one class (data without labels)."""
    x, y = embedding.double().cpu().numpy(), label.cpu().numpy()
    fit, test = slice(0, None, 2), slice(1, None, 2)
    if len(set(y[fit].tolist())) < 2:
        return None
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000, tol=1e-3))
    return float(probe.fit(x[fit], y[fit]).score(x[test], y[test]))
