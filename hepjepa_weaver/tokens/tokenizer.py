"""The tokenizer of jets: each particle becomes one of K codes, and codes become particles again.

Shapes: N jets, P particles, F values of a particle, L real particles of a batch.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hepjepa_weaver.batch.columns import FeatureColumns
from hepjepa_weaver.batch.jets import Jets, in_old_order
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config.tokenizer import TokenizerConfig
from hepjepa_weaver.runtime.precision import in_single_precision
from hepjepa_weaver.tokens.bins import FeatureBins
from hepjepa_weaver.tokens.networks import new_decoder, new_encoder
from hepjepa_weaver.tokens.particle_values import IDENTITIES, Particles, ParticleValues
from hepjepa_weaver.tokens.quantizers import new_quantizer

PADDING = -1
"""Code of padding, which is none."""


@dataclass(frozen=True)
class Reconstruction:
    """Jets that went through the codebook.

    Attributes:
        values: (N, P, F), values of the particles as they were.
        reconstructed: (N, P, F), values from their codes.
        codes: (N, P), without the factor of the identity; `PADDING` where there is no particle.
        is_real: (N, P).
        codebook_loss: scalar.
    """

    values: Tensor
    reconstructed: Tensor
    codes: Tensor
    is_real: Tensor
    codebook_loss: Tensor


class JetTokenizer(nn.Module):
    """Values of particles, encoder, codebook and decoder: a VQ-VAE over the particles of a jet [2403.05618].

    Args:
        columns: columns of the data config.
        config: options of the tokenizer.

    Raises:
        UserError: the data config lacks a feature that the codes are to keep.
    """

    def __init__(self, columns: FeatureColumns, config: TokenizerConfig) -> None:
        super().__init__()
        self.config = config
        own_identity = config.particle.own_identity_code
        self.particle_values = ParticleValues(columns, config.particle.token_features == "full", own_identity)
        self.num_identities = len(IDENTITIES) if own_identity else 1
        self.num_codes = config.quantizer.codes * self.num_identities
        self.bins: FeatureBins | None = None
        if config.encoding.encoding == "binned":
            self.bins = FeatureBins(config.levels, config.encoding.bin_edges)
            return
        self.quantizer = new_quantizer(config.quantizer, config.levels)
        number = self.particle_values.number
        self.encoder = new_encoder(number, self.quantizer.dim, config.encoding)
        self.decoder = new_decoder(self.quantizer.dim, number, config.encoding)

    @property
    def decodes_one_by_one(self) -> bool:
        """Whether a particle depends on its own code and those of particles before it only."""
        return self.config.encoding.encoding != "conditional"

    def has_learned(self) -> bool:
        """Tell whether any training has reached the codebook."""
        return self.bins.has_learned() if self.bins is not None else self.quantizer.has_learned()

    def forward(self, jets: Jets) -> Reconstruction:
        """Encode, quantize and decode jets; in training, in a random order of particles if the decoder is causal."""
        values = self.checked(self.particle_values(jets))
        is_real = particles_of(jets)
        if not bool(is_real.any()):
            is_real = jets.is_real  # codebooks learn from one particle at least
        if self.bins is not None:
            if self.training:
                self.bins.learn(values[is_real])
            codes = self.bins.codes(values)
            return Reconstruction(
                values, self.bins.values(codes), self._marked(codes, is_real), is_real, values.new_zeros(())
            )
        if self.training and self.config.encoding.encoding == "causal":
            values = shuffled(values, jets.is_real)
        latent = self.encoder(values, jets.is_real, jets.num_real)
        quantized = self.quantizer(latent[is_real])
        decoded = self.decoder(filled(quantized.latent, is_real), jets.is_real, jets.num_real).float()
        codes = filled(quantized.codes.unsqueeze(1), is_real).squeeze(2)
        return Reconstruction(values, decoded, self._marked(codes, is_real), is_real, quantized.loss)

    @torch.no_grad()
    def codes(self, jets: Jets) -> Tensor:
        """Return the codes (N, P) of jets, from 0 up to, not including, `num_codes`; `PADDING` for padding.

        A jet without particles has no codes.

        Raises:
            UserError: a particle is not finite.
        """
        order = jets.by_length()
        ordered = jets.reordered(order)
        values = self.checked(self.particle_values(ordered))
        if self.bins is not None:
            codes = self.bins.codes(values)
        else:
            with in_single_precision(values):  # half precision would take other codes, with `--use-amp` only
                latent = self.encoder(values, ordered.is_real, ordered.num_real)
                found = self.quantizer(latent[ordered.is_real]).codes
            codes = filled(found.unsqueeze(1), ordered.is_real).squeeze(2)
        if self.num_identities > 1:
            codes = codes * self.num_identities + self.particle_values.identity(ordered)
        return in_old_order(self._marked(codes, particles_of(ordered)), order)

    @torch.no_grad()
    def particles(self, codes: Tensor) -> Particles:
        """Return the particles of jets from their codes (N, P); `PADDING` stands behind the particles of each jet.

        Raises:
            UserError: a code is not one of this tokenizer, or a particle stands behind padding.
        """
        is_real = self.checked_codes(codes)
        num_real = is_real.sum(dim=1).cpu()
        order = num_real.argsort(descending=True)
        index = order.to(codes.device)
        codes, is_real = codes[index].clamp(min=0), is_real[index]
        values = self.values(codes, is_real, num_real[order])
        back = order.argsort().to(codes.device)
        return self.as_particles(values[back], codes[back], is_real[back])

    def values(self, codes: Tensor, is_real: Tensor, num_real: Tensor) -> Tensor:
        """Return the values (N, P, F) of codes (N, P)."""
        kinematic = codes // self.num_identities
        if self.bins is not None:
            return self.bins.values(kinematic)
        vectors = self.quantizer.vectors(kinematic)
        with in_single_precision(vectors):
            decoded: Tensor = self.decoder(vectors, is_real, num_real)
        return decoded

    def as_particles(self, values: Tensor, codes: Tensor, is_real: Tensor) -> Particles:
        """Return the particles of values (N, P, F), with the identity that their codes (N, P) hold."""
        identity = codes % self.num_identities if self.num_identities > 1 else None
        return self.particle_values.particles(values, is_real, identity)

    def checked(self, values: Tensor) -> Tensor:
        """Return values (N, P, F).

        Raises:
            UserError: one is not finite.
        """
        if not bool(torch.isfinite(values).all()):
            bad = int((~torch.isfinite(values)).flatten(1).any(dim=1).sum())
            raise UserError(f"{bad} of {len(values)} jets of a batch hold particles that are not finite: look for "
                            "infinite values in the input files")  # fmt: skip
        return values

    def checked_codes(self, codes: Tensor) -> Tensor:
        """Return where codes (N, P) stand for particles.

        Raises:
            UserError: a code is out of range, or a particle stands behind padding.
        """
        if codes.numel() and not (int(codes.min()) >= PADDING and int(codes.max()) < self.num_codes):
            raise UserError(
                f"the codes are from {int(codes.min())} to {int(codes.max())}, where the tokenizer has 0 to "
                f"{self.num_codes - 1} ({PADDING} for padding): give the tokenizer that made them"
            )
        is_real = codes != PADDING
        if bool((is_real[:, 1:] > is_real[:, :-1]).any()):
            raise UserError(f"codes stand behind padding ({PADDING}): move the particles of each jet to the front")
        return is_real

    def _marked(self, codes: Tensor, is_real: Tensor) -> Tensor:
        return codes.masked_fill(~is_real, PADDING)


def particles_of(jets: Jets) -> Tensor:
    """Return which slots (N, P) hold particles; the slot that the reader keeps in a jet without any does not."""
    return jets.is_real & jets.has_particles().unsqueeze(1)


def filled(rows: Tensor, is_real: Tensor) -> Tensor:
    """Return rows (L, d) of the real particles in their slots (N, P, d), with 0 for padding."""
    slots = rows.new_zeros(*is_real.shape, rows.size(1))
    return slots.masked_scatter(is_real.unsqueeze(2), rows)


def shuffled(values: Tensor, is_real: Tensor) -> Tensor:
    """Return values (N, P, F) with the real particles of each jet in a random order."""
    draw = torch.rand(is_real.shape, device=values.device).masked_fill(~is_real, 2)
    return values.gather(1, draw.argsort(dim=1).unsqueeze(2).expand_as(values))
