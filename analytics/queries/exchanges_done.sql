-- Numbers of the exchanges of a cassette that need not be read again.
SELECT number FROM exchanges WHERE cassette_id = $cassette::UUID AND outcome <> 'incomplete';
