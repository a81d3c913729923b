-- The exchanges of a cassette that have an end: number, when each began, and whether it need not be
-- read again.
SELECT number, epoch_us(started_at), request_key IS NOT NULL
FROM exchanges
WHERE cassette_id = $cassette::UUID AND outcome <> 'incomplete';
