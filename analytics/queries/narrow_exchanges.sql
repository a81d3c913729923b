-- Narrow a connection to the exchanges since $since and of $model; NULL admits all. The temporary
-- table hides the view of its name, so that every query that follows counts these exchanges alone.
-- Run `narrow_rest` next.
CREATE TEMP TABLE exchange_facts AS
SELECT * EXCLUDE (params, event_ms, event_types, event_bytes)
FROM exchange_facts
WHERE ($since::TIMESTAMPTZ IS NULL OR started_at >= $since::TIMESTAMPTZ)
  AND ($model::VARCHAR IS NULL OR model = $model::VARCHAR);
