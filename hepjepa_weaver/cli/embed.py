"""Write the embedding of every jet in files, in file order, with the file and the number of the jet in it.

hepjepa embed models/hepjepa/net_best_epoch_state.pt JetClass/test_20M/*.root \\
    --data-config "$(hepjepa where JetClass_full)" -o embeddings.parquet

The checkpoint is of a pre-training, a fine-tuned network, or stock ParT: sizes are read off its weights. The output has
the columns file, entry (from 0) and embedding. Jets that the data config's test-time selection removes are missing.
"""

import argparse
from pathlib import Path

import awkward as ak

from hepjepa_weaver.common.errors import require_at_least
from hepjepa_weaver.datasets.parquet_files import write_parquet
from hepjepa_weaver.embedding.pretrained_encoder import BATCH, Embeddings, load_encoder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, help="weaver's …_state.pt")
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="jets, .root or .parquet")
    parser.add_argument("--data-config", type=Path, required=True, help="with the features of the training")
    parser.add_argument("-o", "--output", type=Path, required=True, help="parquet file to write")
    parser.add_argument(
        "--encoder", choices=("target", "context"), help="which one of a pre-training (target, if there is one)"
    )
    parser.add_argument(
        "--pooling",
        choices=("mean", "class_token"),
        help="vector of a jet: mean of its particle tokens, or class token (what the checkpoint's own network uses)",
    )
    parser.add_argument("--batch-size", type=int, default=BATCH, help="jets at once (%(default)s)")
    parser.add_argument("--device", default="cpu", help="as torch names it, cuda:0 for instance (%(default)s)")


def run(args: argparse.Namespace) -> None:
    require_at_least(args, {"batch_size": 1})
    encoder = load_encoder(args.checkpoint, args.data_config, args.encoder, args.device)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    chunks = encoder.embed_chunks(args.files, args.batch_size, args.pooling)
    num_jets = write_parquet((as_table(chunk) for chunk in chunks), args.output)
    print(f"{args.output}: {num_jets} jets, width {encoder.width}")


def as_table(chunk: Embeddings) -> ak.Array:
    """Columns file, entry and embedding of some jets of one file."""
    names = ak.Array([str(path) for path in chunk.files])[chunk.file]
    return ak.zip({"file": names, "entry": chunk.entry, "embedding": ak.Array(chunk.embedding)}, depth_limit=1)
