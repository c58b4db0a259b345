"""Star-schema views over the marts for Power BI, QuickSight, Grafana, Metabase and Excel (docs/bi.md)."""
