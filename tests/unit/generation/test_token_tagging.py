"""The same taggers on original particles, on reconstructed ones and on codes."""

from dataclasses import replace

import numpy as np

from hepjepa_weaver.generation.reconstructed_jets import ReconstructedJets
from hepjepa_weaver.generation.token_tagging import TaggerSettings, compare_taggers
from tests.helpers.toy_particles import toy_jets

NAMES = ("QCD", "Hbb")


def behind(seed: int, is_perfect: bool) -> ReconstructedJets:
    """Jets that come back as they were, or with all particles alike; the codes tell the class, or nothing."""
    jets = toy_jets(300, seed, label_names=NAMES)
    same = np.ones_like(jets.pt)
    lost = replace(jets, counts=jets.counts, pt=same, deta=same, dphi=same)
    codes = jets.label[jets.owner] if is_perfect else np.zeros(len(jets.pt), np.int64)
    return ReconstructedJets(jets, jets if is_perfect else lost, codes, np.arange(300))


def test_a_perfect_tokenizer_costs_nothing_and_a_useless_one_everything():
    titles = {"perfect": True, "useless": False}
    train, test = ({title: behind(seed, of) for title, of in titles.items()} for seed in (1, 2))
    told = []
    settings = TaggerSettings(60, ("particle_flow",))
    found = compare_taggers(train, test, dict.fromkeys(titles, 2), settings, told.append)
    assert (found.num_train, found.num_test, told) == (300, 300, list(found.rows))
    original, same, codes, lost, no_codes = found.rows
    assert original.difference is None
    assert original.accuracy.value > 0.75
    assert (same.accuracy, same.difference.value, same.difference.error) == (original.accuracy, 0, 0)
    assert codes.accuracy.value == 1
    assert lost.difference.value < -4 * lost.difference.error
    assert no_codes.accuracy.value < 0.65
