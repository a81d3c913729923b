-- Say of exchanges which attempt at their request they are, and what they retry, if anything.
UPDATE exchanges
SET attempt = links.attempt, retry_of_id = links.retry_of_id::UUID
FROM links
WHERE exchanges.exchange_id = links.exchange_id::UUID;
