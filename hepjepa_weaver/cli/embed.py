r"""Write the embedding of every jet in files, in file order.

The checkpoint is of a pre-training, a fine-tuned network or stock ParT. Its weights give the sizes of the encoder.

    hepjepa embed models/hepjepa/net_best_epoch_state.pt data/JetClass/Pythia/test_20M/*.root \
        --data-config "$(hepjepa where JetClass_full)" -o embeddings.parquet

The output has three columns: the file, the entry (number of the jet in its file, from 0) and the embedding. --scores
adds the scores of a fine-tuned network, and --columns columns of the files, such as event numbers. Jets that the data
config's test-time selection removes are missing. A ROOT file holds the number of a file, from 0, in place of its name.
"""

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path

import awkward as ak

from hepjepa_weaver.common.errors import UserError, require_at_least
from hepjepa_weaver.datasets.parquet_files import write_parquet
from hepjepa_weaver.datasets.root_files import write_jets
from hepjepa_weaver.embedding.embeddings import Embeddings
from hepjepa_weaver.embedding.loading import load_encoder
from hepjepa_weaver.embedding.pretrained_encoder import BATCH


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hepjepa embed`."""
    parser.add_argument("checkpoint", type=Path, help="checkpoint …_state.pt of weaver")
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="files of jets, .root, .parquet or .h5")
    parser.add_argument("--data-config", type=Path, required=True, help="data config with the features of the training")
    parser.add_argument("-o", "--output", type=Path, required=True, help="file to write, .parquet or .root")
    parser.add_argument(
        "--encoder", choices=("target", "context"), help="encoder to take from a pre-training (target, if there is one)"
    )
    parser.add_argument(
        "--pooling",
        choices=("mean", "class_token"),
        help="vector of a jet: mean of particle tokens, or class token (default: as in the checkpoint's network)",
    )
    parser.add_argument(
        "--other-inputs", action="store_true", help="take a data config with other inputs than those of the training"
    )
    parser.add_argument(
        "--columns", nargs="+", default=[], metavar="COLUMN", help="columns of the files to write beside, such as event"
    )
    parser.add_argument(
        "--scores", action="store_true", help="write the scores, or regressed numbers, of a fine-tuned network as well"
    )
    parser.add_argument("--batch-size", type=int, default=BATCH, help="jets per batch (%(default)s)")
    parser.add_argument("--device", default="cpu", help="device of torch, such as cuda:0 (%(default)s)")


def run(args: argparse.Namespace) -> None:
    """Embed the jets piece by piece, and print their number and the width of an embedding.

    Raises:
        UserError: a file cannot be read or lacks a column, no jet is left, or the batch size is below 1. Also if the
            checkpoint does not fit the data config or the pooling, or has no head for scores.
    """
    require_at_least(args, {"batch_size": 1})
    if args.output.suffix not in (".parquet", ".root"):
        raise UserError(f"-o {args.output}: the name has to end in .parquet or .root")
    encoder = load_encoder(
        args.checkpoint, args.data_config, args.encoder, args.device, args.other_inputs, args.columns, args.scores
    )
    written = ["file", "entry", "embedding", *(encoder.head.names if encoder.head is not None else [])]
    taken = sorted(set(written) & set(args.columns))
    if taken:
        raise UserError(f"--columns {' '.join(taken)}: the output has a column of that name; rename yours")
    args.output.parent.mkdir(parents=True, exist_ok=True)
    chunks = encoder.embed_chunks(args.files, args.batch_size, args.pooling)
    num_jets = write(chunks, args.output)
    print(f"{args.output}: {num_jets} jets, width {encoder.width}")


def tables_of(chunks: Iterable[Embeddings], names_files: bool) -> Iterator[ak.Array]:
    """Yield the columns file, entry, embedding, scores and observers of some jets of one file, piece by piece."""
    for chunk in chunks:
        names = ak.Array([str(path) for path in chunk.files])[chunk.file]
        own = {"file": names if names_files else chunk.file, "entry": chunk.entry}
        embedding = {"embedding": ak.Array(chunk.embedding)}
        yield ak.zip({**own, **embedding, **chunk.scores, **chunk.observers}, depth_limit=1)


def write(chunks: Iterable[Embeddings], path: Path) -> int:
    """Write jets to a parquet or ROOT file, and return their number."""
    if path.suffix == ".parquet":
        return write_parquet(tables_of(chunks, names_files=True), path)
    return write_jets(tables_of(chunks, names_files=False), path, {})
