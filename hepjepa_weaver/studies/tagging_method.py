"""Ways to get a tagger that a plan compares."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hepjepa_weaver.common.errors import UserError


@dataclass(frozen=True)
class Recipe:
    """One way to train a method's network.

    Attributes:
        name: name in tables.
        folder: folder of its trainings.
        words: words of the command line, the learning rate among them.
    """

    name: str
    folder: str
    words: str


@dataclass(frozen=True)
class Method:
    """One way to get a tagger.

    Validation jets choose one of the rates or recipes for every number of labels.

    Attributes:
        title: title in the report.
        network: name of its network config, or a path.
        rates: learning rates to try.
        recipes: words of the command line by name, in place of `rates`; `--start-lr` has to be among the words.
        pretraining: which of the task's pre-trainings it starts from; empty for training from scratch.
        weaver: further words of the command line.
    """

    title: str
    network: str
    rates: tuple[float, ...] = ()
    recipes: Mapping[str, str] = field(default_factory=dict)
    pretraining: str = ""
    weaver: str = ""

    @property
    def tried(self) -> tuple[Recipe, ...]:
        """All recipes to try."""
        rates = [Recipe(f"{rate:g}", f"rate{rate:g}", f"--start-lr {rate:g}") for rate in self.rates]
        return (*rates, *(Recipe(name, f"recipe_{name}", words) for name, words in self.recipes.items()))

    def recipe(self, name: str) -> Recipe:
        """Return the recipe of this name.

        Raises:
            UserError: the plan has no such recipe.
        """
        for recipe in self.tried:
            if recipe.name == name:
                return recipe
        known = ", ".join(recipe.name for recipe in self.tried)
        raise UserError(f"{name!r} is no recipe or rate of {self.title}, which tries {known}: delete what asks for it")
