r"""Measure how well generated or reconstructed jets match real ones, and write a report.

All files have JetClass's schema. The floor is made of other real jets: what two samples differ by chance.
A folder stands for the files in it.

    hepjepa compare generated.root --real jets/MiniJetClass/test/*.root --floor jets/MiniJetClass/val/*.root \
        --train jets/MiniJetClass/train/*.root -o comparison/report.md

With --tokenizer and --data-config, --real and --floor are brought through a tokenizer, too.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from hepjepa_weaver.common.errors import UserError, require_at_least
from hepjepa_weaver.common.markdown import require_markdown
from hepjepa_weaver.datasets.jet_files import unfolded
from hepjepa_weaver.embedding.pretrained_tokenizer import open_tokenizer
from hepjepa_weaver.evaluation.canvas import new_figure
from hepjepa_weaver.fidelity.comparison import compare
from hepjepa_weaver.fidelity.observables import observe
from hepjepa_weaver.fidelity.particles import MAX_PARTICLES, JetParticles, read_particles
from hepjepa_weaver.fidelity.report import write_report
from hepjepa_weaver.fidelity.residuals import Reconstruction, measure_reconstruction
from hepjepa_weaver.fidelity.results import Reference, Settings
from hepjepa_weaver.generation.reconstructed_samples import with_reconstructed
from hepjepa_weaver.runtime.devices import usable_device
from hepjepa_weaver.simulation.clustering import import_fastjet

SAMPLES = {
    "real": "real jets to compare with, which the generator did not see",
    "floor": "other real jets, as validation jets, for the floor",
    "reconstructed": "the jets of --real, in their order, behind tokenizer and decoder",
    "floor-reconstructed": "the jets of --floor behind tokenizer and decoder",
    "train": "jets that the generator was trained on, to look for copies",
}
ORIGINALS = {"real": "original", "floor": "floor of original"}
"""Titles in the report of the samples of real jets."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hepjepa compare`."""
    parser.add_argument("generated", nargs="+", type=Path, metavar="GENERATED", help="files of generated jets")
    for name, text in SAMPLES.items():
        parser.add_argument(f"--{name}", nargs="+", type=Path, metavar="FILE", required=name == "real", help=text)
    parser.add_argument("--tokenizer", type=Path, metavar="CHECKPOINT", help="…_state.pt that makes the reconstructed "
                        "jets of --real and --floor, in place of files")  # fmt: skip
    parser.add_argument("--data-config", type=Path, help="data config of the tokenizer's training")
    parser.add_argument("--jets", type=int, metavar="N", help="the most jets of each sample (all that it has)")
    parser.add_argument(
        "--max-particles", type=int, default=MAX_PARTICLES, help="particles kept per jet, the first ones (%(default)s)"
    )
    parser.add_argument(
        "--classifier-steps", type=int, default=500, help="training steps of each network, 0 for none (%(default)s)"
    )
    parser.add_argument("--device", default="cpu", help="where networks are trained, cpu or cuda (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of all random numbers (%(default)s)")
    parser.add_argument("-o", "--out", type=Path, required=True, help="report to write; the pictures go next to it")


def run(args: argparse.Namespace) -> None:
    """Compare and write the report.

    Raises:
        UserError: a file cannot be read, samples do not fit together, or an optional package is missing. Also if the
            tokenizer does not fit the data config.
    """
    check_arguments(args)
    tokenizer = open_tokenizer(args.tokenizer, args.data_config, args.device) if args.tokenizer else None
    given = {name: unfolded(getattr(args, name.replace("-", "_")) or ()) for name in SAMPLES}
    samples = {name: read_particles(paths, args.max_particles) for name, paths in given.items() if paths}
    generated = read_particles(unfolded(args.generated), args.max_particles)
    numbers = {title: len(samples[name]) for name, title in ORIGINALS.items() if name in samples}
    if tokenizer is not None:
        real = {name: samples[name] for name in ORIGINALS if name in samples}
        samples |= with_reconstructed(tokenizer, generated, real, given, args.jets, args.seed)
    settings = Settings(steps=args.classifier_steps, max_jets=args.jets, seed=args.seed, device=args.device)
    reconstruction = errors_of(samples, args.seed)
    comparison = compare(generated, references_of(samples), samples.get("train"), settings)
    write_report(replace(comparison, given={**comparison.given, **numbers}), args.out, reconstruction)
    print(f"wrote {args.out}")


def check_arguments(args: argparse.Namespace) -> None:
    """Check the arguments before anything is read.

    Raises:
        UserError: a number is too small, or an option lacks its counterpart. Also if the device, matplotlib or FastJet
            is missing.
    """
    require_at_least(args, {"jets": 2, "max_particles": 1, "classifier_steps": 0, "seed": 0})
    require_markdown(args.out)
    if args.floor_reconstructed and not args.reconstructed:
        raise UserError("--floor-reconstructed is the floor of --reconstructed: give both")
    if bool(args.tokenizer) != bool(args.data_config):
        raise UserError("--data-config is that of the training of --tokenizer: give both or neither")
    if args.tokenizer and args.reconstructed:
        raise UserError("--tokenizer makes the reconstructed jets that --reconstructed names: give one of them")
    usable_device(args.device)
    new_figure(1, 1)
    import_fastjet()


def references_of(samples: dict[str, JetParticles]) -> list[Reference]:
    """Return original and, if given, reconstructed real jets, each with its floor."""
    references = [Reference("original", samples["real"], samples.get("floor"))]
    if "reconstructed" in samples:
        references.append(Reference("reconstructed", samples["reconstructed"], samples.get("floor-reconstructed")))
    return references


def errors_of(samples: dict[str, JetParticles], seed: int) -> Reconstruction | None:
    """Return the errors of the reconstructed jets, or None if there are none.

    Raises:
        UserError: they are not the jets of --real in their order.
    """
    if "reconstructed" not in samples:
        return None
    return measure_reconstruction(observe(samples["real"]), observe(samples["reconstructed"]), seed)
