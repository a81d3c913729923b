-- The exchanges of a cassette that need not be read again: number, and when each began.
SELECT number, epoch_us(started_at)
FROM exchanges
WHERE cassette_id = $cassette::UUID AND outcome <> 'incomplete';
