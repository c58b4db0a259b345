-- Why were the deals of the period lost that stand lost now? Disqualified ones never stood at qualified or later.
SELECT
    split_part(deal_id, ':', 1) AS provider,
    coalesce(loss_group, '') AS loss_group,
    coalesce(loss_reason, '') AS loss_reason,
    count(*) AS deals,
    sum(CASE WHEN was_qualified THEN 0 ELSE 1 END) AS disqualified
FROM deals
WHERE site_id = :site_id AND day BETWEEN :first_day AND :last_day AND meaning = 'lost'
    AND merged_into IS NULL AND NOT coalesce(is_apart, FALSE)
GROUP BY split_part(deal_id, ':', 1), coalesce(loss_group, ''), coalesce(loss_reason, '')
