"""Which input moves the answer, and which evidence would narrow it most, read from draws that are there already.

`narrowing` is the value of information as a width (after Raiffa and Schlaifer 1961; the estimate from the same
draws is that of Strong and Oakley 2013, An efficient method for computing single-parameter partial expected
value of perfect information, with quantile bins): the draws are cut into bins of equal size along one input,
and the output's range inside a bin is what remains uncertain once the input is known. Inputs that are
correlated tell of each other, so their shares do not add up.

`swings` moves one input at a time from its 10 % to its 90 % quantile, the others at their medians.
What neither can do: find an input whose effect only shows together with another's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from helpers.draws.joint import Inputs
from helpers.errors import ParameterError

BIN_SIZE = 200
"""Draws per bin: below this the quantiles inside a bin are rough."""


def narrowing(
    inputs: Mapping[str, np.ndarray], output: np.ndarray, *, level: float = 0.8, bin_size: int = BIN_SIZE
) -> pd.DataFrame:
    """Expected width of the output's range once an input is known, against today's width.

    Parameters
    ----------
    inputs : mapping of str to array, shape (n,)
        Draws by input; those that are one number are left out, for they are known already.
    output : array, shape (n,)
        The answer of each draw, finite.
    level : float, default 0.8
        The range is that of the middle `level` of the draws, 0 to 1.
    bin_size : int, default 200
        Least draws per bin; at least four bins are needed.

    Returns
    -------
    DataFrame
        One row per input, the most telling first: input, width (today's), expected_width (once known), narrowing
        (1 - expected_width / width: 0 it tells nothing, 1 it settles everything; noise can put it just below 0),
        variance_share (first-order share of the output's variance, corrected for the bins' noise), bins.

    Raises
    ------
    ParameterError
        Lengths that differ, fewer draws than four bins, numbers that are not finite, an output that does not vary.
    """
    output = np.asarray(output, float)
    drawn = {name: np.asarray(values, float) for name, values in inputs.items() if np.ndim(values)}
    _check(drawn, output, level, bin_size)
    ends = [(1 - level) / 2, (1 + level) / 2]
    width = _width(output[None, :], ends)[0]
    if not width > 0:
        raise ParameterError("the output does not vary: nothing can be narrowed")
    rows = [{"input": name, "width": width} | _known(values, output, ends, bin_size) for name, values in drawn.items()]
    columns = ["input", "width", "expected_width", "narrowing", "variance_share", "bins"]
    table = pd.DataFrame(rows, columns=["input", "width", "expected_width", "variance_share", "bins"])
    table["narrowing"] = 1 - table["expected_width"] / table["width"]
    return table[columns].sort_values("narrowing", ascending=False, kind="stable", ignore_index=True)


def _check(drawn: Mapping[str, np.ndarray], output: np.ndarray, level: float, bin_size: int) -> None:
    if not 0 < level < 1:
        raise ParameterError(f"level must lie between 0 and 1, got {level:g}")
    for name, values in drawn.items():
        if values.shape != output.shape:
            raise ParameterError(f"{name} has {values.size} draws and the output {output.size}: need one for one")
        if not np.isfinite(values).all():
            raise ParameterError(f"{int((~np.isfinite(values)).sum())} draws of {name} are not finite")
    if not np.isfinite(output).all():
        raise ParameterError(f"{int((~np.isfinite(output)).sum())} draws of the output are not finite")
    if bin_size < 20 or len(output) < 4 * bin_size:
        raise ParameterError(f"need 4+ bins of 20+ draws, got {len(output)} draws for bins of {bin_size}")


def _known(values: np.ndarray, output: np.ndarray, ends: list[float], bin_size: int) -> dict[str, float]:
    """Width and variance that remain inside bins of equal size along one input."""
    n, bins = len(output), len(output) // bin_size
    ordered = output[np.argsort(values, kind="stable")]
    size, longer = divmod(n, bins)  # the first bins hold one draw more, so that none is left out
    cut = longer * (size + 1)
    blocks = [ordered[:cut].reshape(longer, size + 1), ordered[cut:].reshape(bins - longer, size)]
    widths, means, within = [], [], []
    for block in (b for b in blocks if len(b)):
        widths.append(_width(block, ends))
        means.append(block.mean(axis=1))
        within.append(block.var(axis=1, ddof=1) / block.shape[1])
    middles = np.concatenate(means)
    between = middles.var(ddof=1) - _noise(middles, float(np.concatenate(within).mean()))
    share = float(between / output.var(ddof=1))
    return {"expected_width": float(np.concatenate(widths).mean()), "variance_share": share, "bins": bins}


def _noise(means: np.ndarray, independent: float) -> float:
    """Variance that the bins' means have of their own: what independent draws leave, or less for even ones.

    Sobol numbers leave almost none. How jagged the means are from bin to bin shows it: second differences of
    independent noise have six times its variance.
    """
    if len(means) < 8:
        return independent
    return min(independent, float(np.mean(np.diff(means, 2) ** 2)) / 6)


def _width(block: np.ndarray, ends: list[float]) -> np.ndarray:
    """Range of each row between two quantiles that are right in the median for any distribution."""
    low, high = np.quantile(block, ends, axis=1, method="median_unbiased")
    return high - low


def swings(
    function: Callable[[dict[str, float]], float], inputs: Inputs, *, low: float = 0.1, high: float = 0.9
) -> pd.DataFrame:
    """Output with one input at two of its quantiles and the others at their medians.

    Parameters
    ----------
    function : callable
        Takes one value per input, by name, and gives the output.
    inputs : Inputs
        Correlations play no part here.
    low, high : float, default 0.1 and 0.9
        Probabilities of the two quantiles.

    Returns
    -------
    DataFrame
        One row per uncertain input, the largest swing first: input, input_low, input_high, output_low, output_high,
        swing (absolute), output_base.

    Raises
    ------
    ParameterError
        Probabilities that are not ``0 < low < high < 1``.
    """
    if not 0 < low < high < 1:
        raise ParameterError(f"swings need 0 < low < high < 1, got {low:g} and {high:g}")
    middle = {name: float(given.quantile(0.5)) for name, given in inputs.distributions.items()}
    base = float(function(dict(middle)))
    rows = []
    for name in inputs.uncertain:
        at = [float(inputs.distributions[name].quantile(p)) for p in (low, high)]
        out = [float(function(middle | {name: value})) for value in at]
        rows.append((name, *at, *out, abs(out[1] - out[0]), base))
    columns = ["input", "input_low", "input_high", "output_low", "output_high", "swing", "output_base"]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values("swing", ascending=False, kind="stable", ignore_index=True)
