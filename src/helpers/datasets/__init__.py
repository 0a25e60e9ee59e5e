"""Event data comes in: a panel file of the user, order rows of any size, the simulated samples.

`read_panel` reads one CSV or Parquet file as a tidy table and refuses what is no number or no day.
`daily_panel` has an engine sum order rows to unit-days where they lie: DuckDB on Parquet, or Spark,
ClickHouse or Trino by another address. `sample` reads a labelled simulated table with its known truth.

What the module cannot do: judge the panel (`helpers.uplift.panels` does), or tell a day without
orders from a day whose rows are lost. Nothing is filled.
"""

from helpers.datasets.files import read_panel
from helpers.datasets.orders import Aggregation, daily_panel
from helpers.datasets.samples import Sample, sample, samples

__all__ = ["Aggregation", "Sample", "daily_panel", "read_panel", "sample", "samples"]
