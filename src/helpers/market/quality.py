"""What a number of a sizing is, beside its value: unit, population, year, region; and what may be combined.

Multiplying and adding numbers that do not fit is how sizings go wrong without anybody seeing it: persons times a rate
per household, last year's buyers times this year's spending, yuan plus dollars. Each operation here gives the
quality of its outcome or refuses by name. What the module cannot do: know that two populations of different names are
the same people; give them one name.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from helpers import units
from helpers.errors import ParameterError, UnitError
from helpers.market.driver import Driver
from helpers.market.formula import addends

PEOPLE = ("[person]", "[household]", "[buyer]")
MONEY = tuple(f"[{code}]" for code in units.CURRENCIES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """What a number is.

    Attributes
    ----------
    text : str
        The formula or name that gave it, for messages.
    unit : pint.Unit
    population, whole, region : str
        Empty where open; `whole` of shares only.
    year : int
        0 for a plain number.
    low, high : float
        Bounds that its drivers' 0.01 % and 99.99 % quantiles give, each part taken apart from the others.
    """

    text: str
    unit: Any
    population: str = ""
    whole: str = ""
    region: str = ""
    year: int = 0
    low: float = 0.0
    high: float = 0.0


def of_driver(driver: Driver) -> Quality:
    """Quality of a driver."""
    low, high = (float(driver.distribution.quantile(p)) for p in (1e-4, 1 - 1e-4))
    return Quality(
        text=driver.name, unit=units.unit_of(driver.unit, driver.name), population=driver.population,
        whole=driver.whole, region=driver.region, year=driver.year, low=low, high=high,
    )  # fmt: skip


def of_formula(tree: ast.expr, known: Mapping[str, Quality], node: str) -> Quality:
    """Quality of a formula's value.

    Parameters
    ----------
    tree : ast.expr
        From `helpers.market.formula.parse`.
    known : mapping of str to Quality
        Of every name in it.
    node : str
        For messages.

    Raises
    ------
    UnitError, ParameterError
        Numbers that cannot be combined; both are named with the rule.
    """
    match tree:
        case ast.Name():
            return known[tree.id]
        case ast.Constant():
            value = float(tree.value)
            return Quality(text=f"{value:g}", unit=units.unit_of("1"), low=value, high=value)
        case ast.UnaryOp():
            inner = of_formula(tree.operand, known, node)
            return replace(inner, text=f"-{inner.text}", whole="", low=-inner.high, high=-inner.low)
        case ast.BinOp(op=ast.Mult()):
            return _product(*_both(tree, known, node), node)
        case ast.BinOp(op=ast.Div()):
            return _ratio(*_both(tree, known, node), node)
        case ast.BinOp(op=ast.Sub()):
            return _difference(*_both(tree, known, node), node)
        case ast.Call(func=ast.Name(id="share_of")):
            return _part(*(of_formula(part, known, node) for part in tree.args), node)
    return _sum([of_formula(part, known, node) for part in addends(tree)], node)


def _both(tree: ast.BinOp, known: Mapping[str, Quality], node: str) -> tuple[Quality, Quality]:
    return of_formula(tree.left, known, node), of_formula(tree.right, known, node)


def _combined(one: Quality, other: Quality, node: str, sign: str) -> dict[str, object]:
    """Year and region of what two numbers make; refuses two years and two regions."""
    for what in ("year", "region"):
        given = [getattr(part, what) for part in (one, other)]
        if given[0] and given[1] and given[0] != given[1]:
            raise ParameterError(
                f"{node}: {one.text} is of {given[0]} and {other.text} of {given[1]}: a sizing is of one {what}"
            )
    return {"year": one.year or other.year, "region": one.region or other.region,
            "text": f"({one.text} {sign} {other.text})"}  # fmt: skip


def _refuse_mixed(unit: Any, one: Quality, other: Quality, node: str, sign: str) -> None:
    """Two currencies or two kinds of people left in a product."""
    powers = dict(unit.dimensionality)
    money = [name.strip("[]") for name in MONEY if powers.get(name)]
    if len(money) > 1:
        raise UnitError(
            f"{node}: {one.text} {sign} {other.text} mixes {' and '.join(money)}: convert first with a driver of unit "
            f"{money[0]} / {money[1]}"
        )
    people = [name.strip("[]") for name in PEOPLE if powers.get(name)]
    if len(people) > 1 and sign == "*":  # a ratio of two counts is a size, such as persons in a household
        raise UnitError(
            f"{node}: {one.text} {sign} {other.text} multiplies {' by '.join(people)} or a rate per one of them: use a "
            f"driver of unit {people[0]} / {people[1]} in between"
        )


def _refuse_other_people(one: Quality, other: Quality, node: str, sign: str, *, flip: int) -> None:
    """A rate per person of one population meets a count of another."""
    a, b = dict(one.unit.dimensionality), dict(other.unit.dimensionality)
    met = any(a.get(name, 0) * b.get(name, 0) * flip < 0 for name in PEOPLE)
    if met and one.population and other.population and one.population != other.population:
        raise UnitError(
            f"{node}: {one.text} is of {one.population} and {other.text} of {other.population} in "
            f"{one.text} {sign} {other.text}: a rate holds for the people it was measured on"
        )


def _product(one: Quality, other: Quality, node: str) -> Quality:
    combined = _combined(one, other, node, "*")
    unit = one.unit * other.unit
    _refuse_mixed(unit, one, other, node, "*")
    _refuse_other_people(one, other, node, "*", flip=1)
    if one.whole or other.whole:
        share, rest = (one, other) if one.whole else (other, one)
        raise ParameterError(
            f"{node}: {share.text} is a share of {share.whole}: write share_of({rest.text}, {share.text}), which "
            f"checks that {rest.text} is that whole"
        )
    ends = [a * b for a in (one.low, one.high) for b in (other.low, other.high)]
    population = one.population if not one.unit.dimensionless or other.unit.dimensionless else other.population
    return Quality(unit=unit, population=population, low=min(ends), high=max(ends), **combined)


def _ratio(one: Quality, other: Quality, node: str) -> Quality:
    combined = _combined(one, other, node, "/")
    unit = one.unit / other.unit
    _refuse_mixed(unit, one, other, node, "/")
    if not unit.dimensionless:
        _refuse_other_people(one, other, node, "/", flip=-1)
    if other.low <= 0 <= other.high:
        raise ParameterError(
            f"{node}: {one.text} / {other.text} divides by a number that can be 0: its range is {other.low:.4g} to "
            f"{other.high:.4g}"
        )
    ends = [a / b for a in (one.low, one.high) for b in (other.low, other.high)]
    population = one.population if other.unit.dimensionless else ""
    return Quality(unit=unit, population=population, low=min(ends), high=max(ends), **combined)


def _same_unit(one: Quality, other: Quality, node: str, sign: str) -> None:
    if one.unit == other.unit:
        return
    money = {name.strip("[]") for part in (one, other) for name in MONEY if dict(part.unit.dimensionality).get(name)}
    hint = f": convert first with a driver of unit {' / '.join(sorted(money))}" if len(money) > 1 else ""
    raise UnitError(
        f"{node}: {one.text} {sign} {other.text} takes {shown(one.unit)} and {shown(other.unit)}, which are not the "
        f"same unit{hint}"
    )


def _difference(one: Quality, other: Quality, node: str) -> Quality:
    _same_unit(one, other, node, "-")
    return Quality(unit=one.unit, population=one.population, low=one.low - other.high, high=one.high - other.low,
                   **_combined(one, other, node, "-"))  # fmt: skip


def _sum(parts: list[Quality], node: str) -> Quality:
    found = parts[0]
    for part in parts[1:]:
        _same_unit(found, part, node, "+")
        same = found.population if found.population == part.population else ""
        found = Quality(unit=found.unit, population=same, low=found.low + part.low, high=found.high + part.high,
                        **_combined(found, part, node, "+"))  # fmt: skip
    return found


def _part(whole: Quality, share: Quality, node: str) -> Quality:
    combined = _combined(whole, share, node, "share_of")
    if not share.unit.dimensionless:
        raise UnitError(f"{node}: a share has the unit 1, {share.text} has {shown(share.unit)}")
    if share.whole and whole.population and share.whole != whole.population:
        raise UnitError(f"{node}: {share.text} is a share of {share.whole}, but {whole.text} counts {whole.population}")
    ends = [a * b for a in (whole.low, whole.high) for b in (share.low, share.high)]
    population = share.population or whole.population
    text = f"share_of({whole.text}, {share.text})"
    return Quality(unit=whole.unit, population=population, low=min(ends), high=max(ends), **combined | {"text": text})


def shown(unit: Any) -> str:
    """A unit as text; "1" where it has none."""
    return "1" if unit.dimensionless else f"{unit}"


def spoken(value: float, unit: str = "") -> str:
    """A number for a sentence: "CNY 3.42 trillion", "24.1 %" where the unit is 1, plain words without a unit."""
    if unit == "1":
        return f"{100 * value:.3g} %"
    head = unit.split("/")[0].strip()
    said = f"{value:.4g}" if abs(value) < 1e4 else units.in_words(value)
    return f"{head} {said}" if head in units.CURRENCIES else f"{said} {unit}".strip()
