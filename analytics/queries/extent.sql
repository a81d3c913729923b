-- One row: how many exchanges there are, when the newest began, and the models to choose from.
SELECT
    count(*) AS exchanges,
    max(started_at) AS last_at,
    coalesce(list(DISTINCT model ORDER BY model) FILTER (model IS NOT NULL), []) AS models
FROM exchanges;
