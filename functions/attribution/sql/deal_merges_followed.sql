-- Whose survivor was taken over as well? Each round goes on to where that one's chain led so far.
SELECT m.site_id, m.deal_id, m.merged_into, n.survivor, :round AS round, :refresh_id AS refresh_id
FROM deal_merges AS m
INNER JOIN deal_merges AS n ON n.site_id = :site_id AND n.deal_id = m.survivor
WHERE m.site_id = :site_id AND n.survivor <> m.survivor
