"""Run notebooks and keep self-contained reports: ``python -m helpers.reports``.

Which runs: ``runs`` reads runs.yml, ``matrix`` expands it, ``parameters`` reads a notebook's contract.
One run: ``run`` makes a report, ``kernel`` executes its cells (``engine`` for papermill, ``provisioner`` and ``zygote``
start the kernel, ``sandbox`` is the kernel's own side), ``inputs`` knows what it rests on, ``record`` and ``secrecy``
what it leaves.
Many: ``batch`` runs them here, ``cluster`` on Dask workers, ``store`` copies reports elsewhere, ``notify`` tells.
The page: ``export`` turns a notebook into HTML, with ``page``, ``fonts`` and ``passports``.
Over all runs: ``catalogue``, ``changes``, ``backtest``, and the ``pages`` that show them.
"""
