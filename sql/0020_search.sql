-- What certificates are searched by beside names, addresses and hashes.

-- E-mail addresses, URIs and organisations of the subject: words "email:TEXT", "uri:TEXT", "org:TEXT" parted by spaces,
-- escaped like names (db/others.h). Their keys are in cert_apex, "cn:TEXT" as well. NULL: none, or stored before this column.
ALTER TABLE cert ADD COLUMN others text COLLATE "C";

-- Searches that no key helps (an issuer, a part of a text, what is below a public suffix) go through the rows in steps of
-- time, the newest first. Rows come nearly in the order of their time, so this finds a step's blocks and costs nothing.
CREATE INDEX cert_not_before ON cert USING brin (not_before);

-- Since when something is written that rows of before do not have. No row: all have it.
CREATE TABLE search_since (
    what  text PRIMARY KEY,
    since timestamptz NOT NULL
);
INSERT INTO search_since SELECT 'others', now() WHERE EXISTS (SELECT FROM cert);
