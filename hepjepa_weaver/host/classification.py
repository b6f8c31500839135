"""Weaver's classification loops for the networks of this package, as fine-tuning and baselines use them."""

from typing import Any

from hepjepa_weaver.host.loaders import InStep
from hepjepa_weaver.model.fine_tuning import FineTuned, check_head_epochs
from hepjepa_weaver.weaver_api.training import evaluate_classification, train_classification, unwrap_model


def train(
    model: Any,
    loss_func: Any,
    opt: Any,
    scheduler: Any,
    train_loader: Any,
    dev: Any,
    epoch: int,
    steps_per_epoch: int | None = None,
    **kwargs: Any,
) -> Any:
    """Train an epoch with weaver's `train_classification`; the encoder is frozen in the epochs that its options say.

    Raises:
        UserError: the weights are random and `-o from_scratch` does not allow that. Also for `-o head_epochs` with
            several ranks.
    """
    network = ready(model)
    if isinstance(network, FineTuned):
        check_head_epochs(model, network.tuning)
        network.start_epoch(epoch)
    jets = InStep(train_loader, dev) if steps_per_epoch is None else train_loader
    return train_classification(model, loss_func, opt, scheduler, jets, dev, epoch, steps_per_epoch, **kwargs)


def evaluate(
    model: Any,
    test_loader: Any,
    dev: Any,
    *args: Any,
    for_training: bool = True,
    steps_per_epoch: int | None = None,
    **kwargs: Any,
) -> Any:
    """Validate or test with weaver's `evaluate_classification`."""
    ready(model)
    jets = InStep(test_loader, dev) if for_training else test_loader
    return evaluate_classification(
        model, jets, dev, *args, for_training=for_training, steps_per_epoch=steps_per_epoch, **kwargs
    )


def ready(model: Any, args: Any = None) -> Any:
    """Return the bare network.

    Args:
        model: network, maybe wrapped.
        args: weaver's command line; not needed here.

    Raises:
        UserError: its weights are random and `-o from_scratch` does not allow that.
    """
    network = unwrap_model(model)
    if isinstance(network, FineTuned):
        network.check_ready()
    return network
