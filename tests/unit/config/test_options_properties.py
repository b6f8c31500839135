"""What holds of any options of any network."""

import ast
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.typed_values import coerced, value_or_text
from hepjepa_weaver.config import FinetuneConfig, JepaConfig, MpmConfig, ParticleNetConfig, ParticleTransformerConfig
from hepjepa_weaver.config.options import config_from_options
from tests.helpers.messages import names, naming

NETWORKS = (JepaConfig, MpmConfig, FinetuneConfig, ParticleTransformerConfig, ParticleNetConfig)
SCALARS = {
    bool: st.booleans(),
    int: st.integers(-3, 300),
    float: st.floats(-2, 4) | st.integers(0, 3),
    str: st.from_regex(r"[a-z_]{1,12}", fullmatch=True),
    type(None): st.none(),
}


def options_of(network: type) -> dict[str, Any]:
    """Type of each option."""
    return {name: hint for kind in get_type_hints(network).values() for name, hint in get_type_hints(kind).items()}


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type as a user or YAML gives them: lists for tuples, whole numbers for others."""
    if hint in SCALARS:
        return SCALARS[hint]
    kind, inner = get_origin(hint), get_args(hint)
    if kind is Literal:
        return st.sampled_from(inner)
    if kind is tuple and inner[-1] is Ellipsis:
        return st.lists(values(inner[0]), max_size=3)
    if kind is tuple:
        return st.tuples(*map(values, inner))
    return st.one_of(*map(values, inner))


ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.lists(st.integers(), max_size=3)
)


def chosen(network: type) -> st.SearchStrategy[dict[str, Any]]:
    """A few options with values of their types, in or out of range."""
    options = options_of(network)
    some_names = st.lists(st.sampled_from(sorted(options)), unique=True, max_size=3)
    return some_names.flatmap(lambda some: st.fixed_dictionaries({name: values(options[name]) for name in some}))


@pytest.mark.parametrize("network", NETWORKS)
@given(data=st.data())
def test_values_of_the_right_type_arrive_or_are_named(network, data):
    options = data.draw(chosen(network))
    try:
        config = config_from_options(network, options)
    except UserError as error:
        known = options_of(network)  # a width of 1 is told as too little for 8 heads
        assert any(names(str(error), "-o", name) for name in known)  # noqa: PT017
        return
    found = {name: value for part in vars(config).values() for name, value in vars(part).items()}
    for name, value in options.items():
        assert found[name] == coerced(value, options_of(network)[name])


@pytest.mark.parametrize("network", NETWORKS)
@given(data=st.data())
def test_what_is_not_set_keeps_its_default(network, data):
    options = data.draw(chosen(network))
    try:
        config = config_from_options(network, options)
    except UserError:
        return
    for part, default in zip(vars(config).values(), vars(network()).values(), strict=True):
        assert {k: v for k, v in vars(part).items() if k not in options} == {
            k: v for k, v in vars(default).items() if k not in options
        }


@pytest.mark.parametrize("network", NETWORKS)
@given(name=SCALARS[str], value=ANYTHING)
def test_an_unknown_option_is_named(network, name, value):
    assume(name not in {*options_of(network), "preset", "size"})
    with pytest.raises(UserError, match=naming("-o", name)):
        config_from_options(network, {name: value})


@given(st.sampled_from(sorted(options_of(JepaConfig))), ANYTHING)
def test_any_value_is_taken_or_refused_as_a_mistake_of_the_user(name, value):
    try:
        config_from_options(JepaConfig, {name: value})
    except UserError as error:
        assert "-o" in str(error)  # noqa: PT017


@given(
    st.one_of(
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False),
        st.tuples(st.integers(), st.floats(allow_nan=False, allow_infinity=False)),
    )
)
def test_a_value_comes_back_from_its_text(value):
    assume(value not in (float("inf"), -float("inf")))
    assert value_or_text(repr(value)) == value


@given(st.text(max_size=30))
def test_any_text_is_a_value_or_stays_as_it_is(text):
    """Also what Python would run, and what it cannot read."""
    value = value_or_text(text)
    assert value == text or value == ast.literal_eval(text)
