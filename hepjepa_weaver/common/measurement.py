"""A value with its statistical error."""

from dataclasses import dataclass

from hepjepa_weaver.common.markdown import plus_minus


@dataclass(frozen=True)
class Measurement:
    """A value and its statistical error: one standard deviation, from the number of test jets alone.

    Either is None if undefined.
    """

    value: float | None
    error: float | None


def format_value(measurement: Measurement) -> str:
    """Return `value ± error` with two significant digits of the error, or `undefined`."""
    value, error = measurement.value, measurement.error
    if value is None:
        return "undefined"
    if not error:
        return f"{value:.4g} ± {'?' if error is None else '0'}"
    return plus_minus(value, error)
