"""The steps of `hepjepa quickstart omnijet`: tokenizer, generator, generated jets and how like real ones they are."""

from dataclasses import dataclass

from hepjepa_weaver.cli.quickstart_steps import OPTIMISER, Places, folders, making_jets, shown
from hepjepa_weaver.cli.step_runner import Stage, Step, clock
from hepjepa_weaver.common.shipped import shipped_path

CODES = 512
GENERATED = 2000
DATA_CONFIG = "data_configs/JetClass/JetClass_kin.yaml"


def omnijet_stages(places: Places, gpus: str, cores: int) -> list[Stage]:
    """Return all steps of a run.

    Args:
        places: folders to read and write.
        gpus: number of a GPU; empty for a CPU.
        cores: number of worker processes that make jets.
    """
    commands = _Commands(places, gpus)
    making = [(making_jets(places, cores),)] if places.are_made else []
    steps = (commands.tokenizer(), commands.generator(), commands.generate(), commands.compare())
    return [*making, *((step,) for step in steps)]


@dataclass(frozen=True)
class _Commands:
    places: Places
    gpus: str

    @property
    def tokenizer_file(self) -> str:
        return f"{self.places.output}/tokenizer/net_best_epoch_state.pt"

    def tokenizer(self) -> Step:
        words = ("-o", "codes", str(CODES), "--batch-size", "128", "--num-epochs", "2", "--steps-per-epoch", "200",
                 "--start-lr", "2e-3", "--warmup-steps", "20")  # fmt: skip
        return Step("tokenizer", "train a tokenizer", (*self._weaver("jet_tokenizer", "tokenizer"), *words), 70)

    def generator(self) -> Step:
        words = ("-o", "preset", "paper", "-o", "embed_dims", "(128,)", "-o", "tokenizer", self.tokenizer_file,
                 "--batch-size", "128", "--num-epochs", "4", "--steps-per-epoch", "300", "--start-lr", "2e-3",
                 "--warmup-steps", "50")  # fmt: skip
        title = "pre-train a generator on next tokens"
        return Step("generator", title, (*self._weaver("omnijet_pretrain", "generator"), *words), 240)

    def generate(self) -> Step:
        words = ("hepjepa", "generate", f"{self.places.output}/generator/net_best_epoch_state.pt", "-n", str(GENERATED))
        return Step(
            "generate", f"generate {GENERATED} jets", (*words, "-o", f"{self.places.output}/generated.root"), 40
        )

    def compare(self) -> Step:
        jets = self.places.jets
        words = (
            "hepjepa", "compare", f"{self.places.output}/generated.root",
            "--real", *folders(self.places, "test"), "--floor", *folders(self.places, "val"),
            "--tokenizer", self.tokenizer_file, "--data-config", shown(shipped_path(DATA_CONFIG)),
            "--jets", str(GENERATED), "--classifier-steps", "200", "-o", f"{self.places.output}/report.md",
        )  # fmt: skip
        return Step("report", f"compare them with those of {jets}", words, 120)

    def _weaver(self, network: str, name: str) -> tuple[str, ...]:
        loading = ("--in-memory", "--fetch-step", "1") if self.places.are_made else ("--fetch-step", "0.01")
        return (
            "weaver", "--network-config", shown(shipped_path(f"network_configs/{network}.py")),
            "--data-config", shown(shipped_path(DATA_CONFIG)), *loading,
            "--num-workers", "1", "--gpus", self.gpus, "-o", "size", "quick", "-o", "seed", "1",
            "--data-train", f"{self.places.jets}/train*/*.root", "--data-val", f"{self.places.jets}/val*/*.root",
            "--no-in-memory-val", "--fetch-step-val", "1", "--batch-size-val", "200", "--steps-per-epoch-val", "10",
            *OPTIMISER, "-p", "clip_grad_norm", "1", "--lr-scheduler", "warmup+cos",
            "--model-prefix", f"{self.places.output}/{name}/net",
        )  # fmt: skip


def omnijet_words(places: Places, seconds: float) -> str:
    """Return where the results are, and what to type next."""
    out = places.output
    pictures = [str(path) for path in sorted(out.glob("*.png"))]
    return "\n".join(
        (
            f"Done in {clock(seconds)}.\n",
            f"Report:   {out}/report.md",
            f"Pictures: {' '.join(pictures)}",
            f"Jets:     {out}/generated.root",
            f"Commands: {out}/commands.log (seconds, command)",
            "\nWhat to type next:",
            f"  hepjepa generate {out}/generator/net_best_epoch_state.pt -n 10000 -o more.root",
            "  hepjepa options omnijet_pretrain     what can be set with -o",
            "  hepjepa tokens evaluate --help       tokenizers side by side",
        )
    )
