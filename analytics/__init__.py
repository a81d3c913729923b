"""Everything that touches DuckDB: validation, normalisation, the store, ingest, queries, prices.

A database is a projection of cassettes: it can be deleted and rebuilt to equal rows at any time.
"""
