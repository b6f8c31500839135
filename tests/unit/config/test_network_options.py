from dataclasses import dataclass, fields
from typing import get_args, get_type_hints

import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config import JepaConfig, MpmConfig, TargetConfig
from hepjepa_weaver.config.network_options import NetworkOptions
from hepjepa_weaver.config.option import KEY, Options, at_least, option
from hepjepa_weaver.objectives.jepa.targets import TARGET_NORMS


@dataclass(frozen=True)
class OnePart(Options):
    """One."""

    depth: int = option(1, "depth of it", at_least(1))


@dataclass(frozen=True)
class OtherPart(Options):
    """Other."""

    depth: int = option(2, "another depth")


@dataclass(frozen=True)
class Sized(Options):
    size: int = option(2, "a name that stands for several options")


def test_two_options_of_one_name_are_refused_when_the_class_is_made():
    with pytest.raises(TypeError, match="depth"):

        class Both(NetworkOptions):
            one: OnePart = OnePart()
            other: OtherPart = OtherPart()


def test_an_option_of_a_base_counts_as_well():
    class Base(NetworkOptions):
        one: OnePart = OnePart()

    with pytest.raises(TypeError, match="depth"):

        class Derived(Base):
            other: OtherPart = OtherPart()


def test_a_name_of_the_presets_is_refused():
    with pytest.raises(TypeError, match="size"):

        class Reserved(NetworkOptions):
            sized: Sized = Sized()


def test_a_part_may_be_replaced_by_one_derived_from_it():
    class Base(NetworkOptions):
        one: OnePart = OnePart()

    class Derived(Base):
        one: OtherPart = OtherPart()

    assert get_type_hints(Derived)["one"] is OtherPart


def test_a_value_out_of_range_is_named_with_its_range():
    with pytest.raises(UserError, match=r"depth is 0.* 1 or more"):
        OnePart(depth=0)


@pytest.mark.parametrize("config", [JepaConfig, MpmConfig])
def test_every_option_says_what_it_does(config):
    for part in vars(config()).values():
        for item in fields(part):
            assert item.metadata[KEY].text


def test_every_target_norm_that_can_be_asked_for_is_there():
    assert set(get_args(get_type_hints(TargetConfig)["target_norm"])) == set(TARGET_NORMS)
