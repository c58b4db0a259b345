-- Which requests of these days count or have deals, the newest first, and what became of them?
SELECT
    request_id, day, created_at, contact_channel, is_counted, is_qualified, is_disqualified, loss_reason,
    coalesce(sales, 0) AS sales, revenue, gross_profit, no_source_reason
FROM requests
WHERE site_id = :site_id AND day BETWEEN :first_day AND :last_day AND (is_counted OR coalesce(deals, 0) > 0)
ORDER BY created_at DESC, request_id DESC
