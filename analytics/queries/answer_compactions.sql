-- A compaction that was told of by fetching its response had been asked for when that was created.
UPDATE compactions
SET trigger = coalesce(found.compaction_asked, 'automatic'),
    input_items = found.input_items
FROM (
    SELECT c.exchange_id AS teller_id, a.compaction_asked, a.input_items
    FROM compactions c
    JOIN exchanges e USING (exchange_id)
    JOIN exchanges a
        ON a.cassette_id = e.cassette_id AND a.response_id = e.response_id
        AND a.endpoint = 'create'
    WHERE e.cassette_id = $cassette::UUID AND e.endpoint IN ('retrieve', 'cancel')
    QUALIFY row_number() OVER (PARTITION BY c.exchange_id ORDER BY a.number) = 1
) AS found
WHERE compactions.exchange_id = found.teller_id;
