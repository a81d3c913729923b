-- Which exchange of a cassette brings what stands in which: its own items, and those of the exchange
-- whose whole input its own repeats. `answer_followed_calls` and `answer_tool_calls` ask this.
CREATE OR REPLACE TEMP TABLE bearers AS
SELECT exchange_id, exchange_id AS place_id, number, started_at, previous_response_id
FROM exchanges
WHERE cassette_id = $cassette::UUID
UNION ALL
SELECT exchange_id, repeats_id, number, started_at, previous_response_id
FROM exchanges
WHERE cassette_id = $cassette::UUID AND repeats_id IS NOT NULL;
