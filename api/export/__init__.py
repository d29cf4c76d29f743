"""Files out: the rows of a list as JSON lines, CSV, a workbook or Parquet, with what was asked."""
