-- A history scan is done for the rules that it went by: rules that change while it is under way make it one that is
-- still to be done, and another one that ends later does not say that it was.
ALTER TABLE domain ADD COLUMN rules_version int8 NOT NULL DEFAULT 0;
COMMENT ON COLUMN domain.rules_version IS 'One more with every change of its rules by a command or by ctvigil itself.';
