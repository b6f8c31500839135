import pytest
import torch

from hepjepa_weaver.config.tokenizer import QuantizerConfig
from hepjepa_weaver.tokens import codebook as module
from hepjepa_weaver.tokens.codebook import Codebook, counts_and_sums, nearest, rotated


def new_codebook(size: int = 8, dim: int = 3, **options) -> Codebook:
    torch.manual_seed(0)
    return Codebook(size, QuantizerConfig(latent_dim=dim, **{"dead_below": 0.0, **options})).train()


def points(number: int, dim: int = 3, seed: int = 1) -> torch.Tensor:
    return torch.randn(number, dim, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("floats", [1, 100, 2**20])
@pytest.mark.parametrize("number", [0, 1, 50])
def test_the_nearest_vector_is_that_of_all_distances(monkeypatch, floats, number):
    monkeypatch.setattr(module, "CHUNK_FLOATS", (floats, floats))
    rows, table = points(number), points(20, seed=2)
    assert torch.equal(nearest(rows, table), torch.cdist(rows.double(), table.double()).argmin(dim=1))


def test_counts_and_sums_are_those_of_each_code():
    rows, index = points(50), torch.randint(4, (50,), generator=torch.Generator().manual_seed(0))
    counts, sums = counts_and_sums(rows, index, 5)
    for code in range(5):
        assert counts[code] == (index == code).sum()
        assert torch.allclose(sums[code], rows[index == code].sum(dim=0), atol=1e-6)


def test_it_starts_with_the_centres_of_clusters():
    centres = 10 * torch.eye(3)
    latent = torch.cat([centre + 0.01 * points(40, seed=seed) for seed, centre in enumerate(centres)])
    book = new_codebook(size=12)
    assert not book.has_started
    index = book(latent[torch.randperm(120)])
    assert book.has_started
    used = book.vectors[index.unique()]
    assert torch.cdist(centres, used).min(dim=1).values.max() < 0.02
    assert book.use.sum() == pytest.approx(120, abs=0.01)
    # One round more changes nothing that is in use: they are the means of what is nearest to them.
    near = nearest(latent, book.vectors)
    counts, sums = counts_and_sums(latent, near, 12)
    means = sums[counts > 0] / counts[counts > 0].unsqueeze(1)
    assert torch.allclose(means, book.vectors[counts > 0], atol=5e-3)


def test_without_k_means_it_starts_as_it_is():
    book = new_codebook(kmeans_start=False)
    before = book.vectors.clone()
    book(points(50))
    assert torch.equal(book.vectors, before)
    assert (book.use == 1).all()
    assert torch.equal(book.sums, before)


def test_in_eval_mode_it_does_not_start():
    book = new_codebook().eval()
    before = book.vectors.clone()
    book(points(50))
    assert not book.has_started
    assert torch.equal(book.vectors, before)


@pytest.mark.parametrize("number", [1, 5])
def test_fewer_particles_than_codes_are_enough_to_start(number):
    book, latent = new_codebook(), points(number)
    index = book(latent)
    assert torch.allclose(book.vectors[index], latent, atol=1e-6)
    book.learn(latent, index)
    assert torch.isfinite(book.vectors).all()


def test_no_particle_moves_nothing_and_gives_nothing():
    book = new_codebook(dead_below=0.5)
    nothing = points(0)
    index = book(nothing)
    book.learn(nothing, index)
    assert len(index) == 0
    assert torch.isfinite(book.vectors).all()


def test_vectors_are_the_moving_average_in_closed_form():
    """u_n = d^n u_0 + (1 - d) Σ d^(n-1-k) c_k, the same for the sums, and their ratio is the code."""
    decay, book = 0.8, new_codebook(codebook_decay=0.8)
    start = points(60)
    book(start)
    use, sums = book.use.double(), book.sums.double()
    for step in range(7):
        latent = points(40, seed=10 + step) + step
        index = book(latent)
        counts, totals = counts_and_sums(latent, index, 8)
        use = decay * use + (1 - decay) * counts.double()
        sums = decay * sums + (1 - decay) * totals.double()
        book.learn(latent, index)
    assert torch.allclose(book.use.double(), use, rtol=1e-5)
    assert torch.allclose(book.vectors.double(), sums / use.unsqueeze(1), rtol=1e-4, atol=1e-5)


def test_a_code_without_use_stays_where_it_is():
    book = new_codebook(codebook_decay=0.5)
    book(points(60))
    last = book.vectors[7].clone()
    latent = points(40)
    for _ in range(60):
        book.learn(latent, torch.zeros(40, dtype=torch.long))
    assert torch.allclose(book.vectors[7], last, atol=1e-3)
    assert torch.allclose(book.vectors[0], latent.mean(dim=0), atol=1e-5)


def test_dead_codes_and_no_others_are_replaced_by_latent_vectors():
    book = new_codebook(codebook_decay=0.0, dead_below=0.5)
    book(points(60))
    latent = points(100) + 5
    index = torch.cat([torch.arange(6).repeat(16), torch.tensor([6, 0, 1, 2])])  # code 6 has 1 of 100, code 7 none
    book.learn(latent, index)
    counts, sums = counts_and_sums(latent, index, 8)
    assert torch.allclose(book.vectors[:6], (sums / counts.unsqueeze(1))[:6], atol=1e-5)
    fresh = torch.cdist(book.vectors, latent).min(dim=1).values
    assert fresh[6:].max() < 1e-6
    assert fresh[:6].min() > 1e-3
    assert torch.allclose(book.use[6:], torch.tensor(0.5 * 100 / 8))
    assert torch.allclose(book.sums[6:] / book.use[6:].unsqueeze(1), book.vectors[6:])


def test_with_gradients_the_optimiser_moves_the_codes():
    book = new_codebook(codebook_update="gradient", dead_below=0.5)
    assert isinstance(book.vectors, torch.nn.Parameter)
    latent = points(60)
    index = book(latent)
    loss = (latent - book.vectors[index]).square().mean()
    book.learn(latent, index)  # changes vectors in place before the backward pass
    loss.backward()
    assert book.vectors.grad is not None
    assert book.vectors.grad.abs().sum() > 0
    before = book.vectors.detach().clone()
    book.learn(latent, index)
    is_used = book.use > 0.5 * book.use.mean()
    assert is_used.any()
    assert torch.equal(book.vectors[is_used], before[is_used])


def test_rotation_has_the_value_of_the_vector():
    latent, vector = points(50, 4), points(50, 4, seed=3)
    assert torch.allclose(rotated(latent, vector), vector, atol=1e-5)
    assert torch.equal(rotated(latent, -latent), -latent)
    assert torch.equal(rotated(torch.zeros(50, 4), vector), vector)


def test_its_gradient_is_a_rotation_times_the_ratio_of_lengths():
    """Against the Jacobian: J Jᵀ = (|q| / |e|)² 1, det > 0, and it takes e to q."""
    for latent, vector in zip(points(20, 4).double(), points(20, 4, seed=3).double(), strict=True):
        jacobian = torch.autograd.functional.jacobian(
            lambda x, v=vector: rotated(x.unsqueeze(0), v.unsqueeze(0))[0], latent
        )
        scale = vector.norm() / latent.norm()
        assert torch.allclose(jacobian @ jacobian.T, scale**2 * torch.eye(4).double(), atol=1e-6)
        assert torch.det(jacobian) == pytest.approx(float(scale) ** 4, rel=1e-5)
        assert torch.allclose(jacobian @ latent, vector, atol=1e-6)
        # What is at right angles to both stays as it is, apart from the scale.
        plane = torch.linalg.qr(torch.stack([latent, vector], dim=1)).Q
        other = torch.randn(4).double()
        other = other - plane @ (plane.T @ other)
        assert torch.allclose(jacobian @ other, scale * other, atol=1e-6)
