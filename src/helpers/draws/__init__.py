"""Uncertain inputs: distributions, joint draws, and what the draws say about which input matters.

Parts: `distributions` (normal, log-normal, PERT and others as quantile functions), `joint` (correlated draws in
chunks, the same for the same seed), `sensitivity` (which evidence would narrow the answer), `sobol` and `shapley`
(whose
variance it is). Simulated numbers say what follows from the inputs' distributions, never whether those are right.
"""

from __future__ import annotations

from helpers.draws.distributions import (
    Beta,
    Distribution,
    Empirical,
    LogNormal,
    Normal,
    Pert,
    Point,
    Triangular,
    Uniform,
)
from helpers.draws.joint import CHUNK, Inputs, correlations_from_matrix, draw, nearest_correlations
from helpers.draws.sensitivity import BIN_SIZE, narrowing, swings
from helpers.draws.shapley import ShapleyResult, shapley_effects
from helpers.draws.sobol import SobolResult, sobol_indices

__all__ = [
    "BIN_SIZE",
    "CHUNK",
    "Beta",
    "Distribution",
    "Empirical",
    "Inputs",
    "LogNormal",
    "Normal",
    "Pert",
    "Point",
    "ShapleyResult",
    "SobolResult",
    "Triangular",
    "Uniform",
    "correlations_from_matrix",
    "draw",
    "narrowing",
    "nearest_correlations",
    "shapley_effects",
    "sobol_indices",
    "swings",
]
