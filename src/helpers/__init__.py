"""A research kit for social-commerce platforms: sourced facts in, defensible numbers out.

Layers, imports point down only: ``paths errors units`` < ``checks evidence settings`` <
``rules tables ledger calendars`` < ``audit growth valuation`` < ``exhibits`` < ``reports``.
"""
