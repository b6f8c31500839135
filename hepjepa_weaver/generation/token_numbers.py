"""The numbers of a comparison of tokenizers as JSON, so that later reports can be made of several."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hepjepa_weaver.common.environment import versions
from hepjepa_weaver.common.measurement import Measurement
from hepjepa_weaver.common.whole_files import written_whole
from hepjepa_weaver.fidelity.residuals import Errors
from hepjepa_weaver.generation.token_quality import QualityComparison, TokenizerQuality
from hepjepa_weaver.generation.token_tagging import TaggerComparison, TaggerRow


def write_numbers(quality: QualityComparison, taggers: TaggerComparison | None, path: Path) -> None:
    """Write all numbers to a JSON file, whole or not at all; an undefined value or error is null."""
    with written_whole(path) as temporary:
        temporary.write_text(
            json.dumps(numbers(quality, taggers), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        )


def numbers(quality: QualityComparison, taggers: TaggerComparison | None) -> dict[str, Any]:
    """Return all numbers as dictionaries, lists, texts and numbers. A measurement is its value and its error."""
    return {
        "test_jets": len(quality.original.jets),
        "classes": list(quality.original.jets.label_names),
        "settings": asdict(quality.settings),
        "tokenizers": {title: _of_tokenizer(of) for title, of in quality.tokenizers.items()},
        "taggers": None if taggers is None else _of_taggers(taggers),
        "versions": versions(),
    }


def _of_tokenizer(of: TokenizerQuality) -> dict[str, Any]:
    config = of.config
    return {
        "options": {**asdict(config.particle), **asdict(config.encoding), **asdict(config.quantizer)},
        "codes": of.use.number,
        "codes_in_use": of.use.used,
        "perplexity": of.use.perplexity,
        "spread_within_a_code": of.coverage.median_spread if of.coverage else None,
        "errors": {name: _of_class(errors) for name, errors in of.reconstruction.errors.items()},
    }


def _of_class(errors: Mapping[str, Errors]) -> dict[str, Any]:
    return {
        observable: {
            "mean_absolute": _pair(error.mean_absolute),
            "mean": _pair(error.mean),
            "standard_deviation": _pair(error.spread),
            "number": error.number,
        }
        for observable, error in errors.items()
    }


def _of_taggers(taggers: TaggerComparison) -> dict[str, Any]:
    settings = {**asdict(taggers.settings), "train_jets": taggers.num_train, "test_jets": taggers.num_test}
    return {"settings": settings, "results": [_of_row(row) for row in taggers.rows]}


def _of_row(row: TaggerRow) -> dict[str, Any]:
    return {
        "network": row.network,
        "reads": row.reads,
        "tokenizer": row.tokenizer or None,
        "accuracy": _pair(row.accuracy),
        "minus_original_particles": None if row.difference is None else _pair(row.difference),
        "rate": row.rate,
    }


def _pair(measurement: Measurement) -> list[float | None]:
    return [measurement.value, measurement.error]
