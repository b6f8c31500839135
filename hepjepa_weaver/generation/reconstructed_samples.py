"""Real jets of a comparison with generated ones, brought through a tokenizer on the fly."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from hepjepa_weaver.embedding.pretrained_tokenizer import PretrainedTokenizer
from hepjepa_weaver.fidelity.equal_numbers import equal_numbers, share_labels
from hepjepa_weaver.fidelity.jet_rows import read_rows
from hepjepa_weaver.fidelity.particles import JetParticles
from hepjepa_weaver.generation.reconstructed_jets import check_same_originals, columns_read, reconstruct


def with_reconstructed(
    tokenizer: PretrainedTokenizer,
    generated: JetParticles,
    samples: Mapping[str, JetParticles],
    paths: Mapping[str, Sequence[Path]],
    max_jets: int | None,
    seed: int,
) -> dict[str, JetParticles]:
    """Return samples of real jets before and behind a tokenizer, cut to the jets that a comparison takes.

    Only these are brought through the tokenizer. `compare` then takes all of them: it draws in the same way.

    Args:
        tokenizer: the tokenizer.
        generated: the generated jets.
        samples: real jets by the names `real` and, if there is a floor, `floor`.
        paths: the files that each sample was read from.
        max_jets: the most jets of each sample.
        seed: seed of the draw.

    Raises:
        UserError: a file cannot be read, or the data config gives other jets than the files hold.
    """
    shared = share_labels([generated, *samples.values()])
    found = {}
    for (name, jets), chosen in zip(samples.items(), equal_numbers(shared, max_jets, seed)[1:], strict=True):
        taken = jets[chosen]
        behind = reconstruct(tokenizer, read_rows(paths[name], chosen, columns_read(tokenizer)), taken)
        check_same_originals(taken, behind.original)
        found[name] = taken
        found["reconstructed" if name == "real" else f"{name}-reconstructed"] = behind.reconstructed
    return found
