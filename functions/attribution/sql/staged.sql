-- Which records of one kind arrived, once each? Of repeats the earliest arrival stands. (Columns come from shared/records.py.)
SELECT {columns},{source_key} :refresh_id AS refresh_id
FROM (
    SELECT *, row_number() OVER (PARTITION BY {key} ORDER BY received_at, occurred_at) AS arrival
    FROM {raw_table}
    WHERE site_id = :site_id AND arrival_day BETWEEN :first_arrival AND :last_arrival
) AS arrived
WHERE arrival = 1
