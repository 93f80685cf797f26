"""The floor of every comparison: polars' streaming engine reads a CSV file and touches every column of it.

python benchmarks/floor.py FILE
"""

import sys

import polars as pl

lengths = pl.all().str.len_bytes().sum()
print(pl.scan_csv(sys.argv[1], infer_schema=False).select(lengths).collect(engine="streaming").shape)
