r"""Convert experiments' own files to files of jets in JetClass's schema, which weaver and all commands here read.

    hepjepa convert pfnano nano_1.root nano_2.root -o jets/train --where 'jet_pt > 300' --jobs 2
    hepjepa convert pfnano nano_1.root -o ak4 --jets Jet --columns Jet_btagDeepFlavB
    hepjepa convert aspen RunG_batch0.h5 -o aspen --format parquet
    hepjepa convert delphes events.root -o jets
    hepjepa convert omnilearned jetclass_train_0.h5 -o jets

PUPPI weights are multiplied in, lengths become mm, and d0 gets JetClass's sign. A particle without a track has 0 in
all columns of its track. Jets of CMS get the sum of their particles as momentum. Run, luminosity block and event number
come along. The result is checked, and a table says what was found.
"""

import argparse
from pathlib import Path

from hepjepa_weaver.common.errors import UserError, require_at_least
from hepjepa_weaver.conversion.layouts import LAYOUTS
from hepjepa_weaver.conversion.production import FORMATS, Settings, convert_all, plan_conversion
from hepjepa_weaver.conversion.request import Request


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hepjepa convert`."""
    parser.add_argument("layout", choices=list(LAYOUTS), help="layout of the files")
    parser.add_argument("files", type=Path, nargs="+", help="files to convert")
    parser.add_argument("-o", "--output", type=Path, required=True, help="directory for files of the same names")
    parser.add_argument("--jets", default="", help="collection of jets in files of events, such as Jet "
                        "(FatJet, or JetPUPPIAK8 for delphes)")  # fmt: skip
    parser.add_argument("--radius", type=float, metavar="R", help="radius of the jets, for labels (by their name)")
    parser.add_argument("--columns", nargs="+", default=[], metavar="BRANCH", help="further branches of events or jets")
    parser.add_argument("--vertices", action="store_true", help="add the secondary vertices of CMS's files")
    parser.add_argument("--where", default="", metavar="EXPRESSION", help="jets to keep, such as 'jet_pt > 300'")
    parser.add_argument("--format", choices=FORMATS, default=FORMATS[0], help="kind of the files (%(default)s)")
    parser.add_argument("--jobs", type=int, default=1, help="worker processes (%(default)s)")


def run(args: argparse.Namespace) -> None:
    """Convert the files that are not there yet, and print what was found.

    Raises:
        UserError: a file cannot be read or written, an option does not go with the layout, or a check of the jets
            fails. Files that were finished before stay.
    """
    require_at_least(args, {"jobs": 1})
    if args.radius is not None and args.radius <= 0:
        raise UserError(f"--radius is {args.radius}: it has to be above 0")
    settings = Settings(
        args.layout, Request(args.jets, tuple(args.columns), args.vertices, args.radius), args.where, args.format
    )
    plan = plan_conversion(args.files, args.output, settings)
    check, n_made = convert_all(plan, args.output, args.jobs)
    print(f"{n_made} files converted, {len(plan) - n_made} were there already: {args.output}")
    if n_made:
        print(check.table())
