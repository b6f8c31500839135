"""Named groups of settings, such as `-o preset paper` and `-o size small`; single options overrule them."""

from collections.abc import Container, Mapping
from typing import Any

from hepjepa_weaver.common.errors import UserError

PAPER: dict[str, Any] = {
    # HEP-JEPA 2502.03933: patch tokens, contiguous targets and context, 12 blocks, 8 registers, pairwise bias
    "tokens": "patches",
    "mask_strategy": "contiguous",
    "num_registers": 8,
    "num_layers": 12,
    "predictor_pair_bias": True,
    "particle_weight": 1.0,
    "event_weight": 0.0,
    "composition_weight": 0.0,
    "variance_weight": 0.0,
    "covariance_weight": 0.0,
    # the paper's augmentations are not published; these are ours, the same for both encoders
    "rotate": True,
    "reflect": True,
    "turn_context": False,
    # not published for HEP-JEPA; from Point-JEPA 2404.16432, which HEP-JEPA follows
    "num_targets": 4,
    "context_ratio": (0.4, 0.75),
    "mask_token_knows": "position",
    "target_layers": "last",
    "target_norm": "layer",
    "smooth_l1_beta": 2.0,
    "predictor_layers": 6,
    "ema_start": 0.9995,
    "ema_end": 0.99999,
    # not published, and Point-JEPA's are for shapes of 1024 points; these are ours
    "num_patches": 16,
    "patch_size": 8,
    # Point-JEPA's targets of 0.15 to 0.2 overlap and mask about half of the tokens; ours mask as many without overlap
    "target_ratio": (0.1, 0.15),
}

JP: dict[str, Any] = {
    # JP-JEPA 2606.14813: particle tokens, contiguous targets, event latent, student-only dropping, KoLeo
    "mask_strategy": "contiguous",
    "particle_weight": 1.0,
    "event_weight": 1.0,
    "composition_weight": 0.0,
    "event_target": "latent",
    "variance_weight": 0.0,
    "covariance_weight": 0.0,
    "predictor_pair_bias": True,
    "rotate": False,
    "reflect": False,
    "turn_context": False,
    # weights, rates, ratios and EMA are not published: targets are Point-JEPA's, the rest is ours
    "num_targets": 4,
    "target_ratio": (0.1, 0.15),
    "context_ratio": (1.0, 1.0),
    "mask_token_knows": "position",
    "target_layers": "last",
    "target_norm": "layer",
    "student_drops_identity": 0.3,
    "student_drops_displacement": 0.3,
    "koleo_weight": 0.1,
    "ema_start": 0.996,
    "ema_end": 1.0,
}

NEED_CARE = {
    "paper": "its embeddings have collapsed with every setting that was tried, and fine-tuning then ended below a "
    "network from scratch: watch effective_rank and probe_accuracy, lower --start-lr, or take -o preset default",
    "jp": "its probe has stood still, and fine-tuning has gained nothing over a network from scratch: watch "
    "probe_accuracy, or take -o preset default",
}
"""Presets of HEP-JEPA that are known to need care, and why (docs/pretraining.md, Presets)."""

PRESETS: dict[str, dict[str, Any]] = {"default": {}, "paper": PAPER, "jp": JP}

SIZES: dict[str, dict[str, Any]] = {
    # ParT-full, and JP-JEPA's Mini
    "mini": {
        "embed_dims": (128, 512, 128),
        "pair_embed_dims": (64, 64, 64),
        "num_heads": 8,
        "num_layers": 8,
        "num_cls_layers": 2,
    },
    # JP-JEPA's Small as released; its number of heads is not known
    "small": {
        "embed_dims": (384, 512, 384),
        "pair_embed_dims": (64, 64, 64),
        "num_heads": 8,
        "num_layers": 12,
        "num_cls_layers": 3,
    },
    # small enough for two CPU cores to pre-train in an hour
    "quick": {
        "embed_dims": (64, 128, 64),
        "pair_embed_dims": (16, 16),
        "num_heads": 4,
        "num_layers": 3,
        "num_cls_layers": 1,
        "predictor_dim": 32,
        "predictor_layers": 2,
        "tokenizer_dim": 64,
        "tokenizer_layers": 2,
        "tokenizer_heads": 4,
    },
}


def tables_of_use(
    known: Container[str], own_presets: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, Mapping[str, Mapping[str, Any]]]:
    """Return the tables of presets and sizes that set any of the options `known`.

    Args:
        known: names of options.
        own_presets: values of `-o preset` of this network; None takes `PRESETS`.
    """
    tables: dict[str, Mapping[str, Mapping[str, Any]]] = {"preset": own_presets or PRESETS, "size": SIZES}
    return {
        kind: table
        for kind, table in tables.items()
        if any(name in known for settings in table.values() for name in settings)
    }


def expanded(
    options: Mapping[str, Any], known: Container[str], own_presets: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, Any]:
    """Return `options` with `preset` and `size` replaced by the `known` options that they set.

    A size overrules a preset, and a single option overrules both. A network without any of the options of a table does
    not know that table either.

    Raises:
        UserError: there is no preset or size of that name.
    """
    rest = dict(options)
    named: dict[str, Any] = {}
    for kind, table in tables_of_use(known, own_presets).items():
        if kind not in rest:
            continue
        choice = rest.pop(kind)
        if choice not in table:
            raise UserError(f"option -o {kind} is {choice!r}, but must be {' or '.join(map(repr, table))}")
        named |= table[choice]
    return {name: value for name, value in named.items() if name in known} | rest
