-- The exchanges of a cassette that may have failed or be retries: those that did not simply succeed,
-- and what asks the same as one of them.
SELECT
    number, request_key, epoch_us(started_at) AS began_us, duration_ms, retry_count,
    method, http_status, outcome, streamed, error_code, attempt, retry_of_id
FROM exchanges
WHERE cassette_id = $cassette::UUID AND request_key IN (
    SELECT request_key FROM exchanges
    WHERE cassette_id = $cassette::UUID AND (
        outcome <> 'complete' OR http_status >= 400 OR error_code IS NOT NULL
        OR retry_of_id IS NOT NULL
    )
)
ORDER BY number;
