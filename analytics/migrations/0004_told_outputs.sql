-- What came of a call, where the call tells it itself: of several tellings of a call one row stays in
-- `tool_calls`, and what the others told must not be gone. Old items get what their calls have.

ALTER TABLE items ADD COLUMN output VARCHAR;

UPDATE items SET output = c.output
FROM tool_calls c
WHERE c.item_id = items.item_id AND c.output_item_id IS NULL;
