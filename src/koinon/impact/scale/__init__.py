"""The same questions asked of many towns: expressions that run on DuckDB and on Apache Spark, and tracing town by town.

Reads exports (``koinon.impact.export``) and no database. What a question means is defined by ``koinon.impact.queries``;
a test compares every figure of both engines with it.
"""
