"""How well boosted trees tell two samples apart by a few observables of the jets.

Networks that read particles need many jets. With a few thousand, trees on observables find differences that they miss.
η and φ are left out: original jets have them at 0 by construction, and anything else would be told at once.
"""

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from hepjepa_weaver.common.measurement import Measurement
from hepjepa_weaver.fidelity.observables import D2, MASS, MULTIPLICITY, PT, TAU21, TAU32, Observables
from hepjepa_weaver.fidelity.particles import Floats
from hepjepa_weaver.fidelity.separation import auc_of, halves_of

TREES = "boosted trees"
READ = (PT, MASS, TAU21, TAU32, D2, MULTIPLICITY)


LEAST_IN_A_LEAF = 20


def tree_auc(sample: Observables, reference: Observables, seed: int = 0) -> Measurement:
    """Return the area under the ROC curve of boosted trees between a sample and a reference.

    As in `separation_auc`, half of each sample trains, and the other half is the test.

    Raises:
        UserError: a sample has fewer than two jets.
    """
    rng = np.random.default_rng(seed)
    tables = [_table(reference), _table(sample)]
    halves = [halves_of(len(table), rng) for table in tables]
    train, test = (np.concatenate([table[of[k]] for table, of in zip(tables, halves, strict=True)]) for k in (0, 1))
    is_sample, truth = (np.repeat([0, 1], [len(of[k]) for of in halves]) for k in (0, 1))
    trees = HistGradientBoostingClassifier(
        learning_rate=0.05, max_iter=100, max_leaf_nodes=8, early_stopping=False, random_state=seed,
        min_samples_leaf=max(min(LEAST_IN_A_LEAF, len(train) // 10), 1),  # few jets would never be split
    )  # fmt: skip
    scores = np.asarray(trees.fit(train, is_sample).predict_proba(test), np.float64)
    return auc_of(scores, truth, seed)


def _table(observed: Observables) -> Floats:
    """Return the observables as one row per jet; -1, which no value has, stands for undefined ones."""
    return np.nan_to_num(np.stack([observed.by_jet[name] for name in READ], axis=1), nan=-1.0)
