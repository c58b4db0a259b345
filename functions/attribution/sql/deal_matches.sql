-- Which request is the origin of each deal? Strongest key first over all deals; who finds none gets an implied request.
WITH
-- include: part_asked
-- include: part_explicit
-- include: part_match_level kind=visitor column=visitor_id claimed=explicit
-- include: part_match_level kind=phone column=phone_hash claimed=matched_visitor
-- include: part_match_level kind=email column=email_hash claimed=matched_phone
found AS (SELECT deal_id, request_id, match_method FROM matched_email)

SELECT
    :site_id AS site_id,
    d.deal_id,
    coalesce(f.request_id, 'crm:' || d.deal_id) AS request_id,
    coalesce(f.match_method, 'implied') AS match_method,
    :refresh_id AS refresh_id
FROM deal_facts AS d
LEFT JOIN found AS f ON f.deal_id = d.deal_id
WHERE d.site_id = :site_id
