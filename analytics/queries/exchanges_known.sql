-- The exchanges of a cassette that are in the tables: number, when each began, whether it need not be
-- read again, whether it has no parent there though it might, and whether it has an end.
SELECT
    number,
    epoch_us(started_at),
    outcome <> 'incomplete' AND request_key IS NOT NULL,
    parent_id IS NULL AND endpoint IS NOT NULL,
    outcome <> 'incomplete'
FROM exchanges
WHERE cassette_id = $cassette::UUID;
