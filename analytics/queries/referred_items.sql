-- Items that the given exchanges refer to.
SELECT item_id FROM exchange_items WHERE exchange_id IN (SELECT unnest($exchanges::UUID[]))
UNION
SELECT instructions_id FROM exchanges
WHERE instructions_id IS NOT NULL AND exchange_id IN (SELECT unnest($exchanges::UUID[]));
