"""The report as an XLSX workbook: `book` puts sheets together, `sheets` and `lists` fill them, `cells` writes."""
