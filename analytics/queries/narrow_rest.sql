-- Narrow what belongs to exchanges to those that `narrow_exchanges` left. Which usage counts is
-- decided over all exchanges, so this comes first, and `exchanges` is hidden last. Long texts of tool
-- calls stay behind.
CREATE TEMP TABLE counted_usage AS
FROM counted_usage SEMI JOIN exchange_facts USING (exchange_id);

CREATE TEMP TABLE usage AS
FROM usage SEMI JOIN exchange_facts USING (exchange_id);

CREATE TEMP TABLE compactions AS
FROM compactions SEMI JOIN exchange_facts USING (exchange_id);

CREATE TEMP TABLE tool_calls AS
SELECT * EXCLUDE (arguments) REPLACE (CASE WHEN output IS NOT NULL THEN '' END AS output)
FROM tool_calls SEMI JOIN exchange_facts USING (exchange_id);

CREATE TEMP TABLE exchange_findings AS
FROM exchange_findings SEMI JOIN exchange_facts USING (exchange_id);

CREATE TEMP TABLE findings AS
FROM findings SEMI JOIN exchange_findings USING (finding_id);

CREATE TEMP VIEW exchanges AS FROM exchange_facts;
