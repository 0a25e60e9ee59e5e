"""Market sizing: a graph of sourced drivers, honest ranges, forecasts with measured coverage."""
