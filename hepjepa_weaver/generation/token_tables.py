"""Tables of a comparison of tokenizers, in Markdown."""

from collections.abc import Mapping

from hepjepa_weaver.common.markdown import markdown_table
from hepjepa_weaver.common.measurement import Measurement, format_value
from hepjepa_weaver.fidelity.observables import D2, DETA, DPHI, MASS, PARTICLE_PT, PT, TAU21, TAU32
from hepjepa_weaver.fidelity.pictures import labelled
from hepjepa_weaver.fidelity.residuals import ALL, Errors
from hepjepa_weaver.generation.token_coverage import QUANTITIES
from hepjepa_weaver.generation.token_quality import TokenizerQuality
from hepjepa_weaver.generation.token_tagging import TaggerRow

SHOWN = (MASS, PT, TAU21, TAU32, D2, PARTICLE_PT, DETA, DPHI)
BY_CLASS = (MASS, TAU21, TAU32)
SPREADS = QUANTITIES[:2]
NOTHING = "–"

Qualities = Mapping[str, TokenizerQuality]


def codes_table(tokenizers: Qualities) -> str:
    """Return a table of codes, encodings, use and spread within a code, with a row for each tokenizer."""
    spreads = [f"spread of {name} within a code" for name in SPREADS]
    heads = ["tokenizer", "encoding", "quantizer", "features", "codes", "codes in use", "perplexity", *spreads]
    return markdown_table(heads, [_codes_cells(title, of) for title, of in tokenizers.items()], words=4)


def quantizer_of(quality: TokenizerQuality) -> str:
    """Return the name of the quantizer with its levels, or of the edges of the bins."""
    config = quality.config
    is_binned = config.encoding.encoding == "binned"
    name = config.encoding.bin_edges if is_binned else config.quantizer.quantizer
    return name if config.num_factors == 1 else f"{name} {' × '.join(map(str, config.levels))}"


def absolute_table(tokenizers: Qualities) -> str:
    """Return a table of the mean |error| of jets and particles, with a row for each tokenizer."""
    rows = [
        [title, *(format_value(of.reconstruction.errors[ALL][name].mean_absolute) for name in SHOWN)]
        for title, of in tokenizers.items()
    ]
    return markdown_table(["tokenizer", *map(labelled, SHOWN)], rows, words=1)


def signed_table(tokenizers: Qualities) -> str:
    """Return a table of mean errors and standard deviations, with two rows for each tokenizer."""
    rows = []
    for title, of in tokenizers.items():
        errors = [of.reconstruction.errors[ALL][name] for name in SHOWN]
        rows.append([title, "mean", *(format_value(error.mean) for error in errors)])
        rows.append([title, "standard deviation", *(format_value(error.spread) for error in errors)])
    return markdown_table(["tokenizer", "of the errors", *map(labelled, SHOWN)], rows, words=2)


def class_table(tokenizers: Qualities, observable: str) -> str:
    """Return a table of the mean |error| of an observable: a row for each class, a column for each tokenizer."""
    of_first = next(iter(tokenizers.values())).reconstruction.errors
    rows = []
    for name in of_first:
        errors = [of.reconstruction.errors[name][observable] for of in tokenizers.values()]
        rows.append([name, str(_number(errors)), *(format_value(error.mean_absolute) for error in errors)])
    return markdown_table(["class", "jets", *tokenizers], rows, words=1)


def tagger_table(rows: list[TaggerRow]) -> str:
    """Return a table of the taggers of one network."""
    heads = ["the tagger reads", "tokenizer", "accuracy", "minus original particles", "largest learning rate"]
    cells = [
        [row.reads, row.tokenizer or NOTHING, format_value(row.accuracy), _or_nothing(row.difference), f"{row.rate:g}"]
        for row in rows
    ]
    return markdown_table(heads, cells, words=2)


def _codes_cells(title: str, of: TokenizerQuality) -> list[str]:
    spreads = of.coverage.median_spread if of.coverage else None
    return [
        title,
        of.config.encoding.encoding,
        quantizer_of(of),
        of.config.particle.token_features,
        str(of.use.number),
        f"{100 * of.use.fraction:.3g} %",
        f"{of.use.perplexity:.4g}",
        *(f"{spreads[name]:.3g}" if spreads else NOTHING for name in SPREADS),
    ]


def _number(errors: list[Errors]) -> int:
    """Return the largest number of jets that one of the tokenizers has defined errors of."""
    return max(error.number for error in errors)


def _or_nothing(measurement: Measurement | None) -> str:
    return NOTHING if measurement is None else format_value(measurement)
