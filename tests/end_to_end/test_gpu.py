"""What a GPU does differently, on one: `scripts/test.sh -m gpu`. It is left out elsewhere."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import torch

from hepjepa_weaver.generation.generator import load_generator
from hepjepa_weaver.training.loop import train_epoch
from hepjepa_weaver.training.optimiser import init_opt
from tests.helpers.compiler_warnings import compiler_may_warn
from tests.helpers.networks import BatchList, small_jepa, small_loss, small_mpm, weaver_args
from tests.helpers.tokens import small_tokenizer
from tests.helpers.toy_jets import random_jets, weaver_inputs, write_toy_files
from tests.helpers.two_ranks import DEFAULT, OPTIONS, check_two_train_as_one, every_third
from tests.helpers.typed_jets import typed_jets
from tests.helpers.weaver_command import ENCODER, PREDICTOR, WEAVER, succeeded, weaver, weaver_words

no_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no GPU here")
pytestmark = [
    pytest.mark.gpu,
    no_gpu,
    # PyTorch's own words about the mode that one test switches on, and its compiler's; no other warning is let through.
    pytest.mark.filterwarnings("ignore:Synchronization debug mode is a prototype feature:UserWarning"),
    compiler_may_warn,
]

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)
MULTIPLICITIES = [0, 1, 2, 3, 9, 17, 30, 64]
VARIANTS = [
    DEFAULT,
    {"mask_strategy": "contiguous", "num_targets": 3, "target_ratio": (0.1, 0.2), "predictor_pair_bias": True},
    {"mask_strategy": "ball", "mask_token_knows": "position", "loss_on": "all", "num_registers": 2},
    {"tokens": "patches"},
    {"tokens": "patches", "patch_size": 0},
    {"composition_weight": 1.0},
    {"target_removes": "inputs_and_jet", "drop_identity": 0.3, "student_drops_displacement": 0.3},
    {"layout": "packed", "num_registers": 2},
    {"layout": "compiled"},
    {**DEFAULT, "layout": "compiled"},
    {"koleo_weight": 1.0, "sigreg_weight": 1.0, "rotate": True, "reflect": True, "smear": 0.1, "split": 0.2},
]
TOKENIZERS = [{"encoding": "conditional"}, {"encoding": "causal", "quantizer": "residual"}, {"encoding": "binned"}]
SMALL_TOKENS = ("-o", "tokenizer_dim", "16", "-o", "tokenizer_heads", "4", "-o", "tokenizer_layers", "1", "-o", "codes",
                "64", "-o", "encoding", "causal", "-o", "token_features", "full", "-o", "log_every", "2")  # fmt: skip
EPOCHS = ("--num-epochs", "2", "--steps-per-epoch", "4", "--steps-per-epoch-val", "3", "--optimizer", "AdamW")
PRETRAIN = (*ENCODER, *PREDICTOR, *EPOCHS)


def batches(number: int) -> BatchList:
    jets = [weaver_inputs(random_jets(MULTIPLICITIES, seed=seed)) for seed in range(number)]
    return BatchList(jets, [torch.zeros(len(MULTIPLICITIES))] * number)


@pytest.mark.parametrize("options", [*OPTIONS, {"loss_on": "all", "num_registers": 2}], ids=str)
def test_a_step_is_that_of_a_cpu(options: dict) -> None:
    """Loss and gradients, in double precision but for the losses, which are taken in single precision."""
    found = []
    for device in (CPU, GPU):
        model = small_jepa(**options).double().to(device).train()
        model.masking = every_third
        *groups, mask = (x.double() for x in weaver_inputs(random_jets(MULTIPLICITIES)))
        losses = small_loss(**options)(model(*(group.to(device) for group in groups), mask))
        losses.total.backward()
        found.append({name: p.grad for name, p in model.named_parameters() if p.grad is not None})
        found[-1]["loss"] = losses.total.detach()
    on_cpu, on_gpu = found
    assert on_cpu.keys() == on_gpu.keys()
    for name, value in on_cpu.items():
        assert torch.allclose(on_gpu[name].cpu(), value, rtol=1e-4, atol=1e-6), name


LAYOUTS = {"packed": (torch.float64, 1e-5, 1e-8), "compiled": (torch.float32, 1e-3, 1e-5)}
"""Precision, relative and absolute tolerance; the losses are in single precision in both."""


@pytest.mark.parametrize("build", [small_jepa, small_mpm])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_step_without_padding_is_that_with_it(layout: str, build: Callable[..., Any]) -> None:
    dtype, *tolerances = LAYOUTS[layout]
    *groups, mask = weaver_inputs(random_jets(MULTIPLICITIES))
    found = []
    for name in ("padded", layout):
        model = build(layout=name, num_registers=2).to(GPU, dtype).train()
        model.masking = every_third
        output = model(*(group.to(GPU, dtype) for group in groups), mask)
        loss = small_loss()(output).total if build is small_jepa else sum(output.losses.values())
        loss.backward()
        found.append({name: p.grad for name, p in model.named_parameters() if p.grad is not None} | {"loss": loss})
    for name, value in found[0].items():
        assert torch.allclose(found[1][name], value, *tolerances), name


class Unwatched(BatchList):
    """Batches, between the second and the last but one of which whatever waits for the device raises."""

    def __iter__(self):
        for number, batch in enumerate(super().__iter__()):
            between = 2 <= number < len(self.batches) - 1
            torch.cuda.set_sync_debug_mode("error" if between else "default")
            yield batch


@pytest.fixture
def as_before():
    yield
    torch.cuda.set_sync_debug_mode("default")


@pytest.mark.usefixtures("as_before")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("options", VARIANTS, ids=str)
def test_steps_between_two_log_lines_wait_for_nothing(tmp_path: Path, options: dict, precision: str) -> None:
    (tmp_path / "jets.root").write_bytes(b"root")
    words = ("--data-train", str(tmp_path / "jets.root"), "--optimizer", "AdamW", "--num-epochs", "1")
    args = weaver_args(*words, "--steps-per-epoch", "8", *["--use-amp"] * (precision == "bf16"))
    model = small_jepa(dropout=0.1, **options).to(GPU)
    opt, scheduler = init_opt(args, model)
    loader = batches(8)
    loader.__class__ = Unwatched
    train_epoch(model, small_loss(**options), opt, scheduler, loader, GPU, 0, 8, extra_args={"args": args})
    assert model.step == 8
    assert all(torch.isfinite(value).all() for value in model.state_dict().values())


@pytest.mark.parametrize("build", [small_jepa, small_mpm])
def test_embeddings_are_those_of_a_cpu_and_of_a_jet_alone(build) -> None:
    inputs = weaver_inputs(random_jets(MULTIPLICITIES))
    model = build().eval()
    with torch.no_grad():
        on_cpu = model(*inputs)
        model.to(GPU)
        together = model(*(x.to(GPU) for x in inputs))
        alone = [model(*(x[jet : jet + 1].to(GPU) for x in inputs)) for jet in range(len(MULTIPLICITIES))]
    assert torch.allclose(together.cpu(), on_cpu, rtol=1e-4, atol=1e-5)
    assert torch.allclose(torch.cat(alone), together, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("options", OPTIONS, ids=["default", "paper-like", "jp-like"])
def test_two_processes_train_as_one_with_torchs_own_batch_norm(tmp_path: Path, options: dict) -> None:
    """They share the GPU, which NCCL refuses, and so talk by gloo."""
    check_two_train_as_one(tmp_path, options, GPU)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gpu")
    for seed, split in enumerate(("train", "val", "test")):
        write_toy_files(folder / split, jets_per_class=60, seed=seed)
    return folder


def state(path: Path) -> dict[str, torch.Tensor]:
    weights: dict[str, torch.Tensor] = torch.load(path, weights_only=True, map_location="cpu")
    return weights


@pytest.mark.parametrize("precision", [(), ("--use-amp",), ("--use-amp", "--amp-dtype", "fp16")], ids=" ".join)
@pytest.mark.parametrize("network", ["hepjepa_pretrain", "mpm_pretrain"])
def test_weaver_pretrains_resumes_embeds_and_fine_tunes(work: Path, network: str, precision: tuple[str, ...]) -> None:
    name = "_".join((network, *precision)).replace("-", "")
    words = ("--gpus", "0", *precision, "--model-prefix", f"{name}/net", *PRETRAIN)
    log = succeeded(weaver(work, network, *words))
    assert "Validation: " in log
    assert "Resume training from epoch 0" in succeeded(weaver(work, network, *words, "--load-epoch", "0"))
    assert state(work / f"{name}/net_epoch-1_state.pt")["step"] == 8
    scores = []
    for gpus in ("0", ""):
        words = ("--predict", "--gpus", gpus, "--model-prefix", f"{name}/net", *ENCODER, *PREDICTOR)
        succeeded(weaver(work, network, *words, "--predict-output", f"{name}/jets{gpus}.parquet", split="test"))
        scores.append(ak.to_numpy(ak.from_parquet(work / f"{name}/jets{gpus}.parquet")["scores"]))
    assert np.allclose(*scores, rtol=1e-3, atol=1e-4)
    start = ("--load-model-weights", f"{name}/net_best_epoch_state.pt", "-o", "pooling", "mean")
    words = ("--gpus", "0", *precision, "--model-prefix", f"{name}/tuned/net", *start, *ENCODER, *EPOCHS)
    succeeded(weaver(work, "hepjepa_finetune", *words))
    assert (work / f"{name}/tuned/net_epoch-1_state.pt").exists()


@pytest.mark.parametrize("network", ["hepjepa_pretrain", "hepjepa_finetune"])
def test_weaver_trains_with_torchrun_and_nccl_on_all_gpus_and_resumes(work: Path, network: str) -> None:
    number = torch.cuda.device_count()
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(number)]
    sizes = PRETRAIN if network == "hepjepa_pretrain" else (*ENCODER, *EPOCHS, "-o", "from_scratch", "True")
    gpus = ("--gpus", ",".join(map(str, range(number))), "--backend", "nccl")
    words = weaver_words(network, *gpus, "--use-amp", "--model-prefix", f"nccl_{network}/net", *sizes)
    assert words[0] == str(WEAVER)
    for more in ((), ("--load-epoch", "0")):
        done = subprocess.run([*torchrun, *words, *more], cwd=work, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        assert "Using distributed PyTorch with nccl backend" in done.stdout
    assert (work / f"nccl_{network}/net_best_epoch_state.pt").exists()


@pytest.mark.parametrize("options", TOKENIZERS, ids=str)
def test_codes_and_particles_are_those_of_a_cpu(options: dict) -> None:
    tokenizer = small_tokenizer(**options)
    jets = typed_jets([1, 2, 9, 40])
    codes = tokenizer.codes(jets)
    particles = tokenizer.particles(codes)
    on_gpu = tokenizer.to(GPU).particles(codes.to(GPU))
    for name in ("pt", "deta", "dphi"):
        assert torch.allclose(getattr(on_gpu, name).cpu(), getattr(particles, name), rtol=1e-4, atol=1e-5), name


@pytest.mark.parametrize("network", ["jet_tokenizer", "omnijet_pretrain"])
def test_weaver_trains_tokens_in_half_precision_and_generates(work: Path, network: str) -> None:
    tokenizer = ("--model-prefix", "tokens/net", *SMALL_TOKENS, *EPOCHS)
    if not (work / "tokens/net_best_epoch_state.pt").exists():
        succeeded(weaver(work, "jet_tokenizer", "--gpus", "0", "--use-amp", *tokenizer))
    if network == "jet_tokenizer":
        return
    for preset in ("paper", "hybrid", "joint"):
        words = ("-o", "tokenizer", "tokens/net_best_epoch_state.pt", "-o", "preset", preset, *PRETRAIN)
        sizes = ("-o", "token_head_heads", "4", "-o", "num_heads", "4", "--model-prefix", f"{preset}/net")
        succeeded(weaver(work, network, "--gpus", "0", "--use-amp", *words, *sizes))
        generator = load_generator(work / f"{preset}/net_best_epoch_state.pt", "cuda:0")
        (jets,) = generator.batches(20, 20, seed=1)
        assert (jets.codes >= -1).all()
        assert torch.isfinite(jets.particles.pt).all()
