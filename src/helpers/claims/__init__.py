"""Numbers in Chinese and English prose and tables, with unit, currency, period and the exact place."""

from helpers.claims.record import Claim, table

__all__ = ["Claim", "table"]
