"""Weaver's ParticleTransformer as the encoder of a jet: particle tokens and, from the class token, a jet latent."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from hepjepa_weaver.batch.jets import Jets, mean_over_real
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config import EncoderConfig
from hepjepa_weaver.config.option import require
from hepjepa_weaver.config.run import WeaverOptions
from hepjepa_weaver.model.rank_embedding import RankEmbedding, pt_ranks
from hepjepa_weaver.particle_transformer.encode import Extra, LayerMean, Wanted
from hepjepa_weaver.particle_transformer.encode_packed import encode_in
from hepjepa_weaver.particle_transformer.pairs import Pairs, real_pairs
from hepjepa_weaver.particle_transformer.plain import encode_plainly
from hepjepa_weaver.particle_transformer.supported import check_supported
from hepjepa_weaver.particle_transformer.token_row import TokenRow
from hepjepa_weaver.runtime.compiled import Layout
from hepjepa_weaver.weaver_api.networks import ParticleTransformer


def build_particle_transformer(
    input_dim: int,
    config: EncoderConfig,
    weaver: WeaverOptions,
    num_classes: int | None = None,
    fc_params: tuple[tuple[int, float], ...] | None = None,
    trim: bool = True,
) -> Any:
    """Build weaver's ParT (version 1) as in the particle_transformer repository, so that its weights fit.

    Args:
        input_dim: number C of particle features.
        config: options of the encoder.
        weaver: options that weaver passes.
        num_classes: number of scores; used only with a head.
        fc_params: hidden layers of the head. None leaves the head out, and `forward` returns (N, D).
        trim: let ParT itself shorten and shuffle the particles in training. Off where order must be kept.
    """
    no_dropout = {"dropout": 0, "attn_dropout": 0, "activation_dropout": 0}
    part = ParticleTransformer(
        version=1,  # the only one that `hepjepa_weaver.particle_transformer` computes
        input_dim=input_dim,
        num_classes=num_classes,
        pair_input_dim=4,
        use_pre_activation_pair=config.use_pre_activation_pair,
        embed_dims=list(config.embed_dims),
        pair_embed_dims=list(config.pair_embed_dims) if config.pair_bias else None,
        num_heads=config.num_heads,
        num_layers=config.num_layers,
        num_cls_layers=config.num_cls_layers,
        block_params=dict.fromkeys(no_dropout, config.dropout),
        cls_block_params=no_dropout,
        fc_params=fc_params,
        activation="gelu",
        trim=trim,
        for_inference=weaver.for_inference,
        use_amp=weaver.use_amp,
        compile_model=weaver.compile_model,
    )
    if not config.layer_scale:
        for block in part.blocks:
            block.c_attn.requires_grad_(False)
            block.w_resid.requires_grad_(False)
    return part


@dataclass(frozen=True)
class EncodedJets:
    """Output of an encoder for N jets.

    Attributes:
        tokens: (N, P, D), output of the last particle block, before ParT's final norm.
        is_real: (N, P), True where a token belongs to a particle.
        num_real: (N,), number of particles per jet, on the host.
        latent: (N, D), ParT's class token after its class-attention blocks and final norm; None if not requested.
        layer_mean: (N, P, D), mean over the layer-normed outputs of several layers; None if not requested.
        masked: (N, T, D), tokens of masked particles that the encoder saw as a learned vector; None without any.
    """

    tokens: Tensor
    is_real: Tensor
    num_real: Tensor
    latent: Tensor | None
    layer_mean: Tensor | None = None
    masked: Tensor | None = None

    @property
    def targets(self) -> Tensor:
        """Targets (N, P, D) of a prediction: the mean over layers, if requested, or the tokens."""
        return self.tokens if self.layer_mean is None else self.layer_mean

    def mean_token(self) -> Tensor:
        """Return the mean (N, D) over the tokens of real particles."""
        return mean_over_real(self.tokens, self.is_real)

    def mean_target(self) -> Tensor:
        """Return the mean (N, D) over the targets of real particles."""
        return mean_over_real(self.targets, self.is_real)


@dataclass(frozen=True)
class MaskedRow:
    """Masked particles of N jets, in place of which an encoder gets learned vectors.

    Attributes:
        row: the vectors (N, T, D).
        pt: (N, T), transverse momenta in GeV. Only their order is used, and only for pT ranks.
    """

    row: TokenRow
    pt: Tensor


class ParTEncoder(nn.Module):
    """ParT without head, in `mod`; its weights load into a stock ParT fine-tuning config as they are.

    Args:
        input_dim: number C of particle features.
        config: options of the encoder.
        weaver: options that weaver passes.
        with_latent: compute the class token as well. Without it the class-attention blocks are frozen, because DDP
            refuses parameters without a gradient. They stay in the state dict, so that every checkpoint fits stock
            ParT.
        num_registers: number of register tokens, which belong to no particle, as in HEP-JEPA (2502.03933). They stand
            beside `mod`, which has no place for them. Weaver exempts their name from weight decay.
        has_ranks: add a learned vector for its pT rank to each particle token, in `rank` beside `mod`.
        layout: how the particles of a batch are computed.

    Raises:
        WeaverChanged: weaver's ParT has parts that are not computed here.
        UserError: registers or ranks in a network for ONNX.
    """

    register_token: Tensor | None

    def __init__(
        self,
        input_dim: int,
        config: EncoderConfig,
        weaver: WeaverOptions,
        with_latent: bool = True,
        num_registers: int = 0,
        has_ranks: bool = False,
        layout: Layout = "padded",
    ) -> None:
        super().__init__()
        self.with_latent = with_latent
        self.width, self.layout = config.width, layout
        self.mod = build_particle_transformer(input_dim, config, weaver, trim=False)
        check_supported(self.mod)
        require(not (num_registers and weaver.for_inference), "num_registers", num_registers, "0 for --export-onnx")
        require(not (has_ranks and weaver.for_inference), "pt_ranks", has_ranks, "False for --export-onnx")
        self.register_token = new_register_token(num_registers, self.width)
        self.rank = RankEmbedding(self.width) if has_ranks else None
        if not with_latent:
            for part in (self.mod.cls_blocks, self.mod.norm):
                part.requires_grad_(False)
            self.mod.cls_token.requires_grad_(False)

    def forward(
        self,
        jets: Jets,
        pairs: Pairs | None = None,
        layer_mean: LayerMean | None = None,
        attention_bias: Tensor | None = None,
        masked: MaskedRow | None = None,
        tokens_only: bool = False,
    ) -> EncodedJets:
        """Encode N jets.

        Args:
            jets: the jets.
            pairs: pairs of their particles (`real_pairs`), if the caller has them already.
            layer_mean: mean over layers to return as well.
            attention_bias: (N or 1, H or 1, P, P), added to the attention scores of the particle blocks, such as a
                causal mask (`particle_transformer.bias.causal_bias`). Registers then see no particle.
            masked: masked particles, which stand beside those of `jets` as learned vectors.
            tokens_only: leave out the class token, if it is not read.

        Raises:
            UserError: in training, the batch has a single particle: BatchNorm finds no variance in it.
        """
        if self.mod.training and jets.is_real.numel() == 1:
            raise UserError("a batch has a single particle to train on: take more jets at once (--batch-size)")
        if self.mod.for_inference:
            return self.forward_plain(jets, attention_bias)
        pairs = real_pairs(jets) if pairs is None else pairs
        row, ranks = None, self._ranks(jets, masked)
        if masked is not None:
            vectors = masked.row.tokens if ranks is None else masked.row.tokens + ranks[:, jets.is_real.size(1) :]
            row = replace(masked.row, tokens=vectors)
        extra = Extra(self.register_token, attention_bias, ranks, row)
        wanted = Wanted(self.with_latent and not tokens_only, layer_mean)
        tokens, latent, mean = encode_in(self.layout, self.mod, jets, pairs, wanted, extra)
        length = jets.is_real.size(1)
        of_masked = None if masked is None else tokens[:, length:]
        return EncodedJets(tokens[:, :length], jets.is_real, jets.num_real, latent, mean, of_masked)

    def _ranks(self, jets: Jets, masked: MaskedRow | None) -> Tensor | None:
        """Return the vectors (N, P + T, D) of the pT ranks of particles and, behind them, masked particles."""
        if self.rank is None:
            return None
        pt, is_real = jets.pt(), jets.is_real
        if masked is not None:
            pt, is_real = torch.cat([pt, masked.pt], dim=1), torch.cat([is_real, masked.row.is_real], dim=1)
        vectors: Tensor = self.rank(pt_ranks(pt, is_real))
        return vectors

    def forward_plain(self, jets: Jets, attention_bias: Tensor | None = None) -> EncodedJets:
        """Encode N jets with weaver's own modules, for ONNX: slower, with fixed shapes, without registers."""
        tokens, latent = encode_plainly(self.mod, jets, self.with_latent, attention_bias)
        return EncodedJets(tokens, jets.is_real, jets.num_real, latent)


def new_register_token(num_registers: int, width: int) -> nn.Parameter | None:
    """Return new register tokens (R, D), or None if there are none."""
    if num_registers == 0:
        return None
    return nn.Parameter(nn.init.trunc_normal_(torch.empty(num_registers, width), std=0.02))
