"""Data comes in: a panel file of the user, order rows of any size, the simulated samples, listed prices.

`read_panel` reads one CSV or Parquet file as a tidy table and refuses what is no number or no day.
`daily_panel` has an engine sum order rows to unit-days where they lie: DuckDB on Parquet, or Spark,
ClickHouse or Trino by another address. `sample` reads a labelled simulated table with its known truth.
`market` reads a driver table of a market to size, `definitions` what its figures count.
`listed_prices` asks a vendor for closing prices, and `as_facts` makes them rows of own facts.

What the module cannot do: judge the panel (`helpers.uplift.panels` does), or tell a day without
orders from a day whose rows are lost. Nothing is filled.
"""

from helpers.datasets.files import read_panel
from helpers.datasets.markets import adoptions, analogues, definitions, market, markets
from helpers.datasets.orders import Aggregation, daily_panel
from helpers.datasets.prices import as_facts, listed_prices
from helpers.datasets.samples import Sample, sample, samples

__all__ = [
    "Aggregation",
    "Sample",
    "adoptions",
    "analogues",
    "as_facts",
    "daily_panel",
    "definitions",
    "listed_prices",
    "market",
    "markets",
    "read_panel",
    "sample",
    "samples",
]
