"""An engine by its address: opened, asked and closed, with one clear error for each way that fails.

What the module cannot do: install an engine, or wait for one that starts up.
"""

from __future__ import annotations

import contextlib
import importlib
import re
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlparse

import pyarrow as arrow

from helpers.errors import HelpersError
from helpers.rules import shorten

if TYPE_CHECKING:
    import ibis
    from ibis.backends import BaseBackend

PATIENCE = 5  # seconds until an address that does not answer is given up


@contextlib.contextmanager
def connected(engine: str | BaseBackend) -> Iterator[BaseBackend]:
    """The engine behind an address, closed afterwards; a backend or Spark session of the user is left as it is."""
    if not isinstance(engine, str):
        yield engine
        return
    _refuse_silent(engine)
    scheme = urlparse(engine).scheme
    try:
        ours, backend = (
            _spark(engine) if scheme == "pyspark" else (True, importlib.import_module("ibis").connect(engine))
        )
    except ImportError:
        package = "pyspark" if scheme == "pyspark" else f"ibis-framework[{scheme}]"
        raise HelpersError(f"engine {scheme!r} is not installed: install the package {package}") from None
    except Exception as error:
        told = shorten(str(error).replace(engine, _public(engine)))
        raise HelpersError(f"engine {_public(engine)} cannot be used: {told}") from error
    try:
        yield backend
    finally:
        if ours:
            backend.disconnect()


def _refuse_silent(engine: str) -> None:
    """Knock at the address first: some engines retry a dead one for minutes before they say so."""
    url = urlparse(engine)
    settings = dict(parse_qsl(url.query))
    named = settings.get("spark.master", settings.get("spark.remote", "")) if url.scheme == "pyspark" else url.netloc
    places = re.findall(r"([^\s/@,:\[\]]+):([0-9]+)", named.rsplit("@", 1)[-1])
    refused = []
    for host, port in places:
        try:
            socket.create_connection((host, int(port)), timeout=PATIENCE).close()
        except OSError as error:
            refused.append(f"{host}:{port} ({error.strerror or error})")
        else:
            return
    if refused:
        raise HelpersError(f"engine {_public(engine)} does not answer: {', '.join(refused)}")


def _spark(engine: str) -> tuple[bool, BaseBackend]:
    """A Spark session with the settings of the address, and whether it is a new one.

    Ibis alone refuses settings of Spark's core, such as the master.
    """
    spark = importlib.import_module("ibis.backends.pyspark")
    settings = dict(parse_qsl(urlparse(engine).query))
    ours = spark.SparkSession.getActiveSession() is None
    session = spark.SparkSession.builder.config(conf=spark.SparkConf().setAll(settings.items())).getOrCreate()
    return ours, spark.Backend.from_connection(session)


def _public(engine: str) -> str:
    """The address without its password and settings."""
    url = urlparse(engine)
    return f"{url.scheme}://{url.netloc.rsplit('@', 1)[-1]}{url.path}"


def first_line(error: BaseException) -> str:
    return shorten((str(error).strip() or type(error).__name__).splitlines()[0])


def asked(backend: BaseBackend, query: ibis.Table) -> tuple[arrow.Table, str]:
    """The engine's answer and the SQL."""
    try:
        sql = backend.compile(query, pretty=True)
        # Ibis takes Spark's answer row by row through pandas
        found = backend.raw_sql(sql).toArrow() if backend.name == "pyspark" else backend.to_pyarrow(query)
    except Exception as error:
        raise HelpersError(f"{backend.name} refused the query: {first_line(error)}") from error
    return found, sql


def zone(backend: BaseBackend, rows: ibis.Table, column: str) -> str | None:
    """Zone in which the engine shows the times of a column; None if they carry none."""
    if backend.name == "duckdb":
        shown, query = rows[column].type().timezone, "SELECT current_setting('TimeZone')"
    elif backend.name == "pyspark":  # it has two kinds of time, which Ibis does not tell apart
        (kind,) = backend.raw_sql(backend.compile(rows.select(column))).dtypes
        shown, query = kind[1] == "timestamp", "SELECT current_timezone()"
    else:
        return rows[column].type().timezone
    if not shown:
        return None
    answer = backend.raw_sql(query)  # Ibis opens both in UTC; a user may have changed that
    ((session,),) = answer.fetchall() if backend.name == "duckdb" else answer.collect()
    if session not in ("UTC", "Etc/UTC"):
        raise HelpersError(f"the session of {backend.name} shows times in {session}: set its time zone to UTC")
    return "UTC"
