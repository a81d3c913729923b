-- Items that no exchange refers to any more.
DELETE FROM items
WHERE item_id IN (SELECT unnest($candidates::UUID[]))
  AND item_id NOT IN (SELECT item_id FROM exchange_items)
  AND item_id NOT IN (SELECT instructions_id FROM exchanges WHERE instructions_id IS NOT NULL);
