-- What researchers ask: the schema ct. Names and columns stay as they are; docs/research.md shows them at work. Nobody
-- who reads here needs a right on a table: the views carry their owner's.
CREATE SCHEMA ct;
COMMENT ON SCHEMA ct IS 'Certificates, names, issuers, sightings and logs for whoever asks in SQL. Names and columns are stable.';

-- Names --------------------------------------------------------------------------------------------------------------

-- RFC 3492, for the labels of the public suffix list and of who asks; it is never asked for a name that is stored.
CREATE FUNCTION ct.punycode(label text) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    points int[] := ARRAY(SELECT ascii(c) FROM regexp_split_to_table(label, '') AS c);
    made   text := ARRAY_TO_STRING(ARRAY(SELECT chr(p) FROM unnest(points) AS p WHERE p < 128), '');
    basic  int := length(made);
    done   int := basic;
    n      int := 128;
    delta  int8 := 0;
    bias   int := 72;
    low    int;
    q      int8;
    k      int;
    t      int;
    p      int;
BEGIN
    IF basic = cardinality(points) OR cardinality(points) > 63 THEN
        RETURN label;
    END IF;
    made := made || CASE WHEN basic > 0 THEN '-' ELSE '' END;
    WHILE done < cardinality(points) LOOP
        low := (SELECT min(u) FROM unnest(points) AS u WHERE u >= n);
        delta := delta + (low - n)::int8 * (done + 1);
        n := low;
        FOREACH p IN ARRAY points LOOP
            delta := delta + CASE WHEN p < n THEN 1 ELSE 0 END;
            CONTINUE WHEN p <> n;
            q := delta;
            k := 36;
            LOOP
                t := least(greatest(k - bias, 1), 26);
                EXIT WHEN q < t;
                made := made || substr('abcdefghijklmnopqrstuvwxyz0123456789', (t + (q - t) % (36 - t))::int + 1, 1);
                q := (q - t) / (36 - t);
                k := k + 36;
            END LOOP;
            made := made || substr('abcdefghijklmnopqrstuvwxyz0123456789', q::int + 1, 1);
            delta := delta / CASE WHEN done = basic THEN 700 ELSE 2 END;
            done := done + 1;
            delta := delta + delta / done;
            k := 0;
            WHILE delta > 455 LOOP
                delta := delta / 35;
                k := k + 36;
            END LOOP;
            bias := k + (36 * delta / (delta + 38))::int;
            delta := 0;
        END LOOP;
        delta := delta + 1;
        n := n + 1;
    END LOOP;
    RETURN 'xn--' || made;
END $$;
COMMENT ON FUNCTION ct.punycode IS 'The A-label of a label (RFC 3492); one of ASCII stays as it is.';

CREATE FUNCTION ct.normal_name(name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN name ~ '^[\x21-\x7e]*$' THEN lower(trim(BOTH '.' FROM name))
           ELSE (SELECT string_agg(ct.punycode(l), '.' ORDER BY n)
                 FROM regexp_split_to_table(lower(normalize(trim(BOTH '. ' FROM name), NFKC)), '[.]') WITH ORDINALITY AS p (l, n)) END
$$;
COMMENT ON FUNCTION ct.normal_name IS 'A name as names are compared: small letters, A-labels, no dot at its ends.';

CREATE FUNCTION ct.reversed_name(name text) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    labels text[] := string_to_array(name, '.');
    made   text := labels[cardinality(labels)];
BEGIN
    FOR i IN REVERSE cardinality(labels) - 1 .. 1 LOOP
        made := made || '.' || labels[i];
    END LOOP;
    RETURN made;
END $$;
COMMENT ON FUNCTION ct.reversed_name IS 'The labels in reverse order: com.example.www for www.example.com, and back.';

CREATE FUNCTION ct.domain_key(domain text) RETURNS int8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ('x' || left(encode(sha256(convert_to(domain, 'UTF8')), 'hex'), 16))::bit(64)::int8;
COMMENT ON FUNCTION ct.domain_key IS 'The key under which the certificates of a registrable domain are found. It finds and does not decide: compare the names as well.';

-- The rules of the public suffix list, one a row, with A-labels and in reverse order: uk.co, ck.*, ck.!www. Made whenever
-- a list is stored.
CREATE TABLE psl_rule (
    version int4 NOT NULL REFERENCES psl ON DELETE CASCADE,
    rule    text COLLATE "C" NOT NULL,
    PRIMARY KEY (version, rule)
);

CREATE FUNCTION psl_rules(list text) RETURNS SETOF text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN r.rule LIKE '!%' THEN regexp_replace(n.stored, '([^.]*)$', '!\1') ELSE n.stored END
    FROM (SELECT split_part(split_part(rtrim(line, E'\r'), ' ', 1), E'\t', 1) AS rule
          FROM unnest(string_to_array(list, E'\n')) AS line WHERE line NOT LIKE '//%') AS r
    CROSS JOIN LATERAL (SELECT ct.reversed_name(CASE WHEN r.rule ~ '[^\x21-\x7e]' THEN ct.normal_name(ltrim(r.rule, '!'))
                                                   ELSE ltrim(r.rule, '!') END) AS stored) AS n
    WHERE r.rule <> ''
$$;
INSERT INTO psl_rule (version, rule) SELECT p.version, r.rule FROM psl AS p, psl_rules(p.list) AS r (rule) ON CONFLICT DO NOTHING;

CREATE FUNCTION psl_rule_make() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO psl_rule (version, rule) SELECT NEW.version, r.rule FROM psl_rules(NEW.list) AS r (rule) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER rules AFTER INSERT ON psl FOR EACH ROW EXECUTE FUNCTION psl_rule_make();

CREATE FUNCTION ct.registrable_domain(name text) RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    whole text := ct.normal_name(regexp_replace(name, '^[*][.]', ''));
    top   text[] := string_to_array(ct.reversed_name(whole), '.');
    list  int4 := (SELECT max(version) FROM psl);
    above text;
    size  int := 1; -- labels of the public suffix; a last label that is in no list is one
BEGIN
    FOR i IN REVERSE cardinality(top) .. 2 LOOP
        above := array_to_string(top[:i - 1], '.');
        IF EXISTS (SELECT FROM psl_rule AS r WHERE r.version = list AND r.rule = above || '.!' || top[i]) THEN
            size := i - 1;
            EXIT;
        ELSIF EXISTS (SELECT FROM psl_rule AS r WHERE r.version = list AND r.rule IN (above || '.' || top[i], above || '.*')) THEN
            size := i;
            EXIT;
        END IF;
    END LOOP;
    RETURN CASE WHEN size >= cardinality(top) THEN whole ELSE ct.reversed_name(array_to_string(top[:size + 1], '.')) END;
END $$;
COMMENT ON FUNCTION ct.registrable_domain IS 'The domain under which a name was registered, by the public suffix list in force (its private part, too); a public suffix is its own.';

CREATE FUNCTION ct.is_suffix(name text) RETURNS bool LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    front text := ct.reversed_name(ct.normal_name(name));
    list  int4 := (SELECT max(version) FROM psl);
BEGIN
    RETURN position('.' IN front) = 0
        OR (ct.registrable_domain(name) = ct.normal_name(name)
            AND ct.registrable_domain('a.' || name) <> ct.normal_name(name))
        OR EXISTS (SELECT FROM psl_rule AS r WHERE r.version = list AND r.rule >= front || '.' AND r.rule < front || '/');
END $$;
COMMENT ON FUNCTION ct.is_suffix IS 'Is the name a public suffix, or is there one below it? Its subtree has no index then.';

-- Hashes and serials that are compared with an index behind: an own "=" on a domain asks the prefix that is indexed, and
-- then the whole.
CREATE DOMAIN ct.spki AS bytea;
CREATE DOMAIN ct.serial AS bytea;
COMMENT ON DOMAIN ct.spki IS 'SHA-256 of a public key (SubjectPublicKeyInfo). Compared with = it is found by an index.';
COMMENT ON DOMAIN ct.serial IS 'Serial number, content octets. Compared with = it is found by an index.';
CREATE FUNCTION ct.spki_is(a ct.spki, b ct.spki) RETURNS bool LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN substring(a::bytea FOR 8) = substring(b::bytea FOR 8) AND a::bytea = b::bytea;
CREATE FUNCTION ct.spki_is(a ct.spki, b bytea) RETURNS bool LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN substring(a::bytea FOR 8) = substring(b FOR 8) AND a::bytea = b;
CREATE FUNCTION ct.serial_is(a ct.serial, b ct.serial) RETURNS bool LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN substring(a::bytea FOR 15) = substring(b::bytea FOR 15) AND a::bytea = b::bytea;
CREATE FUNCTION ct.serial_is(a ct.serial, b bytea) RETURNS bool LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN substring(a::bytea FOR 15) = substring(b FOR 15) AND a::bytea = b;
CREATE OPERATOR ct.= (FUNCTION = ct.spki_is, LEFTARG = ct.spki, RIGHTARG = ct.spki);
CREATE OPERATOR ct.= (FUNCTION = ct.spki_is, LEFTARG = ct.spki, RIGHTARG = bytea);
CREATE OPERATOR ct.= (FUNCTION = ct.serial_is, LEFTARG = ct.serial, RIGHTARG = ct.serial);
CREATE OPERATOR ct.= (FUNCTION = ct.serial_is, LEFTARG = ct.serial, RIGHTARG = bytea);

CREATE FUNCTION ct.prefix8(hash bytea) RETURNS int8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ('x' || encode(substring(hash FOR 8), 'hex'))::bit(64)::int8;
COMMENT ON FUNCTION ct.prefix8 IS 'The first 8 bytes of a hash as the number that tiles hold.';
CREATE FUNCTION ct.bytes8(prefix int8) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN decode(lpad(to_hex(prefix), 16, '0'), 'hex');
COMMENT ON FUNCTION ct.bytes8 IS 'The 8 bytes of such a number.';

-- Views --------------------------------------------------------------------------------------------------------------

CREATE VIEW ct.certificates AS
SELECT c.log::int8 << 40 | c.idx AS id, c.tbs_fp, c.issuer AS issuer_id, c.serial::ct.serial AS serial,
       c.spki_sha256::ct.spki AS spki_sha256, c.not_before, c.not_after,
       c.not_after - c.not_before + interval '1 second' AS lifetime, c.first_seen AS first_logged,
       CASE WHEN c.facts & (1::int8 << 54) <> 0 THEN ct.reversed_name(split_part(c.names, ' ', 1)) ELSE c.cn END AS common_name,
       ARRAY(SELECT ct.reversed_name(n) FROM unnest(string_to_array(c.names, ' ')) AS n) AS names,
       cardinality(string_to_array(c.names, ' ')) AS name_count,
       c.names || ' ' LIKE '%.* %' AS wildcard,
       c.names AS reversed_names,
       (ARRAY['RSA', 'RSA-PSS', 'EC', 'Ed25519', 'Ed448', 'DSA', 'ML-DSA'])[(c.facts >> 32 & 15)::int] AS key_type,
       (c.facts >> 36 & 65535)::int AS key_bits,
       CASE WHEN c.facts & 1024 <> 0 THEN 'EV' WHEN c.facts & 256 <> 0 THEN 'OV' WHEN c.facts & 512 <> 0 THEN 'IV'
            WHEN c.facts & 128 <> 0 THEN 'DV' END AS validation,
       c.facts & 1 <> 0 AS is_ca,
       c.facts & 40 <> 0 OR c.facts & 2048 = 0 AS server_auth,
       c.facts & 48 <> 0 OR c.facts & 2048 = 0 AS client_auth,
       c.facts & (1::int8 << 53) <> 0 AS issuer_proven,
       c.facts & (1::int8 << 56) <> 0 AS odd,
       c.facts & ((1::int8 << 57) | (1::int8 << 55)) <> 0 AS unreadable,
       c.log AS first_log_id, c.idx AS first_index, c.apex8 AS domain_key
FROM cert AS c;
COMMENT ON VIEW ct.certificates IS 'One row per issuance: precertificate and final certificate share it. Found by an index: tbs_fp, spki_sha256, serial; by domain, host, address and place through the functions of this schema.';
COMMENT ON COLUMN ct.certificates.id IS 'Number of the sighting that was stored first: log and index. Not indexed; see ct.certificate_by_id.';
COMMENT ON COLUMN ct.certificates.tbs_fp IS 'Fingerprint: SHA-256 of the TBSCertificate without the CT extensions. With issuer_id it is unique.';
COMMENT ON COLUMN ct.certificates.issuer_id IS 'Row of ct.issuers.';
COMMENT ON COLUMN ct.certificates.serial IS 'Serial number, content octets; indexed for =.';
COMMENT ON COLUMN ct.certificates.spki_sha256 IS 'SHA-256 of the public key; indexed for =.';
COMMENT ON COLUMN ct.certificates.not_before IS 'Begin of validity; 0001-01-01 when it can not be read.';
COMMENT ON COLUMN ct.certificates.not_after IS 'End of validity, inclusive; 9999-12-31 when it can not be read. What is bounded by it reads fewer partitions.';
COMMENT ON COLUMN ct.certificates.lifetime IS 'How long it is valid, its last second included (RFC 5280 4.1.2.5).';
COMMENT ON COLUMN ct.certificates.first_logged IS 'The log''s timestamp of the sighting that was stored first; earlier ones may come from logs that are read later.';
COMMENT ON COLUMN ct.certificates.common_name IS 'Last common name of the subject, made visible; NULL: none.';
COMMENT ON COLUMN ct.certificates.names IS 'DNS names in small letters, of the alternative names and the common name; bytes outside 0x21 to 0x7e and the backslash as \xHH; ? is a label that can not be read.';
COMMENT ON COLUMN ct.certificates.name_count IS 'How many these are.';
COMMENT ON COLUMN ct.certificates.wildcard IS 'Does one of them begin with *.?';
COMMENT ON COLUMN ct.certificates.reversed_names IS 'The same with labels in reverse order, joined by spaces: com.example.www com.example.*';
COMMENT ON COLUMN ct.certificates.key_type IS 'RSA, RSA-PSS, EC, Ed25519, Ed448, DSA or ML-DSA; NULL: another.';
COMMENT ON COLUMN ct.certificates.key_bits IS 'Size of the key; 65535: that many or more, 0: not known.';
COMMENT ON COLUMN ct.certificates.validation IS 'DV, OV, IV or EV by its policy; NULL: it does not say.';
COMMENT ON COLUMN ct.certificates.is_ca IS 'Does basicConstraints say so?';
COMMENT ON COLUMN ct.certificates.server_auth IS 'Extended key usage: serverAuth, any, or none at all.';
COMMENT ON COLUMN ct.certificates.client_auth IS 'Extended key usage: clientAuth, any, or none at all.';
COMMENT ON COLUMN ct.certificates.issuer_proven IS 'Is the issuer''s key proven by the leaf of a precertificate, or by the signature? Otherwise it is what the log said.';
COMMENT ON COLUMN ct.certificates.odd IS 'Something in it breaks a rule.';
COMMENT ON COLUMN ct.certificates.unreadable IS 'Something in it can not be read.';
COMMENT ON COLUMN ct.certificates.first_log_id IS 'Where it was seen first: row of ct.logs,';
COMMENT ON COLUMN ct.certificates.first_index IS 'and index in it.';
COMMENT ON COLUMN ct.certificates.domain_key IS 'ct.domain_key of the first name''s registrable domain; 0: none. Indexed.';

CREATE VIEW ct.domain_keys AS
SELECT c.apex8 AS domain_key, c.not_before, c.not_after, c.tbs_fp, c.issuer AS issuer_id FROM cert AS c WHERE c.apex8 <> 0
UNION ALL
SELECT a.apex8, a.not_before, a.not_after, a.tbs_fp, a.issuer FROM cert_apex AS a;
COMMENT ON VIEW ct.domain_keys IS 'One row per certificate and registrable domain of its names. The keys of other things (email:HOST, uri:HOST, ?) are here as well.';
COMMENT ON COLUMN ct.domain_keys.domain_key IS 'ct.domain_key of the domain. Indexed.';
COMMENT ON COLUMN ct.domain_keys.not_before IS 'Of the certificate.';
COMMENT ON COLUMN ct.domain_keys.not_after IS 'Of the certificate.';
COMMENT ON COLUMN ct.domain_keys.tbs_fp IS 'Of the certificate.';
COMMENT ON COLUMN ct.domain_keys.issuer_id IS 'Of the certificate.';

CREATE VIEW ct.names AS
SELECT ct.reversed_name(n.stored) AS name, 'dns' AS kind, n.stored AS reversed_name, right(n.stored, 1) = '*' AS wildcard,
       c.tbs_fp, c.issuer AS issuer_id, c.not_before, c.not_after
FROM cert AS c CROSS JOIN LATERAL unnest(string_to_array(c.names, ' ')) AS n (stored) WHERE n.stored <> ''
UNION ALL
SELECT host(p.ip), 'ip', NULL, false, p.tbs_fp, p.issuer, p.not_before, p.not_after FROM cert_ip AS p
UNION ALL
SELECT replace(substring(o.word FROM position(':' IN o.word) + 1), '\x20', ' '), split_part(o.word, ':', 1), NULL, false, c.tbs_fp,
       c.issuer, c.not_before, c.not_after
FROM cert AS c CROSS JOIN LATERAL unnest(string_to_array(c.others, ' ')) AS o (word) WHERE o.word ~ '^(email|uri|org):';
COMMENT ON VIEW ct.names IS 'One row per name of a certificate: DNS names, addresses, e-mail addresses, URIs, organisations. A condition on tbs_fp uses an index, one on the name does not: see ct.subtree.';
COMMENT ON COLUMN ct.names.name IS 'The name, escaped as in ct.certificates.names, or the address.';
COMMENT ON COLUMN ct.names.kind IS 'dns, ip, email, uri or org (organisation of the subject). The last three are not there for certificates that an old version stored.';
COMMENT ON COLUMN ct.names.reversed_name IS 'Labels in reverse order; NULL for other kinds.';
COMMENT ON COLUMN ct.names.wildcard IS 'Does it begin with *.?';
COMMENT ON COLUMN ct.names.tbs_fp IS 'Of the certificate.';
COMMENT ON COLUMN ct.names.issuer_id IS 'Of the certificate.';
COMMENT ON COLUMN ct.names.not_before IS 'Of the certificate.';
COMMENT ON COLUMN ct.names.not_after IS 'Of the certificate.';

CREATE VIEW ct.addresses AS
SELECT p.ip, p.tbs_fp, p.issuer AS issuer_id, p.not_before, p.not_after FROM cert_ip AS p;
COMMENT ON VIEW ct.addresses IS 'One row per address of a certificate. ip <<= ''192.0.2.0/24'' uses an index.';
COMMENT ON COLUMN ct.addresses.ip IS 'The address.';
COMMENT ON COLUMN ct.addresses.tbs_fp IS 'Of the certificate.';
COMMENT ON COLUMN ct.addresses.issuer_id IS 'Of the certificate.';
COMMENT ON COLUMN ct.addresses.not_before IS 'Of the certificate.';
COMMENT ON COLUMN ct.addresses.not_after IS 'Of the certificate.';

CREATE VIEW ct.issuers AS
SELECT i.id AS issuer_id, i.dn_text AS name, i.spki_sha256, i.spki_sha256 <> decode(repeat('00', 32), 'hex') AS key_known,
       i.dn AS name_der
FROM issuer AS i;
COMMENT ON VIEW ct.issuers IS 'Who issues: a key together with the name it uses.';
COMMENT ON COLUMN ct.issuers.issuer_id IS 'Number that the other views use.';
COMMENT ON COLUMN ct.issuers.name IS 'Distinguished name (RFC 4514), made visible.';
COMMENT ON COLUMN ct.issuers.spki_sha256 IS 'SHA-256 of the key; zeros when nobody could say which one it was.';
COMMENT ON COLUMN ct.issuers.key_known IS 'Is it known?';
COMMENT ON COLUMN ct.issuers.name_der IS 'The name as bytes.';

CREATE VIEW ct.ca_certificates AS
SELECT a.sha256, a.spki_sha256, a.subject AS subject_der, a.issuer AS issuer_der, a.not_before, a.not_after, a.is_ca,
       a.self_signed, a.log AS first_log_id, a.seen_at AS first_seen, a.der
FROM issuer_cert AS a;
COMMENT ON VIEW ct.ca_certificates IS 'CA certificates that came with chains, or that logs take as roots.';
COMMENT ON COLUMN ct.ca_certificates.sha256 IS 'SHA-256 of the certificate.';
COMMENT ON COLUMN ct.ca_certificates.spki_sha256 IS 'SHA-256 of its key; that of ct.issuers.';
COMMENT ON COLUMN ct.ca_certificates.subject_der IS 'Subject, DER.';
COMMENT ON COLUMN ct.ca_certificates.issuer_der IS 'Issuer, DER; this and the next ones are NULL until somebody has looked.';
COMMENT ON COLUMN ct.ca_certificates.not_before IS 'Begin of validity.';
COMMENT ON COLUMN ct.ca_certificates.not_after IS 'End of validity.';
COMMENT ON COLUMN ct.ca_certificates.is_ca IS 'Does basicConstraints say so? Old roots say nothing.';
COMMENT ON COLUMN ct.ca_certificates.self_signed IS 'The signature was checked with its own key.';
COMMENT ON COLUMN ct.ca_certificates.first_log_id IS 'The log that brought it first; NULL: not known.';
COMMENT ON COLUMN ct.ca_certificates.first_seen IS 'When that was.';
COMMENT ON COLUMN ct.ca_certificates.der IS 'The certificate.';

CREATE VIEW ct.ca_edges AS
SELECT e.child_sha256, e.parent_sha256, e.first_seen FROM ca_edge AS e;
COMMENT ON VIEW ct.ca_edges IS 'Which CA certificate was signed with the key of which: the signature was checked. It says nothing of trust.';
COMMENT ON COLUMN ct.ca_edges.child_sha256 IS 'The certificate that was signed (ct.ca_certificates.sha256),';
COMMENT ON COLUMN ct.ca_edges.parent_sha256 IS 'and one whose key signed it.';
COMMENT ON COLUMN ct.ca_edges.first_seen IS 'When that was found.';

CREATE VIEW ct.logs AS
SELECT l.id AS log_id, l.name, l.operator, l.description, l.protocol, l.url, l.log_id AS key_sha256, l.key AS key_der,
       l.state, l.list_state, l.followed, l.ended, l.mmd_s, l.interval_begin, l.interval_end,
       h.size AS head_size, h.timestamp AS head_time, p.size AS known_size,
       (SELECT coalesce(sum(upper(r) - lower(r)), 0)::int8 FROM unnest(p.stored) AS r) AS stored_entries,
       (SELECT coalesce(sum(upper(r) - lower(r)), 0)::int8 FROM unnest(p.verified) AS r) AS verified_entries,
       l.added_at
FROM log AS l JOIN log_part AS p ON p.log = l.id
LEFT JOIN LATERAL (SELECT * FROM log_head AS h WHERE h.log = l.id ORDER BY h.size DESC, h.timestamp DESC LIMIT 1) AS h ON true;
COMMENT ON VIEW ct.logs IS 'CT logs, and how much of them is here.';
COMMENT ON COLUMN ct.logs.log_id IS 'Number that the other views use.';
COMMENT ON COLUMN ct.logs.name IS 'Name.';
COMMENT ON COLUMN ct.logs.operator IS 'Who runs it, as the log list says; empty: not known.';
COMMENT ON COLUMN ct.logs.description IS 'Description of the log list.';
COMMENT ON COLUMN ct.logs.protocol IS 'rfc6962, static-ct, hybrid or archive.';
COMMENT ON COLUMN ct.logs.url IS 'Where it is read.';
COMMENT ON COLUMN ct.logs.key_sha256 IS 'The log''s id: SHA-256 of its key (RFC 6962 3.2).';
COMMENT ON COLUMN ct.logs.key_der IS 'Its key.';
COMMENT ON COLUMN ct.logs.state IS 'active, inconsistent (it contradicts itself) or removed.';
COMMENT ON COLUMN ct.logs.list_state IS 'pending, qualified, usable, readonly, retired or rejected; empty: in no list.';
COMMENT ON COLUMN ct.logs.followed IS 'Is it read?';
COMMENT ON COLUMN ct.logs.ended IS 'How reading ended: complete, ended or lost; empty: it did not.';
COMMENT ON COLUMN ct.logs.mmd_s IS 'Maximum merge delay in seconds.';
COMMENT ON COLUMN ct.logs.interval_begin IS 'It takes certificates whose not_after is at or after this,';
COMMENT ON COLUMN ct.logs.interval_end IS 'and before this.';
COMMENT ON COLUMN ct.logs.head_size IS 'Entries of the largest head it signed,';
COMMENT ON COLUMN ct.logs.head_time IS 'and when.';
COMMENT ON COLUMN ct.logs.known_size IS 'Entries that are known to exist.';
COMMENT ON COLUMN ct.logs.stored_entries IS 'How many of them are here.';
COMMENT ON COLUMN ct.logs.verified_entries IS 'How many of those are part of a tree whose root the log signed.';
COMMENT ON COLUMN ct.logs.added_at IS 'Since when it is known here.';

CREATE VIEW ct.tiles AS
SELECT t.log AS log_id, t.tile, t.first_index, t.last_index, t.fp8, t.sha8, t.info FROM log_tile AS t;
COMMENT ON VIEW ct.tiles IS 'Sightings as they are packed, up to 256 a row. ct.sightings has them one a row; the functions ask this one.';
COMMENT ON COLUMN ct.tiles.log_id IS 'Row of ct.logs.';
COMMENT ON COLUMN ct.tiles.tile IS 'index / 256.';
COMMENT ON COLUMN ct.tiles.first_index IS 'Of the first entry that is here,';
COMMENT ON COLUMN ct.tiles.last_index IS 'and of the last one.';
COMMENT ON COLUMN ct.tiles.fp8 IS 'ct.prefix8 of tbs_fp of each entry. @> uses an index.';
COMMENT ON COLUMN ct.tiles.sha8 IS 'ct.prefix8 of SHA-256 of each certificate. @> uses an index.';
COMMENT ON COLUMN ct.tiles.info IS '9 bytes an entry: 6 of the timestamp in ms, 1 of the form, 2 of the day of not_after.';

CREATE VIEW ct.sightings AS
SELECT t.log AS log_id, t.tile, t.first_index + u.n - 1 AS index, t.log::int8 << 40 | t.first_index + u.n - 1 AS id,
       timestamptz 'epoch' + ('x' || encode(substring(t.info FROM (9 * u.n - 8)::int FOR 6), 'hex'))::bit(48)::int8
           * interval '1 millisecond' AS logged_at,
       (ARRAY['final', 'precert', 'unreadable'])[get_byte(t.info, (9 * u.n - 3)::int) + 1] AS form,
       u.fp8 AS tbs_fp8, ct.bytes8(u.sha8) AS sha256_begin,
       date 'epoch' + get_byte(t.info, (9 * u.n - 2)::int) * 256 + get_byte(t.info, (9 * u.n - 1)::int) AS not_after_day
FROM log_tile AS t CROSS JOIN LATERAL unnest(t.fp8, t.sha8) WITH ORDINALITY AS u (fp8, sha8, n)
WHERE get_byte(t.info, (9 * u.n - 3)::int) <> 3;
COMMENT ON VIEW ct.sightings IS 'One row per log entry. Bound log_id and tile (index / 256), or use ct.sighting_at and ct.sightings_of: the index alone does not lead to a tile.';
COMMENT ON COLUMN ct.sightings.log_id IS 'Row of ct.logs.';
COMMENT ON COLUMN ct.sightings.tile IS 'index / 256. With log_id it is indexed.';
COMMENT ON COLUMN ct.sightings.index IS 'Place in the log.';
COMMENT ON COLUMN ct.sightings.id IS 'One number for log and index.';
COMMENT ON COLUMN ct.sightings.logged_at IS 'The log''s timestamp.';
COMMENT ON COLUMN ct.sightings.form IS 'final, precert or unreadable.';
COMMENT ON COLUMN ct.sightings.tbs_fp8 IS 'ct.prefix8 of the certificate''s tbs_fp.';
COMMENT ON COLUMN ct.sightings.sha256_begin IS 'First 8 bytes of the SHA-256 of the certificate or precertificate; zeros: not known.';
COMMENT ON COLUMN ct.sightings.not_after_day IS 'Day of not_after; 1970-01-01 and 2149-06-06 stand for all before and after.';

CREATE VIEW ct.issuance AS
SELECT n.issuer_id, i.name AS issuer, n.day, n.certificates
FROM (SELECT d.issuer AS issuer_id, d.day, d.n AS certificates FROM issued AS d) AS n JOIN ct.issuers AS i USING (issuer_id);
COMMENT ON VIEW ct.issuance IS 'Certificates per issuer and day of not_before: counted as they are stored, exact, and quick to sum up.';
COMMENT ON COLUMN ct.issuance.issuer_id IS 'Row of ct.issuers.';
COMMENT ON COLUMN ct.issuance.issuer IS 'Its name.';
COMMENT ON COLUMN ct.issuance.day IS 'Day of not_before (UTC).';
COMMENT ON COLUMN ct.issuance.certificates IS 'How many; precertificate and final certificate count once.';

CREATE VIEW ct.key_reuse AS
SELECT c.spki_sha256::bytea::ct.spki AS spki_sha256, count(*) AS certificates, count(DISTINCT c.domain_key) AS domains,
       count(DISTINCT c.issuer_id) AS issuers, min(c.not_before) AS first_not_before, max(c.not_after) AS last_not_after
FROM ct.certificates AS c GROUP BY c.spki_sha256 HAVING count(*) > 1;
COMMENT ON VIEW ct.key_reuse IS 'Keys that are in more than one certificate. Reads all certificates, unless spki_sha256 is given.';
COMMENT ON COLUMN ct.key_reuse.spki_sha256 IS 'The key; indexed for =.';
COMMENT ON COLUMN ct.key_reuse.certificates IS 'How many have it.';
COMMENT ON COLUMN ct.key_reuse.domains IS 'Registrable domains of their first names.';
COMMENT ON COLUMN ct.key_reuse.issuers IS 'How many issuers signed it.';
COMMENT ON COLUMN ct.key_reuse.first_not_before IS 'Earliest begin of validity.';
COMMENT ON COLUMN ct.key_reuse.last_not_after IS 'Latest end of validity.';

CREATE VIEW ct.lifetimes AS
SELECT date_trunc('month', c.not_before, 'UTC') AS month, c.issuer_id, count(*) AS certificates,
       avg(c.lifetime) AS mean, min(c.lifetime) AS shortest, max(c.lifetime) AS longest,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM c.lifetime) / 86400) AS median_days
FROM ct.certificates AS c GROUP BY 1, 2;
COMMENT ON VIEW ct.lifetimes IS 'How long certificates live, per month of not_before and issuer. Reads all certificates.';
COMMENT ON COLUMN ct.lifetimes.month IS 'Month of not_before (UTC).';
COMMENT ON COLUMN ct.lifetimes.issuer_id IS 'Row of ct.issuers.';
COMMENT ON COLUMN ct.lifetimes.certificates IS 'How many.';
COMMENT ON COLUMN ct.lifetimes.mean IS 'Mean lifetime.';
COMMENT ON COLUMN ct.lifetimes.shortest IS 'Shortest one.';
COMMENT ON COLUMN ct.lifetimes.longest IS 'Longest one.';
COMMENT ON COLUMN ct.lifetimes.median_days IS 'Median in days.';

-- CA/Browser Forum BR 6.3.2: what a TLS server certificate may live at most, by the day it is issued.
CREATE FUNCTION ct.lifetime_allowed(issued timestamptz) RETURNS interval LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN issued >= timestamptz '2029-03-15 00:00:00+00' THEN interval '47 days'
            WHEN issued >= timestamptz '2027-03-15 00:00:00+00' THEN interval '100 days'
            WHEN issued >= timestamptz '2026-03-15 00:00:00+00' THEN interval '200 days'
            WHEN issued >= timestamptz '2020-09-01 00:00:00+00' THEN interval '398 days'
            WHEN issued >= timestamptz '2018-03-01 00:00:00+00' THEN interval '825 days'
            WHEN issued >= timestamptz '2015-04-01 00:00:00+00' THEN interval '1188 days'
            ELSE interval '1827 days' END;
COMMENT ON FUNCTION ct.lifetime_allowed IS 'Longest lifetime of a TLS server certificate by the time of issuance (BR 6.3.2): 398, 200, 100, 47 days, and before.';

CREATE VIEW ct.validity_classes AS
SELECT v.allowed, v.class, v.issuer_id, count(*) AS certificates, min(v.not_before) AS first_not_before,
       max(v.not_before) AS last_not_before
FROM (SELECT ct.lifetime_allowed(c.not_before) AS allowed, c.issuer_id, c.not_before,
             CASE WHEN c.lifetime <= interval '10 days' THEN 'short-lived' WHEN c.lifetime <= interval '47 days' THEN '47'
                  WHEN c.lifetime <= interval '100 days' THEN '100' WHEN c.lifetime <= interval '200 days' THEN '200'
                  WHEN c.lifetime <= interval '398 days' THEN '398' ELSE 'longer' END AS class
      FROM ct.certificates AS c WHERE c.server_auth AND NOT c.is_ca) AS v
GROUP BY v.allowed, v.class, v.issuer_id;
COMMENT ON VIEW ct.validity_classes IS 'TLS server certificates by how long they live and what was allowed when they were issued. Reads all certificates.';
COMMENT ON COLUMN ct.validity_classes.allowed IS 'Longest lifetime that was allowed (ct.lifetime_allowed).';
COMMENT ON COLUMN ct.validity_classes.class IS 'short-lived (10 days at most), 47, 100, 200, 398: days at most; or longer.';
COMMENT ON COLUMN ct.validity_classes.issuer_id IS 'Row of ct.issuers.';
COMMENT ON COLUMN ct.validity_classes.certificates IS 'How many.';
COMMENT ON COLUMN ct.validity_classes.first_not_before IS 'Earliest not_before,';
COMMENT ON COLUMN ct.validity_classes.last_not_before IS 'and latest.';

-- Coverage: these views ask functions that read tables, so they run with the rights of who made them.
CREATE FUNCTION ct.coverage_rows() RETURNS SETOF coverage LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT * FROM coverage';
CREATE FUNCTION ct.coverage_gap_rows() RETURNS SETOF coverage_gap LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT * FROM coverage_gap';
CREATE FUNCTION ct.log_coverage_rows() RETURNS SETOF log_coverage LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT * FROM log_coverage';

CREATE VIEW ct.coverage AS
SELECT c.log AS log_id, c.name AS log, c.state, c.range_begin, c.range_end, c.entries, c.time_begin, c.time_end
FROM ct.coverage_rows() AS c;
COMMENT ON VIEW ct.coverage IS 'What of each log was read. The stretches of a log are disjoint and fill [0, newest signed head). docs/coverage.md defines every word.';
COMMENT ON COLUMN ct.coverage.log_id IS 'Row of ct.logs.';
COMMENT ON COLUMN ct.coverage.log IS 'Its name.';
COMMENT ON COLUMN ct.coverage.state IS 'verified, seen, not_stored, missing or lost.';
COMMENT ON COLUMN ct.coverage.range_begin IS 'First index of the stretch.';
COMMENT ON COLUMN ct.coverage.range_end IS 'The index behind the last one.';
COMMENT ON COLUMN ct.coverage.entries IS 'How many entries that is.';
COMMENT ON COLUMN ct.coverage.time_begin IS 'The log''s timestamp where it begins; NULL: not known.';
COMMENT ON COLUMN ct.coverage.time_end IS 'The log''s timestamp where it ends; NULL: not known.';

CREATE VIEW ct.log_coverage AS
SELECT c.log AS log_id, c.name AS log, c.operator, c.counts, c.not_counted, c.followed, c.since, c.until, c.unverified_since,
       c.unverified_until
FROM ct.log_coverage_rows() AS c;
COMMENT ON VIEW ct.log_coverage IS 'Per log the time of which nothing is missing.';
COMMENT ON COLUMN ct.log_coverage.log_id IS 'Row of ct.logs.';
COMMENT ON COLUMN ct.log_coverage.log IS 'Its name.';
COMMENT ON COLUMN ct.log_coverage.operator IS 'Who runs it; empty: not known.';
COMMENT ON COLUMN ct.log_coverage.counts IS 'Can it hold certificates that browsers accept today?';
COMMENT ON COLUMN ct.log_coverage.not_counted IS 'Why not.';
COMMENT ON COLUMN ct.log_coverage.followed IS 'Is it read?';
COMMENT ON COLUMN ct.log_coverage.since IS 'Everything it took in after this,';
COMMENT ON COLUMN ct.log_coverage.until IS 'and up to this, is stored and verified. infinity: the log is frozen, and all of it is here.';
COMMENT ON COLUMN ct.log_coverage.unverified_since IS 'The same of what is stored, verified or not.';
COMMENT ON COLUMN ct.log_coverage.unverified_until IS 'The same of what is stored, verified or not.';

CREATE VIEW ct.gaps AS
SELECT g.reason, g.operator, g.log AS log_id, g.name AS log, g.range_begin, g.range_end, g.time_begin, g.time_end, g.why
FROM ct.coverage_gap_rows() AS g;
COMMENT ON VIEW ct.gaps IS 'What is not here, and why: of the logs whose word browsers take.';
COMMENT ON COLUMN ct.gaps.reason IS 'missing, lost, not_stored, unverified, not_begun, not_followed, no_policy, list_stale or list_entries.';
COMMENT ON COLUMN ct.gaps.operator IS 'Who runs the log.';
COMMENT ON COLUMN ct.gaps.log_id IS 'Row of ct.logs; NULL: of no single log.';
COMMENT ON COLUMN ct.gaps.log IS 'Its name.';
COMMENT ON COLUMN ct.gaps.range_begin IS 'First index that is not here.';
COMMENT ON COLUMN ct.gaps.range_end IS 'The index behind the last one.';
COMMENT ON COLUMN ct.gaps.time_begin IS 'The time of it, where it is known.';
COMMENT ON COLUMN ct.gaps.time_end IS 'The time of it, where it is known.';
COMMENT ON COLUMN ct.gaps.why IS 'A sentence.';

-- Functions that look up ---------------------------------------------------------------------------------------------

-- Written so that the planner puts them into the query around them: a LIMIT, an ORDER BY or a bound on not_after then
-- reaches the index. LATERAL .. OFFSET 0 keeps it from reading every certificate for a domain with many; a lookup key in a
-- sub-select is computed once, and not once for every partition.

CREATE FUNCTION ct.certificate(tbs_fp bytea, not_after timestamptz, issuer_id int4) RETURNS SETOF ct.certificates
LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
    SELECT c.* FROM ct.certificates AS c
    WHERE c.tbs_fp = certificate.tbs_fp AND c.not_after = certificate.not_after AND c.issuer_id = certificate.issuer_id
    OFFSET 0;
END;
COMMENT ON FUNCTION ct.certificate(bytea, timestamptz, int4) IS 'The certificate that a row of ct.names, ct.addresses or ct.domain_keys is about. For LATERAL.';

-- Each name is put between a space and a dot, so that one comparison finds it and what lies below it.
CREATE FUNCTION ct.lies_below(reversed_names text, reversed text) RETURNS bool LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN position(' ' || reversed || '.' IN ' ' || replace(reversed_names, ' ', '. ') || '.') > 0;
COMMENT ON FUNCTION ct.lies_below IS 'Is one of the names this one, or below it? Both with labels in reverse order.';
CREATE FUNCTION ct.has_name(reversed_names text, reversed text) RETURNS bool LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN position(' ' || reversed || ' ' IN ' ' || reversed_names || ' ') > 0;
COMMENT ON FUNCTION ct.has_name IS 'Is one of the names this one? Both with labels in reverse order.';

CREATE FUNCTION ct.subtree(domain text) RETURNS SETOF ct.certificates LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
    SELECT c.* FROM ct.certificates AS c
    WHERE c.domain_key = (SELECT ct.domain_key(ct.registrable_domain(domain)))
      AND ct.lies_below(c.reversed_names, ct.reversed_name(ct.normal_name(domain)))
    UNION ALL
    SELECT c.* FROM ct.domain_keys AS k CROSS JOIN LATERAL ct.certificate(k.tbs_fp, k.not_after, k.issuer_id) AS c
    WHERE k.domain_key = (SELECT ct.domain_key(ct.registrable_domain(domain))) AND c.domain_key <> k.domain_key
      AND ct.lies_below(c.reversed_names, ct.reversed_name(ct.normal_name(domain)));
END;
COMMENT ON FUNCTION ct.subtree IS 'Certificates with the domain, or a name below it, among their names. Of a public suffix: those of that very name; see ct.below_suffix.';

CREATE FUNCTION ct.below_suffix(suffix text) RETURNS SETOF ct.certificates LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
    SELECT c.* FROM ct.certificates AS c WHERE ct.lies_below(c.reversed_names, ct.reversed_name(ct.normal_name(suffix)));
END;
COMMENT ON FUNCTION ct.below_suffix IS 'The same of a public suffix, such as co.uk: reads all certificates, so bound not_after or not_before.';

CREATE FUNCTION ct.named(name text) RETURNS SETOF ct.certificates LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
    SELECT c.* FROM ct.subtree(regexp_replace(name, '^[*][.]', '')) AS c
    WHERE ct.has_name(c.reversed_names, ct.reversed_name(ct.normal_name(name)));
END;
COMMENT ON FUNCTION ct.named IS 'Certificates with exactly this name; *.example.com is one.';

CREATE FUNCTION ct.host(host text) RETURNS SETOF ct.certificates LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
    SELECT c.* FROM ct.certificates AS c
    WHERE c.domain_key = (SELECT ct.domain_key(ct.registrable_domain(host)))
      AND (ct.has_name(c.reversed_names, ct.reversed_name(ct.normal_name(host))) OR ct.has_name(c.reversed_names,
           ct.reversed_name(ct.normal_name(regexp_replace(host, '^[^.]*', '*')))))
    UNION ALL
    SELECT c.* FROM ct.domain_keys AS k CROSS JOIN LATERAL ct.certificate(k.tbs_fp, k.not_after, k.issuer_id) AS c
    WHERE k.domain_key = (SELECT ct.domain_key(ct.registrable_domain(host))) AND c.domain_key <> k.domain_key
      AND (ct.has_name(c.reversed_names, ct.reversed_name(ct.normal_name(host))) OR ct.has_name(c.reversed_names,
           ct.reversed_name(ct.normal_name(regexp_replace(host, '^[^.]*', '*')))));
END;
COMMENT ON FUNCTION ct.host IS 'Certificates that a client would take for the host: its name, or the wildcard beside it (RFC 9525).';

CREATE FUNCTION ct.address(range inet) RETURNS SETOF ct.certificates LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
    SELECT c.* FROM (SELECT DISTINCT a.tbs_fp, a.not_after, a.issuer_id FROM ct.addresses AS a WHERE a.ip <<= range) AS a
    CROSS JOIN LATERAL ct.certificate(a.tbs_fp, a.not_after, a.issuer_id) AS c;
END;
COMMENT ON FUNCTION ct.address IS 'Certificates for an address, or for one in a range such as 192.0.2.0/24.';

CREATE FUNCTION ct.with_serial(serial bytea) RETURNS SETOF ct.certificates LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
    SELECT c.* FROM ct.certificates AS c WHERE c.serial OPERATOR(ct.=) with_serial.serial;
END;
COMMENT ON FUNCTION ct.with_serial IS 'Certificates with this serial number.';

CREATE FUNCTION ct.with_key(spki_sha256 bytea) RETURNS SETOF ct.certificates LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
    SELECT c.* FROM ct.certificates AS c WHERE c.spki_sha256 OPERATOR(ct.=) with_key.spki_sha256;
END;
COMMENT ON FUNCTION ct.with_key IS 'Certificates for this public key.';

CREATE FUNCTION ct.with_fingerprint(tbs_fp bytea) RETURNS SETOF ct.certificates LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
    SELECT c.* FROM ct.certificates AS c WHERE c.tbs_fp = with_fingerprint.tbs_fp;
END;
COMMENT ON FUNCTION ct.with_fingerprint IS 'The certificate with this tbs_fp; several when logs name several issuers.';

CREATE FUNCTION ct.sighting_at(log_id int, index int8) RETURNS SETOF ct.sightings LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
    SELECT s.* FROM ct.sightings AS s
    WHERE s.log_id = sighting_at.log_id::int2 AND s.tile = sighting_at.index / 256 AND s.index = sighting_at.index;
END;
COMMENT ON FUNCTION ct.sighting_at IS 'What a log holds at an index.';

-- The view's columns once more, so that they are made of the rows that fit and not of all that a tile has.
CREATE FUNCTION ct.sightings_of(tbs_fp bytea) RETURNS SETOF ct.sightings LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
    SELECT t.log_id, t.tile, t.first_index + u.n - 1, t.log_id::int8 << 40 | t.first_index + u.n - 1,
           timestamptz 'epoch' + ('x' || encode(substring(t.info FROM (9 * u.n - 8)::int FOR 6), 'hex'))::bit(48)::int8
               * interval '1 millisecond',
           (ARRAY['final', 'precert', 'unreadable'])[get_byte(t.info, (9 * u.n - 3)::int) + 1],
           u.fp8, ct.bytes8(u.sha8),
           date 'epoch' + get_byte(t.info, (9 * u.n - 2)::int) * 256 + get_byte(t.info, (9 * u.n - 1)::int)
    FROM ct.tiles AS t CROSS JOIN LATERAL unnest(t.fp8, t.sha8) WITH ORDINALITY AS u (fp8, sha8, n)
    WHERE t.fp8 @> ARRAY[ct.prefix8(sightings_of.tbs_fp)] AND u.fp8 = ct.prefix8(sightings_of.tbs_fp)
      AND get_byte(t.info, (9 * u.n - 3)::int) < 2;
END;
COMMENT ON FUNCTION ct.sightings_of IS 'Where logs show a certificate, in either form. For LATERAL. Tiles hold 8 bytes of the fingerprint: compare not_after_day as well when that matters.';

CREATE FUNCTION ct.certificate_of(tbs_fp8 int8, not_after_day date) RETURNS SETOF ct.certificates
LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
    SELECT c.* FROM ct.certificates AS c
    WHERE c.tbs_fp >= ct.bytes8(tbs_fp8) AND c.tbs_fp <= ct.bytes8(tbs_fp8) || decode(repeat('ff', 24), 'hex')
      AND c.not_after >= CASE WHEN not_after_day > date '1970-01-01' THEN not_after_day::timestamp AT TIME ZONE 'UTC' ELSE '-infinity' END
      AND c.not_after < CASE WHEN not_after_day < date '2149-06-06' THEN (not_after_day + 1)::timestamp AT TIME ZONE 'UTC' ELSE 'infinity' END
    OFFSET 0;
END;
COMMENT ON FUNCTION ct.certificate_of IS 'The certificate that a row of ct.sightings is about. For LATERAL.';

CREATE FUNCTION ct.certificate_at(log_id int, index int8) RETURNS SETOF ct.certificates LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
    SELECT c.* FROM ct.sighting_at(log_id, index) AS s CROSS JOIN LATERAL ct.certificate_of(s.tbs_fp8, s.not_after_day) AS c;
END;
COMMENT ON FUNCTION ct.certificate_at IS 'The certificate at an index of a log.';

CREATE FUNCTION ct.certificate_by_id(id int8) RETURNS SETOF ct.certificates LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
    SELECT c.* FROM ct.certificate_at((certificate_by_id.id >> 40)::int, certificate_by_id.id & 1099511627775) AS c;
END;
COMMENT ON FUNCTION ct.certificate_by_id IS 'The certificate at the sighting with this number.';

CREATE FUNCTION ct.with_sha256(sha256 bytea) RETURNS SETOF ct.certificates LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
    SELECT c.* FROM (SELECT DISTINCT s.tbs_fp8, s.not_after_day FROM ct.tiles AS t
                     CROSS JOIN LATERAL (SELECT s.* FROM ct.sightings AS s WHERE s.log_id = t.log_id AND s.tile = t.tile OFFSET 0) AS s
                     WHERE t.sha8 @> ARRAY[ct.prefix8(with_sha256.sha256)] AND s.sha256_begin = substring(with_sha256.sha256 FOR 8)) AS s
    CROSS JOIN LATERAL ct.certificate_of(s.tbs_fp8, s.not_after_day) AS c;
END;
COMMENT ON FUNCTION ct.with_sha256 IS 'The certificate whose own SHA-256, or its precertificate''s, begins with the same 8 bytes.';

-- What runs with its maker's rights finds its tables here, and nobody else's in front of them.
DO $$
DECLARE
    one regprocedure;
BEGIN
    FOR one IN SELECT p.oid FROM pg_proc AS p WHERE p.pronamespace = 'ct'::regnamespace AND p.prosecdef LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', one, current_schema());
    END LOOP;
END $$;
