"""The floor for workbooks: fastexcel reads the first sheet as text, and nothing looks at it.

python benchmarks/floor_workbook.py FILE
"""

import sys

import fastexcel

print(fastexcel.read_excel(sys.argv[1]).load_sheet(0, dtypes="string").to_polars().shape)
