-- What an entry watches beside its name, and what is expected of certificates that concern it.

ALTER TABLE domain DROP CONSTRAINT domain_kind_check;
ALTER TABLE domain ADD CONSTRAINT domain_kind_check CHECK (kind IN ('dns', 'ip', 'email', 'uri', 'spki', 'org'));
ALTER TABLE domain ADD COLUMN policy jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(policy) = 'object');
COMMENT ON COLUMN domain.policy IS 'Keys of docs/policy.md, with names in normal form and CAs as the hashes of their keys; owner, channels and allowed CAs are in columns of their own.';
