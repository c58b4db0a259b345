-- Who was left out on the days that this run looks at anew?
SELECT *
FROM excluded_visitors
WHERE site_id = :site_id
    AND (:is_full OR day IN (SELECT day FROM hits WHERE site_id = :site_id AND refresh_id > :since_refresh))
