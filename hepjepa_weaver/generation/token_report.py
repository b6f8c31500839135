"""The report of a comparison of tokenizers in Markdown, with its pictures and a JSON file of the numbers beside it."""

from pathlib import Path

import numpy as np

from hepjepa_weaver.common.environment import made_with
from hepjepa_weaver.common.whole_files import written_whole
from hepjepa_weaver.fidelity.pictures import draw_all_errors, draw_observables, labelled
from hepjepa_weaver.fidelity.resampling import REPLICAS
from hepjepa_weaver.generation.token_coverage import LENGTH
from hepjepa_weaver.generation.token_numbers import write_numbers
from hepjepa_weaver.generation.token_pictures import CLOUDS, draw_coverage
from hepjepa_weaver.generation.token_quality import QualityComparison
from hepjepa_weaver.generation.token_tables import (
    BY_CLASS,
    absolute_table,
    class_table,
    codes_table,
    signed_table,
    tagger_table,
)
from hepjepa_weaver.generation.token_tagging import TaggerComparison

ORIGINAL = "original"
"""Name of the original jets in the pictures, which no tokenizer can have as its title."""


def write_token_report(
    quality: QualityComparison, path: Path, taggers: TaggerComparison | None = None, draw_classes: bool = False
) -> None:
    """Write the report to `path`, pictures to `STEM-NAME.png` and numbers to `STEM.json` beside it, each whole.

    Args:
        quality: quality of the tokenizers.
        path: the report.
        taggers: results of taggers, if there are any.
        draw_classes: draw the observables of each class, too.

    Raises:
        UserError: matplotlib is missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    sections = [_head(quality), *_numbers(quality), *_pictures(quality, path)]
    if draw_classes:
        sections += _class_pictures(quality, path)
    if taggers is not None:
        sections += _taggers(taggers)
    sections += [_definitions(quality), made_with()]
    write_numbers(quality, taggers, path.with_suffix(".json"))
    with written_whole(path) as temporary:
        temporary.write_text("\n\n".join(sections) + "\n")


def _head(quality: QualityComparison) -> str:
    jets = quality.original.jets
    classes = ""
    if jets.label_names:
        counts = np.bincount(jets.label, minlength=len(jets.label_names))
        classes = ": " + ", ".join(f"{name} {count}" for name, count in zip(jets.label_names, counts, strict=True))
    return f"# Tokenizers\n\n{len(jets)} test jets with {len(jets.pt)} particles{classes}."


def _numbers(quality: QualityComparison) -> list[str]:
    of = quality.tokenizers
    sections = [
        f"## Codes\n\n{codes_table(of)}",
        f"## Mean |error|\n\n{absolute_table(of)}",
        f"## Mean error and standard deviation\n\n{signed_table(of)}",
    ]
    if quality.original.jets.is_labelled:
        sections += [f"### Mean |error| of {labelled(name)} by class\n\n{class_table(of, name)}" for name in BY_CLASS]
    return sections


def _pictures(quality: QualityComparison, path: Path) -> list[str]:
    samples = {ORIGINAL: quality.original, **{title: of.observed for title, of in quality.tokenizers.items()}}
    differences = {title: of.reconstruction.differences for title, of in quality.tokenizers.items()}
    coverages = {title: of.coverage for title, of in quality.tokenizers.items() if of.coverage is not None}
    pictures = [path.with_name(f"{path.stem}-{name}.png") for name in ("observables", "errors", "coverage")]
    draw_observables(samples, ORIGINAL, pictures[0])
    draw_all_errors(differences, pictures[1])
    sections = [
        f"## Observables\n\n![Original and reconstructed jets, and their ratio]({pictures[0].name})",
        f"## Errors\n\n![Reconstructed minus original]({pictures[1].name})",
    ]
    if coverages:
        draw_coverage(coverages, pictures[2])
        sections.append(f"## Coverage\n\n![Particles that codes become in random jets]({pictures[2].name})")
    return sections


def _class_pictures(quality: QualityComparison, path: Path) -> list[str]:
    jets, sections = quality.original.jets, []
    for index, name in enumerate(jets.label_names):
        members, picture = np.flatnonzero(jets.label == index), path.with_name(f"{path.stem}-{name}.png")
        samples = {title: of.observed.chosen(members) for title, of in quality.tokenizers.items()}
        draw_observables({ORIGINAL: quality.original.chosen(members), **samples}, ORIGINAL, picture)
        sections.append(f"### Observables of {name}\n\n![Original and reconstructed {name} jets]({picture.name})")
    return sections


def _taggers(taggers: TaggerComparison) -> list[str]:
    settings = taggers.settings
    sections = [
        f"## Taggers\n\nEach is trained on {taggers.num_train} jets for {settings.steps} steps and tested on "
        f"{taggers.num_test} jets. The errors are those of the test jets alone, and another seed changes a result, "
        "too. Of a difference, the error is that of paired predictions on the same test jets."
    ]
    for network in settings.networks:
        rows = [row for row in taggers.rows if row.network == network]
        sections.append(f"### {network}\n\n{tagger_table(rows)}")
    return sections


def _definitions(quality: QualityComparison) -> str:
    settings, coverages = quality.settings, [of.coverage for of in quality.tokenizers.values() if of.coverage]
    probed = max((len(coverage.codes) for coverage in coverages), default=0)
    coverage = (
        f"Spread within a code: each of up to {probed} codes in use is decoded at a random place of "
        f"{settings.coverage_contexts} jets of {LENGTH} codes, the others drawn from those of the test jets. The table "
        "has the median over codes of the standard deviation. It is 0 if a code is a point. The picture shows the "
        f"particles of {CLOUDS} codes in colours, and the mean of each in grey. "
        if probed
        else ""
    )
    return (
        "## Definitions\n\nErrors: reconstructed minus original, jet by jet or particle by particle. Jets are sums of "
        "massless particles, relative to the jet axis. τ and D2 leave out jets with fewer than three particles. "
        f"Behind ±: half the interval that 68 % of {REPLICAS} bootstrap replicas of the jets span. "
        "Codes in use: at least one particle of the test jets has them. Perplexity: exponential of the entropy of the "
        f"codes, which is the number of codes if all are used evenly. {coverage}"
        "Most of this follows OmniJet-α, [arXiv:2403.05618](https://arxiv.org/abs/2403.05618)."
    )
