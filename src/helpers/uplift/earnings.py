"""Effects as money: the straight lines and ratios behind `helpers.uplift.money`.

With the observed GMV held fixed every amount is linear in the effect, and every ratio monotone in it; so the
ends of an effect's interval, or the quantiles of its draws, are the ends of each quantity. What the module
cannot do: carry uncertainty of rates and costs, which are taken as exact.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from scipy.special import ndtr

from helpers.errors import HelpersError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Terms:
    """What turns an effect into money, arrays of shape (units,)."""

    observed: np.ndarray
    fixed: np.ndarray  # costs that do not depend on GMV
    granted: np.ndarray  # subsidies and coupons in them
    rate: np.ndarray  # coupons per observed GMV
    margin: np.ndarray
    returned: np.ndarray
    usual: np.ndarray
    lasting: np.ndarray
    included: bool

    @property
    def slope(self) -> np.ndarray:
        """Margin per unit of effect."""
        return self.margin * (1 - self.usual)

    @property
    def cost(self) -> np.ndarray:
        """All costs."""
        return self.fixed + self.rate * self.observed

    def of(self, rows: np.ndarray) -> Terms:
        """The terms of some units."""
        arrays = {f.name: getattr(self, f.name)[rows] for f in fields(self) if f.name != "included"}
        return Terms(**arrays, included=self.included)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Errors:
    """Effects with their ends and standard errors, shape (units,), or with draws of shape (draws, units)."""

    effect: np.ndarray
    low: np.ndarray
    high: np.ndarray
    se: np.ndarray
    draws: np.ndarray | None
    correlation: float | None
    level: float

    @classmethod
    def of(cls, units: pd.DataFrame, draws: np.ndarray | None, correlation: float | None, level: float) -> Errors:
        effect, se, low, high = (units[name].to_numpy(float) for name in ("effect", "se", "low", "high"))
        effect = np.where(np.isfinite(units["observed"].to_numpy(float)), effect, np.nan)
        if draws is not None:
            draws = np.asarray(draws, dtype=float)
            draws = draws[:, None] if draws.ndim == 1 else draws
            if draws.ndim != 2 or draws.shape[1] != len(units) or len(draws) < 2:
                raise HelpersError(f"draws must have the shape (2+ draws, {len(units)} units), got {draws.shape}")
            low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
        return cls(effect=effect, low=low, high=high, se=se, draws=draws, correlation=correlation, level=level)

    def rows(self, rows: np.ndarray) -> Errors:
        kept = {name: getattr(self, name)[rows] for name in ("effect", "low", "high", "se")}
        draws = None if self.draws is None else self.draws[:, rows]
        return Errors(**kept, draws=draws, correlation=self.correlation, level=self.level)

    def ends(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Effects at which the weighted total reaches its low and its high: each unit moves in proportion."""
        out = []
        for end, tail in ((self.low, (1 - self.level) / 2), (self.high, (1 + self.level) / 2)):
            full = weights @ (end - self.effect)
            if self.draws is None:
                reach = self._joint(weights * (end - self.effect))
            else:
                reach = np.quantile(self.draws @ weights, tail) - weights @ self.effect
            out.append(self.effect + (end - self.effect) * (reach / full if full else 1.0))
        return out[0], out[1]

    def _joint(self, parts: np.ndarray) -> float:
        """Length of a sum of correlated parts, with their sign; NaN where their correlation is not known."""
        rho = 1.0 if len(parts) == 1 else self.correlation
        if rho is None:
            return np.nan
        size = np.sqrt((1 - rho) * (parts @ parts) + rho * parts.sum() ** 2)
        return float(np.copysign(size, parts.sum()))

    def chance(self, profit: np.ndarray, slope: np.ndarray, *, together: bool = False) -> np.ndarray:
        """Probability that the profit is above 0."""
        if self.draws is not None:
            moved = (self.draws - self.effect) * slope
            moved = moved.sum(1, keepdims=True) if together else moved
            return (profit + moved > 0).mean(0)
        spread = np.array([self._joint(slope * self.se)]) if together else slope * self.se
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(spread == 0, (profit > 0) * 1.0, ndtr(profit / spread))


def _flows(terms: Terms, effect: np.ndarray) -> dict[str, np.ndarray]:
    """Amounts of each unit at an effect; all of them add up over units."""
    expected = terms.observed - effect
    granted = terms.granted + terms.rate * terms.observed
    order_value = terms.observed + (0.0 if terms.included else granted)
    margin = terms.margin * (order_value * (1 - terms.returned) - expected * (1 - terms.usual))
    # profit at a relative effect d with the same counterfactual is idle + d * gain
    kept = terms.margin * (1 - terms.returned) * (1.0 if terms.included else 1 + terms.rate)
    gain = expected * (kept - terms.rate)
    own = 0.0 if terms.included else terms.granted
    idle = gain + terms.margin * (own * (1 - terms.returned) - expected * (1 - terms.usual)) - terms.fixed
    return {
        "incremental_gmv": effect, "paid_gmv": effect - (granted if terms.included else 0.0),
        "incremental_margin": margin, "profit": margin - terms.cost, "cost": terms.cost, "gain": gain, "idle": idle,
        "lasting": terms.slope * terms.lasting,
    }  # fmt: skip


def _quantities(flows: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Amounts and the ratios that follow from them."""
    with np.errstate(divide="ignore", invalid="ignore"):
        cost = np.where(flows["cost"] > 0, flows["cost"], np.nan)
        share = flows["incremental_margin"] / cost
        short, lasting = -flows["profit"], flows["lasting"]
        days = np.where(short <= 0, 0.0, np.where(lasting > 0, short / lasting, np.inf))
        breakeven = np.where(flows["gain"] > 0, -flows["idle"] / flows["gain"], np.inf) + 0.0
        amounts = {name: flows[name] for name in ("incremental_gmv", "paid_gmv", "incremental_margin", "profit")}
        ratios = {"iroas": flows["incremental_gmv"] / cost, "return_on_cost": share - 1, "payback_share": share}
        unknown = np.isnan(flows["profit"])
        late = {"payback_days": days, "breakeven_uplift": breakeven}
        return {**amounts, **ratios, **{name: np.where(unknown, np.nan, values) for name, values in late.items()}}


def _spread_out(middle: dict, low: dict, high: dict) -> dict[str, np.ndarray]:
    """Each quantity with its ends in order; all are monotone in the effect."""
    out = {}
    for name, value in middle.items():
        out[name] = value
        out[f"{name}_low"], out[f"{name}_high"] = np.minimum(low[name], high[name]), np.maximum(low[name], high[name])
    return out


def by_unit(terms: Terms, errors: Errors) -> dict[str, np.ndarray]:
    flows = _flows(terms, errors.effect)
    ends = [_quantities(_flows(terms, end)) for end in (errors.low, errors.high)]
    return {
        "cost": terms.cost, **_spread_out(_quantities(flows), *ends),
        "chance_pays": errors.chance(flows["profit"], terms.slope),
    }  # fmt: skip


def together(terms: Terms, errors: Errors) -> dict[str, float]:
    """The same of all units together."""

    def added(effect: np.ndarray) -> dict[str, np.ndarray]:
        return {name: np.sum(values) for name, values in _flows(terms, effect).items()}

    flows = added(errors.effect)
    # GMV moves with the plain total of the effects, money with the total weighted by what each earns
    plain, earned = (errors.ends(weights) for weights in (np.ones(len(errors.effect)), terms.slope))
    ends = []
    for gmv, money in zip(plain, earned, strict=True):
        of_gmv, of_money = _quantities(added(gmv)), _quantities(added(money))
        ends.append({**of_money, **{name: of_gmv[name] for name in ("incremental_gmv", "paid_gmv", "iroas")}})
    chance = errors.chance(flows["profit"], terms.slope, together=True)
    out = {"cost": flows["cost"], **_spread_out(_quantities(flows), *ends), "chance_pays": np.squeeze(chance)}
    return {name: float(value) for name, value in out.items()}
