-- Is each channel that was seen advertising, and does any rule name it? One that none names is called "source / medium", with the
-- contractor's name behind it where contractors are kept apart.
SELECT
    channel,
    max(CASE WHEN is_ad THEN 1 ELSE 0 END) = 1 AS is_ad,
    min(CASE WHEN NOT is_direct AND strpos(channel, source || ' / ' || medium) = 1 THEN 1 ELSE 0 END) = 1 AS is_unnamed
FROM sources
WHERE site_id = :site_id AND coalesce(channel, '') <> ''
GROUP BY channel
