r"""Fit quantiles of features, and clusters of particles, to training jets.

    hepjepa fit-particles jets/MiniJetClass/train/*.root --data-config "$(hepjepa where JetClass_full)" \
        --clusters 512 -o particles.pt

Masked particle modelling takes the file as -o particle_statistics: clusters are targets (-o cluster_weight), and
quantiles bring features to a normal distribution (-o target_scale normal).
"""

import argparse
from pathlib import Path

from hepjepa_weaver.common.errors import UserError, require_at_least
from hepjepa_weaver.config.particle_fit import ParticleFitConfig
from hepjepa_weaver.datasets.jet_files import unfolded
from hepjepa_weaver.host.jet_chunks import load_data_config
from hepjepa_weaver.host.particle_fit import MOST_JETS, fit_particles, save_statistics


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hepjepa fit-particles`."""
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="files of training jets")
    parser.add_argument("--data-config", type=Path, required=True, help="data config of the training")
    parser.add_argument("-o", "--output", type=Path, required=True, help="file to write, which ends in .pt")
    parser.add_argument("--clusters", type=int, default=512, help="number of clusters (%(default)s)")
    parser.add_argument(
        "--cluster-scale", choices=("normal", "data_config"), default="normal",
        help="scale in which distances count: normal distributions, or the data config's (%(default)s)",
    )  # fmt: skip
    parser.add_argument("--jets", type=int, default=MOST_JETS, metavar="N", help="the most jets in all (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the draw and of the k-means (%(default)s)")


def run(args: argparse.Namespace) -> None:
    """Fit, write the file and print what is in it.

    Raises:
        UserError: an argument is out of range, a file cannot be read, or there are too few particles.
    """
    require_at_least(args, {"clusters": 2, "jets": 1, "seed": 0})
    if args.output.suffix != ".pt" or args.output.is_dir():
        raise UserError(f"-o {args.output}: name a file that ends in .pt")
    config = ParticleFitConfig(args.clusters, args.cluster_scale)
    fitted = fit_particles(
        unfolded(args.files), load_data_config(args.data_config).options, config, args.jets, args.seed
    )
    save_statistics(fitted, args.output)
    print(f"{args.output}: quantiles of {len(fitted.places)} features and {args.clusters} clusters of "
          f"{len(fitted.independent)} features, from {int(fitted.num_fitted)} particles")  # fmt: skip
