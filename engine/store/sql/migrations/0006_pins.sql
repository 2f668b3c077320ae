-- What the ids of a market's fills are made with, as of its first fill: where they are unique, and
-- the exchange's id of the market where its first report had one. Null in rows of earlier schemas.
ALTER TABLE markets ADD COLUMN market_id TEXT;
ALTER TABLE markets ADD COLUMN id_form TEXT
    CHECK (id_form IN ('account', 'market', 'order', 'none'));

-- What settings and venue said beside a response's items, where that is not the usual.
ALTER TABLE cycle_inputs ADD COLUMN terms_json TEXT;
