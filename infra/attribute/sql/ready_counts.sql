-- Which distinct paths are there? Each as one request of one month, as the marts hold them.
CREATE OR REPLACE TEMP TABLE path_counts AS
SELECT
    'attribute' AS site_id, 'all' AS month, array_to_string(channels::varchar[], chr(31)) AS path, len(channels) AS touches,
    sum(conversions)::decimal(30, 6) AS conversions, sum(nulls)::decimal(30, 6) AS nulls,
    sum(gains)::double AS gains, sum(losses)::double AS losses
FROM ready
GROUP BY channels;
CREATE OR REPLACE TEMP TABLE path_months AS SELECT 'attribute' AS site_id, 'all' AS month;
CREATE OR REPLACE TEMP VIEW requests AS SELECT site_id, path AS request_id FROM path_counts;
CREATE OR REPLACE TEMP VIEW paths AS
SELECT
    site_id, path AS request_id, month, unnest(string_split(path, chr(31))) AS channel,
    generate_subscripts(string_split(path, chr(31)), 1) AS position, touches AS path_length
FROM path_counts
