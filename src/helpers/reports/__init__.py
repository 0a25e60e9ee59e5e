"""Run notebooks and keep self-contained reports: ``python -m helpers.reports``.

``parameters`` reads a notebook's contract, ``runs`` the list of runs, ``run`` executes, ``export`` makes
the HTML file and ``index`` the list of all reports.
"""
