-- Lead each repetition of an input to what that one repeats in turn: of a rotated capture a file tells
-- only of the last exchange before. Done until nothing changes it leads to the first; numbers only fall,
-- so that this ends whatever a file says.
UPDATE exchanges
SET repeats_id = found.first_id
FROM (
    SELECT e.exchange_id, f.exchange_id AS first_id
    FROM exchanges e
    JOIN exchanges r ON r.exchange_id = e.repeats_id
    JOIN exchanges f ON f.exchange_id = r.repeats_id AND f.number < r.number
    WHERE e.cassette_id = $cassette::UUID
) AS found
WHERE exchanges.exchange_id = found.exchange_id;
