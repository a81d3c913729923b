-- Which of these exchanges of a cassette are in the tables, with or without an end.
SELECT number
FROM exchanges
WHERE cassette_id = $cassette::UUID AND number IN (SELECT unnest($numbers::INTEGER[]));
