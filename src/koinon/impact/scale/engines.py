"""Where expressions run: DuckDB in this process, or Apache Spark on this machine or on many."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from koinon.impact.export import layout
from koinon.impact.export.layout import Export
from koinon.impact.scale import expressions, java
from koinon.impact.scale.errors import NoSpark, QuestionUnknown

Row = dict[str, int | str]
_TABLES = {"transfers": layout.TRANSFERS, "accounts": layout.ACCOUNTS, "periods": layout.PERIODS}


class Engine(Protocol):
    """Answers questions over one export."""

    name: str

    def rows(self, expression: Any) -> list[Row]:
        """The answer, lowest keys first."""
        ...


def questions() -> list[str]:
    """The names of all questions."""
    return sorted(expressions.QUESTIONS)


def ask(engine: Engine, question: str) -> list[Row]:
    """The answer to a question by its name. Raises ``QuestionUnknown``."""
    if question not in expressions.QUESTIONS:
        raise QuestionUnknown(asked=question, known=questions())
    return engine.rows(expressions.QUESTIONS[question]())


def _plain(rows: list[dict[str, Any]]) -> list[Row]:
    """Whole numbers as Python's, in the order of the keys: engines give rows in any."""
    plain = [{name: int(value) if isinstance(value, Decimal) else value for name, value in row.items()} for row in rows]
    return sorted(plain, key=lambda row: tuple(row[key] for key in ("town", "period", "holder", "label") if key in row))


class DuckDB:
    """DuckDB in this process, within ``memory_mb`` and beyond that on disk."""

    name = "duckdb"

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def rows(self, expression: Any) -> list[Row]:
        answer = self._connection.execute(self.sql(expression))
        names = [column[0] for column in answer.description]
        return _plain([dict(zip(names, row, strict=True)) for row in answer.fetchall()])

    @staticmethod
    def sql(expression: Any) -> str:
        """What DuckDB is asked."""
        import ibis

        return str(ibis.to_sql(expression, dialect="duckdb"))


@contextmanager
def duckdb(export: Export, *, memory_mb: int = 800, threads: int | None = None) -> Iterator[DuckDB]:
    """DuckDB over an export. What does not fit into memory goes to a folder that is removed afterwards, and may take
    half of the free disk at most: a question that would fill it fails instead."""
    import duckdb as library

    with tempfile.TemporaryDirectory(prefix="koinon-duckdb-") as spill:
        connection = library.connect(
            config={
                "memory_limit": f"{memory_mb}MB",
                "temp_directory": spill,
                "max_temp_directory_size": f"{shutil.disk_usage(spill).free // 2_000_000}MB",
                "threads": threads or len(os.sched_getaffinity(0)),
                "preserve_insertion_order": False,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            }
        )
        try:
            for table in _TABLES:
                kinds = ", 'month': VARCHAR" if table == "transfers" else ""
                files = ", ".join("'" + path.replace("'", "''") + "'" for path in export.paths(table))
                connection.execute(
                    f"CREATE VIEW {table} AS SELECT * FROM read_parquet([{files}], "  # noqa: S608  (Our own file names.)
                    f"hive_partitioning = true, hive_types = {{'town': INTEGER{kinds}}})"
                )
            yield DuckDB(connection)
        finally:
            connection.close()


class Spark:
    """A Spark session whose temporary views are the export's tables."""

    name = "spark"

    def __init__(self, session: Any) -> None:
        self.session = session

    @property
    def java(self) -> int:
        """The number of the Java process that was started for it."""
        return int(self.session.sparkContext._gateway.proc.pid)

    def rows(self, expression: Any) -> list[Row]:
        return _plain([row.asDict() for row in self.session.sql(self.sql(expression)).collect()])

    @staticmethod
    def sql(expression: Any) -> str:
        """What Spark is asked."""
        import ibis

        return str(ibis.to_sql(expression, dialect="pyspark"))


@contextmanager
def spark(
    export: Export,
    *,
    master: str = "local[*]",
    memory_mb: int = 1024,
    settings: Mapping[str, str] | None = None,
    session: Any = None,
) -> Iterator[Spark]:
    """Spark over an export: ``session`` where the caller has one, else a session of our own that is stopped afterwards.

    ``settings`` are Spark's own and come last. On many machines each must see the folder under the same path. Raises ``NoSpark``, ``NoJava``.
    """
    with _session(master, memory_mb, settings or {}) if session is None else _given(session) as running:
        view = running.newSession()  # Views of our own: the caller's tables keep their names.
        view.conf.set("spark.sql.session.timeZone", "UTC")
        for table, columns in _TABLES.items():
            path = {"town": "int", "month": "string"} if table == "transfers" else {"town": "int"}
            kinds = {"int32": "int", "int64": "bigint", "bool": "boolean"}
            described = ", ".join(f"{name} {kinds.get(kind, kind)}" for name, kind in {**columns, **path}.items())
            frame = view.read.schema(described).option("basePath", str(export.folder / table))
            frame.parquet(*export.paths(table)).createOrReplaceTempView(table)
        yield Spark(view)


@contextmanager
def _given(session: Any) -> Iterator[Any]:
    yield session


@contextmanager
def _session(master: str, memory_mb: int, wanted: Mapping[str, str]) -> Iterator[Any]:
    # Of pandas, which Spark loads and we do not use.
    warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas", category=FutureWarning)
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise NoSpark from None
    with tempfile.TemporaryDirectory(prefix="koinon-spark-") as scratch, _environment(Path(scratch)):
        local = {
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.local.dir": scratch,
            "spark.sql.shuffle.partitions": str(2 * len(os.sched_getaffinity(0))),
        }
        settings = {
            "spark.driver.memory": f"{memory_mb}m",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.log.level": "ERROR",
            "spark.sql.warehouse.dir": scratch,
            **(local if master.startswith("local") else {}),
            **wanted,
        }
        builder = SparkSession.builder.master(master).appName("koinon")
        for name, value in settings.items():
            builder = builder.config(name, value)
        session = builder.getOrCreate()
        try:
            yield session
        finally:
            session.stop()
            _end_java()


def _end_java() -> None:
    """End the Java process that pyspark leaves behind for the next session of this process."""
    from pyspark import SparkContext

    gateway = SparkContext._gateway
    if gateway is not None:
        gateway.shutdown()
        with suppress(Exception):  # It may have ended by itself.
            gateway.proc.stdin.close()
            gateway.proc.wait(timeout=10)
        SparkContext._gateway = SparkContext._jvm = None


@contextmanager
def _environment(scratch: Path) -> Iterator[None]:
    """JAVA_HOME, and this Python for the workers, as long as Spark is being used."""
    import sys

    wanted = {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    found = java.home(scratch)
    if found is not None:
        wanted["JAVA_HOME"] = str(found)
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def of(
    kind: str, export: Export, *, master: str = "local[*]", memory_mb: int | None = None, threads: int | None = None
) -> Any:
    """The engine called "duckdb" or "spark", as a context."""
    if kind == "spark":
        return spark(export, master=master, memory_mb=memory_mb or 1024)
    return duckdb(export, memory_mb=memory_mb or 800, threads=threads)


def differences(left: Sequence[Row], right: Sequence[Row]) -> list[tuple[Row | None, Row | None]]:
    """Where two answers differ, row by row; empty is what is hoped for."""
    from itertools import zip_longest

    return [(one, other) for one, other in zip_longest(left, right) if one != other]
