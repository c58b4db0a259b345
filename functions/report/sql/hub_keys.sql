-- How many keys are shared by too many people to join anybody?
SELECT count(*) AS hubs
FROM persons
WHERE site_id = :site_id AND is_hub
