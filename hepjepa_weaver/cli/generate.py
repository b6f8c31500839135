"""Make jets with a pre-trained next-token model, and write them to a ROOT file in JetClass's schema.

    hepjepa generate models/omnijet/net_best_epoch_state.pt -n 100000 -o generated.root

The file has the kinematics of the particles, and what else the model's tokenizer keeps. Its jets lie at φ = 0, and at
η = 0 unless the model was given the jets' energy. jet_has_ended is 0 for a jet that was cut at the largest length.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tqdm

from hepjepa_weaver.common.errors import UserError, require_at_least
from hepjepa_weaver.generation.files import branch_types, jet_table, write_jets
from hepjepa_weaver.generation.generator import GeneratedJets, JetGenerator, load_generator
from hepjepa_weaver.generation.prompts import read_prompts
from hepjepa_weaver.generation.sampling import Sampling
from hepjepa_weaver.runtime.devices import usable_device

SMALLEST_TEMPERATURE, LARGEST_TEMPERATURE = 1e-6, 1e6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hepjepa generate`."""
    parser.add_argument("checkpoint", type=Path, help="checkpoint …_state.pt of omnijet_pretrain.py")
    parser.add_argument("-n", "--jets", type=int, required=True, help="number of jets")
    parser.add_argument("-o", "--output", type=Path, required=True, help="ROOT file to write")
    parser.add_argument("--temperature", type=float, default=1.0, help="below 1, likely tokens become likelier (1)")
    parser.add_argument("--top-k", type=int, default=0, help="draw from the K likeliest tokens only (0: from all)")
    parser.add_argument("--label", help="class of all jets, as in label_Tbqq (all classes in turn, if it knows any)")
    parser.add_argument("--prompt", type=Path, nargs="+", metavar="FILE", help="files of jets to go on from")
    parser.add_argument("--prompt-particles", type=int, default=1, help="leading particles to take of each (1)")
    parser.add_argument("--data-config", type=Path, help="data config of the files of --prompt")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random numbers (1)")
    parser.add_argument("--batch-size", type=int, default=500, help="jets that grow at once (%(default)s)")
    parser.add_argument("--device", default="cpu", help="device of torch, such as cuda:0 (%(default)s)")


def run(args: argparse.Namespace) -> None:
    """Generate the jets, write them and print how many there are.

    Raises:
        UserError: an argument is out of range, there is no such device, or the checkpoint makes no such jets. Also if
            the file cannot be written.
    """
    require_at_least(args, {"jets": 1, "batch_size": 1, "top_k": 0, "prompt_particles": 1})
    if not SMALLEST_TEMPERATURE <= args.temperature <= LARGEST_TEMPERATURE:
        raise UserError(f"--temperature is {args.temperature:g}: it has to be between {SMALLEST_TEMPERATURE:g} and "
                        f"{LARGEST_TEMPERATURE:g}")  # fmt: skip
    if not abs(args.seed) < 2**63:
        raise UserError(f"--seed is {args.seed}: it has to fit into 64 bits")
    if not args.prompt and (args.data_config or args.prompt_particles != 1):
        raise UserError("--data-config and --prompt-particles are of the files of --prompt: give --prompt, or leave "
                        "them out")  # fmt: skip
    if args.output.suffix != ".root":
        raise UserError(f"-o {args.output}: generated jets are written to .root files only")
    if args.output.is_dir():
        raise UserError(f"-o {args.output} is a folder: name a file")
    usable_device(args.device)
    generator = load_generator(args.checkpoint, args.device)
    label = label_number(generator, args.label)
    prompt = None
    if args.prompt:
        if generator.class_names and label is None:
            raise UserError("--prompt needs --label, because the model is told the class of each jet: name that of the "
                            f"files, one of {', '.join(generator.class_names)}")  # fmt: skip
        prompt = read_prompts(generator, args.checkpoint, args.prompt, args.data_config, args.prompt_particles)
    sampling = Sampling(args.temperature, args.top_k)
    given = (prompt.codes, prompt.totals) if prompt else ()
    batches = generator.batches(args.jets, args.batch_size, args.seed, sampling, label, *given)
    unended = [0]
    extras = generator.model.tokenizer.particle_values.extra_names
    tables = as_tables(batches, generator, args.jets, unended)
    number = write_jets(tables, branch_types(extras, generator.class_names), args.output)
    longest = generator.config.next.longest
    print(f"{args.output}: {number} jets, {unended[0]} of them cut at {longest} particles without a stop token")


def as_tables(
    batches: Iterator[GeneratedJets], generator: JetGenerator, num_jets: int, unended: list[int]
) -> Iterator[Any]:
    """Yield tables of the jets with a progress bar; add the number of jets without a stop token to `unended`."""
    with tqdm.tqdm(total=num_jets, unit="jet") as bar:
        for batch in batches:
            unended[0] += int((~batch.has_ended).sum())
            yield jet_table(batch, generator.class_names)
            bar.update(len(batch.codes))


def label_number(generator: JetGenerator, name: str | None) -> int | None:
    """Return the number of a class; None without a name.

    Raises:
        UserError: the model knows no classes, or none of this name.
    """
    if name is None:
        return None
    if not generator.class_names:
        raise UserError(f"--label {name}: the model was trained without classes; train it with -o class_condition True")
    if name not in generator.class_names:
        raise UserError(f"--label {name}: the model knows {', '.join(generator.class_names)}")
    return generator.class_names.index(name)
