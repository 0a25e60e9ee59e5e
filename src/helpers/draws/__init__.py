"""Uncertain inputs: distributions, joint draws, and what the draws say about which input matters.

Three parts: `distributions` (normal, log-normal, PERT and others as quantile functions), `joint` (correlated draws
in chunks, the same for the same seed) and `sensitivity` (which evidence would narrow the answer). Simulated numbers
say what follows from the inputs' distributions, never whether those are right.
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
from helpers.draws.joint import CHUNK, Inputs, correlations_from_matrix, draw
from helpers.draws.sensitivity import BIN_SIZE, narrowing, swings

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
    "Triangular",
    "Uniform",
    "correlations_from_matrix",
    "draw",
    "narrowing",
    "swings",
]
