-- On which days did each ad account spend? By the sum as imported: a missing rate is no silence. Lines without an account are told by
-- their source.
SELECT DISTINCT coalesce(nullif(account, ''), source, '') AS account, day
FROM costs
WHERE site_id = :site_id AND day BETWEEN :first_day AND :last_day AND original_cost > 0
