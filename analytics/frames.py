"""The answers of `queries/*.sql` as DataFrames: whole numbers stay whole, and NULL stays NULL.

Apart from the store because pandas takes a second to import, which who only writes need not wait
for.
"""

import duckdb
import pandas as pd
import pyarrow as pa

from analytics.store import statement

# A column with NULLs must not turn whole numbers into floats.
_NULLABLE = {pa.int64(): pd.Int64Dtype(), pa.int32(): pd.Int32Dtype(), pa.int16(): pd.Int16Dtype()}


def frame(connection: duckdb.DuckDBPyConnection, name: str, **parameters: object) -> pd.DataFrame:
    """The answer of `queries/<name>.sql`, whose `$parameters` are given by name."""
    relation = connection.sql(statement(name), params=parameters)
    answer: pd.DataFrame = relation.to_arrow_table().to_pandas(types_mapper=_NULLABLE.get)
    return answer
