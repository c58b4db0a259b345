-- What refreshes noted that were given up since the last complete one, and this one if it does the step again; and what is too old to be kept.
SELECT *
FROM restatements
WHERE site_id = :site_id AND (refresh_id > :compared_with OR found_at < :forgotten_before)
