"""Joint draws of named uncertain inputs through a Gaussian copula.

Each input has its own distribution; how they go together is one correlation matrix of standard normal scores
(Nelsen 2006, An Introduction to Copulas). A name is one draw wherever it is used, so ``users`` in two branches
of a sum are the same users. The rank correlation of two inputs is (6 / pi) asin(r / 2), a little below r.

Points are scrambled Sobol numbers (Owen 1998, as scipy.stats.qmc has them), which fill the space evenly, or
pseudo-random ones. What it cannot do: tails that move together more than a normal's do; the error of a Sobol
mean is not the standard error of independent draws, so tools that need independence ask for ``"random"``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real
from types import MappingProxyType

import numpy as np
from scipy.special import ndtri
from scipy.stats import qmc

from helpers.draws.distributions import Distribution
from helpers.errors import ParameterError, UnknownNameError

CHUNK = 16_384
"""Draws at a time: the arrays of eight inputs stay in the processor's cache."""

METHODS = ("sobol", "random")
MOST_DRAWS = 2**30
"""As many points as a Sobol sequence of that fineness has."""

HALF_CELL = 0.5**31  # Sobol numbers are multiples of 2^-30: the middle of a cell is never 0 or 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Inputs:
    """Named uncertain inputs and how they go together.

    Parameters
    ----------
    distributions : mapping of str to Distribution
        At least one.
    correlations : mapping of (str, str) to float, optional
        Correlation of the standard normal scores of two inputs, above -1 and below 1; pairs that are not named
        are uncorrelated.

    Raises
    ------
    UnknownNameError
        A pair names an input that is not there.
    ParameterError
        A correlation outside -1 to 1, given twice with two values, of an input with itself or with a known
        number; correlations that contradict each other (the matrix is not positive definite).
    """

    distributions: Mapping[str, Distribution]
    correlations: Mapping[tuple[str, str], float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.distributions:
            raise ParameterError("draws need at least one input, got none")
        for name, given in self.distributions.items():
            if not isinstance(given, Distribution):
                raise ParameterError(f"input {name!r} needs a distribution, such as Normal(1, 0.1), got {given!r}")
        object.__setattr__(self, "distributions", MappingProxyType(dict(self.distributions)))
        object.__setattr__(self, "correlations", MappingProxyType(self._checked(self.correlations)))
        _factor(self.matrix, self.uncertain)

    @property
    def names(self) -> tuple[str, ...]:
        """All inputs, in the order given."""
        return tuple(self.distributions)

    @property
    def uncertain(self) -> tuple[str, ...]:
        """Those that are not known numbers; the rows and columns of `matrix`."""
        return tuple(name for name, given in self.distributions.items() if not given.is_certain)

    @property
    def matrix(self) -> np.ndarray:
        """Correlation matrix of the uncertain inputs, ones on its diagonal."""
        place = {name: i for i, name in enumerate(self.uncertain)}
        matrix = np.eye(len(place))
        for (one, other), value in self.correlations.items():
            matrix[place[one], place[other]] = matrix[place[other], place[one]] = value
        return matrix

    def factor(self) -> np.ndarray:
        """Lower triangular factor of `matrix`.

        Raises
        ------
        ParameterError
            The correlations contradict each other; they and the nearest that hold are named.
        """
        return _factor(self.matrix, self.uncertain)

    def _checked(self, given: Mapping[tuple[str, str], float]) -> dict[tuple[str, str], float]:
        """Each pair once, its names in alphabetical order."""
        found: dict[tuple[str, str], float] = {}
        for pair, value in given.items():
            _check_pair(pair, value, self.distributions)
            key = tuple(sorted(pair))
            if found.get(key, value) != value:
                raise ParameterError(f"two correlations of {key[0]} and {key[1]}: {found[key]:g} and {value:g}")
            found[key] = float(value)
        return found


def correlations_from_matrix(names: list[str], matrix: np.ndarray) -> dict[tuple[str, str], float]:
    """Pairs for `Inputs` from a full correlation matrix.

    Parameters
    ----------
    names : list of str
        Of its rows and columns.
    matrix : array, shape (n, n)
        Symmetric, with ones on the diagonal.

    Raises
    ------
    ParameterError
        Another shape, a diagonal other than 1, or two sides that differ; the pair is named.
    """
    matrix = np.asarray(matrix, float)
    if matrix.shape != (len(names), len(names)):
        raise ParameterError(f"a correlation matrix of {len(names)} inputs is square, got shape {matrix.shape}")
    for i, name in enumerate(names):
        if matrix[i, i] != 1:
            raise ParameterError(f"an input's correlation with itself is 1, got {matrix[i, i]:g} ({name})")
    uneven = np.argwhere(matrix != matrix.T)
    if len(uneven):
        i, j = uneven[0]
        raise ParameterError(
            f"a correlation matrix is symmetric, got {matrix[i, j]:g} and {matrix[j, i]:g} "
            f"for {names[i]} and {names[j]}"
        )
    return {(names[i], names[j]): float(matrix[i, j]) for i in range(len(names)) for j in range(i) if matrix[i, j]}


def draw(
    inputs: Inputs, *, draws: int, seed: int, method: str = "sobol", chunk: int = CHUNK
) -> Iterator[dict[str, np.ndarray | float]]:
    """Joint draws, some thousand at a time.

    Parameters
    ----------
    inputs : Inputs
    draws : int
        In all, 1 to 2^30. Powers of 2 suit Sobol numbers best.
    seed : int
        0 or more. The same seed gives the same numbers, whatever the chunk.
    method : {"sobol", "random"}
    chunk : int
        Draws at a time.

    Yields
    ------
    dict of str to array, shape (up to `chunk`,)
        Values by input; a known number stays one number.

    Raises
    ------
    ParameterError, UnknownNameError
        Draws or a chunk out of range, a seed that is none, an unknown method.
    """
    for name, value in (("draws", draws), ("chunk", chunk)):
        whole = isinstance(value, Real) and not isinstance(value, bool) and 1 <= value == value // 1
        if not whole or value > MOST_DRAWS:
            rule = f"at most {MOST_DRAWS:,}" if whole else "1 or more"
            raise ParameterError(f"{name} must be a whole number, {rule}, got {value!r}")
    if isinstance(seed, bool) or not isinstance(seed, Integral) or seed < 0:
        raise ParameterError(f"seed must be a whole number, 0 or more, so that draws can be repeated, got {seed!r}")
    if method not in METHODS:
        raise UnknownNameError("method of drawing", method, list(METHODS))
    return _drawn(inputs, int(draws), seed, method, int(chunk))


def _drawn(inputs: Inputs, draws: int, seed: int, method: str, chunk: int) -> Iterator[dict[str, np.ndarray | float]]:
    factor, uncertain = _factor(inputs.matrix, inputs.uncertain), inputs.uncertain
    known = {name: given.mean for name, given in inputs.distributions.items() if given.is_certain}
    scores = _scores(len(uncertain), draws, seed, method, chunk)
    for z in scores:
        _correlate(factor, z)
        values = {name: inputs.distributions[name].from_normal(row) for name, row in zip(uncertain, z, strict=True)}
        yield {name: known[name] if name in known else values[name] for name in inputs.names}


def _scores(width: int, draws: int, seed: int, method: str, chunk: int) -> Iterator[np.ndarray]:
    """Independent standard normal scores, shape (width, up to chunk)."""
    rng = np.random.default_rng(seed)
    sizes = [chunk] * (draws // chunk) + ([draws % chunk] if draws % chunk else [])
    if method == "random" or width == 0:
        for size in sizes:
            yield np.ascontiguousarray(rng.standard_normal((size, width)).T)
        return
    engine = qmc.Sobol(width, scramble=True, rng=rng)
    for size in sizes:
        points = engine.random(size) if engine.num_generated else _first(engine, size)
        points = np.ascontiguousarray(points.T)
        points += HALF_CELL
        yield ndtri(points, out=points)


def _first(engine: qmc.Sobol, size: int) -> np.ndarray:
    """The first points in two steps, as scipy warns of a first step that is no power of 2."""
    head = 1 << (size.bit_length() - 1)
    return np.concatenate([engine.random(head), engine.random(size - head)]) if size > head else engine.random(head)


def _correlate(factor: np.ndarray, z: np.ndarray) -> None:
    """``factor @ z`` in place, row by row from the last: unlike a product of matrices its digits do not
    depend on how many draws stand side by side."""
    for i in range(len(z) - 1, -1, -1):
        z[i] *= factor[i, i]
        for j in range(i):
            if factor[i, j]:
                z[i] += factor[i, j] * z[j]


def _check_pair(pair: tuple[str, str], value: float, known: Mapping[str, Distribution]) -> None:
    if isinstance(pair, str) or len(pair) != 2:
        raise ParameterError(f"a correlation names two inputs, got {pair!r}")
    for name in pair:
        if name not in known:
            raise UnknownNameError("input of a correlation", name, list(known))
        if known[name].is_certain:
            raise ParameterError(f"{name} is a known number and has no correlation, got {value:g} with {pair}")
    if pair[0] == pair[1]:
        raise ParameterError(f"an input's correlation with itself is 1, got {value:g} for {pair[0]}")
    if not -1 < value < 1:
        hint = f": {value:g} % is {value / 100:g}" if -100 < value < 100 else ""
        raise ParameterError(f"a correlation lies between -1 and 1, got {value:g} for {pair[0]} and {pair[1]}{hint}")


def _offered(matrix: np.ndarray, names: tuple[str, ...]) -> str:
    """Pairs that the nearest matrix changes, the largest change first."""
    near = np.trunc(100 * nearest_correlations(matrix, least=0.02)) / 100  # towards 0, so that they do hold
    rows, columns = np.tril_indices(len(matrix), -1)
    change = np.abs(near - matrix)[rows, columns]
    order = [k for k in np.argsort(-change, kind="stable") if change[k] > 0.005][:6]
    pairs = [(rows[k], columns[k]) for k in order]
    return ", ".join(f"{names[j]} and {names[i]} {near[i, j]:.2f} (given {matrix[i, j]:.2f})" for i, j in pairs)


def nearest_correlations(matrix: np.ndarray, *, least: float = 1e-6) -> np.ndarray:
    """The closest correlation matrix that can hold (Higham 2002, IMA J. Numerical Analysis 22, 329-343).

    Alternating projections on the matrices without negative eigenvalues and on those with ones on the diagonal. It is
    offered in messages and used by nobody silently: which correlation gives way is the analyst's decision.

    Parameters
    ----------
    matrix : array, shape (n, n)
        Symmetric, ones on its diagonal.
    least : float
        Smallest eigenvalue of the outcome, so that it can be drawn from.
    """
    found, correction = np.array(matrix, float), np.zeros_like(matrix, float)
    for _ in range(500):
        lifted = found - correction
        values, vectors = np.linalg.eigh(lifted)
        positive = (vectors * np.maximum(values, least)) @ vectors.T
        correction = positive - lifted
        before, found = found, positive.copy()
        np.fill_diagonal(found, 1.0)
        if np.abs(found - before).max() < 1e-10:
            break
    root = np.sqrt(np.diag(positive))  # the last step back inside, its diagonal made ones
    return np.clip(positive / np.outer(root, root), -1, 1)


def _factor(matrix: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Lower triangular factor; refuses correlations that cannot hold together."""
    if not len(matrix):
        return matrix
    values, vectors = np.linalg.eigh(matrix)
    if values[0] <= 1e-10:
        weights = np.abs(vectors[:, 0])
        worst = sorted(np.argsort(weights)[::-1][: max(2, int((weights > 0.3).sum()))])
        listed = ", ".join(names[i] for i in worst)
        raise ParameterError(
            f"the correlations of {listed} contradict each other: the matrix has the eigenvalue {values[0]:.3g}, "
            f"and must have none of 0 or below; bring them closer to 0. The nearest that hold: "
            f"{_offered(matrix, names)}"
        )
    return np.linalg.cholesky(matrix)
