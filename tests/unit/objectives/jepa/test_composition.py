"""The composition of masked particles beside the embeddings: what it is of, what it sees, what it needs."""

import pytest
import torch

from hepjepa_weaver.batch.inputs import NetworkInputs
from hepjepa_weaver.batch.reader import REQUIRED_GROUPS, JetReader
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.objectives.jepa.network import Jepa
from tests.helpers.data_configs import COLUMNS
from tests.helpers.messages import naming
from tests.helpers.networks import small_config, small_jepa, small_loss
from tests.helpers.statistics import small_statistics
from tests.helpers.symmetry import with_other_particles
from tests.helpers.toy_jets import weaver_inputs
from tests.helpers.two_ranks import every_third
from tests.helpers.typed_jets import typed_jets

JETS = typed_jets([30, 3, 49, 1, 17, 2], seed=4)
COMPOSITION = {"composition_weight": 1.0}
ALONE = {"particle_weight": 0.0}


def model_with_composition(**options):
    return small_jepa(statistics=small_statistics(), **COMPOSITION, **options).train()


@pytest.mark.parametrize("turned", [False, True])
def test_it_is_that_of_the_masked_particles_of_each_jet_as_the_context_is_turned(turned):
    model = model_with_composition(rotate=turned, turn_context=turned)
    torch.manual_seed(1)
    view = model.hide(JETS)
    mean = model.context_encoder(view.context).mean_token()
    chances = model.to_composition(mean).log_softmax(dim=1)
    each = [
        -chances[jet, kind]
        for jet, kinds in enumerate(model.particle_statistics.clusters(view.hidden.features))
        for kind in kinds[view.hidden.is_real[jet]]
    ]
    torch.manual_seed(1)
    found = model.pretext_task(JETS).composition
    assert found.item() == pytest.approx(torch.stack(each).mean().item(), rel=1e-5)


def test_nothing_of_the_masked_particles_but_their_kinds_reaches_its_loss():
    model = model_with_composition()
    torch.manual_seed(1)
    view = model.hide(JETS)
    hidden = view.masks.is_target[view.order.argsort()]
    losses = []
    kinds = torch.zeros_like(view.hidden.is_real, dtype=torch.long)
    model.particle_statistics.clusters = lambda _: kinds
    for jets in (JETS, with_other_particles(JETS, hidden)):
        torch.manual_seed(1)
        losses.append(model.pretext_task(jets).composition)
    assert torch.equal(*losses)


@pytest.mark.parametrize("others", [{}, {"event_weight": 0.0}, {"particle_weight": 0.0}])
def test_its_weight_counts_and_every_trained_parameter_gets_a_finite_gradient(others):
    model = model_with_composition(**others)
    output = model(*weaver_inputs(JETS))
    one, three = (small_loss(composition_weight=weight, **others)(output) for weight in (1.0, 3.0))
    assert torch.isclose(three.total - one.total, 2 * one.terms["composition"], atol=1e-5)
    one.total.backward()
    bad = [name for name, p in model.named_parameters()
           if p.requires_grad and (p.grad is None or not p.grad.isfinite().all())]  # fmt: skip
    assert bad == []


@pytest.mark.parametrize("kind", ["identity", "displacement"])
@pytest.mark.parametrize("turned", [False, True])
def test_it_is_of_particles_with_the_features_that_neither_encoder_is_shown(kind, turned):
    """With the same orientations the wanted kinds are those of jets that keep their features."""
    options = {"rotate": turned, "reflect": turned, "turn_context": turned, "particle_weight": 0.0}
    places = getattr(COLUMNS["full"], kind)
    wanted, views = [], []
    for share in (0.0, 1.0):
        model = model_with_composition(**{f"drop_{kind}": share}, **options)
        torch.manual_seed(1)
        model.masking = every_third
        views.append(model.hide(JETS))
        wanted.append(model.particle_statistics.clusters(views[-1].hidden.features))
    whole, lost = views
    assert torch.equal(*wanted)
    assert torch.equal(lost.hidden.features, whole.hidden.features)
    for part in ("context", "jets"):
        features = getattr(whole, part).features.clone()
        assert features[:, places].any()
        features[:, places] = 0
        assert torch.equal(getattr(lost, part).features, features)


def test_without_a_weight_there_is_none():
    output = small_jepa().train()(*weaver_inputs(JETS))
    assert output.composition is None
    assert "composition" not in small_loss()(output).terms


def test_a_jet_of_one_particle_has_nothing_to_tell():
    output = model_with_composition()(*weaver_inputs(typed_jets([1, 1])))
    assert output.composition.item() == 0


@pytest.mark.parametrize("clusters", [12, 7])
def test_a_run_that_starts_from_other_weights_keeps_its_own_clusters(clusters):
    """The head comes along if it is for the same clusters."""
    old, new = model_with_composition(), small_jepa(1, statistics=small_statistics(clusters=clusters), **COMPOSITION)
    before = new.to_composition.weight.clone()
    new.load_state_dict(old.state_dict(), strict=False)
    assert new.particle_statistics.config.clusters == clusters
    assert torch.equal(new.predictor.mask_token, old.predictor.mask_token)
    assert torch.equal(new.to_composition.weight, old.to_composition.weight if clusters == 12 else before)


def test_clusters_with_as_many_kinds_are_others_nevertheless():
    old, new = model_with_composition(), small_jepa(1, statistics=small_statistics(), **COMPOSITION)
    new.particle_statistics.centres += 1
    before = new.to_composition.weight.clone()
    new.load_state_dict(old.state_dict(), strict=False)
    assert torch.equal(new.to_composition.weight, before)


def test_a_network_config_that_gives_no_clusters_is_told():
    inputs = NetworkInputs(JetReader(REQUIRED_GROUPS), COLUMNS["full"])
    with pytest.raises(UserError, match=naming("composition_weight 0", "hepjepa_pretrain.py")):
        Jepa(inputs, small_config(**COMPOSITION))


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"composition_weight": -1.0}, ("composition_weight", "-1")),
        ({**COMPOSITION, "tokens": "patches"}, ("tokens", "composition_weight")),
        ({"particle_statistics": "a.pt"}, ("particle_statistics", "a.pt", "composition_weight")),
        ({**COMPOSITION, **ALONE, "event_weight": 0.0}, ("event_weight", "particle_weight", "mpm_pretrain")),
        ({**ALONE, "loss_on": "all"}, ("loss_on", "all", "particle_weight")),
        ({**ALONE, "target_removes": "inputs"}, ("target_removes", "inputs", "particle_weight")),
        ({**ALONE, "mask_token_knows": "position"}, ("mask_token_knows", "position", "particle_weight")),
    ],
)
def test_options_that_do_not_go_together_are_refused(options, wanted):
    with pytest.raises(UserError, match=naming(*wanted)):
        small_config(**options)
