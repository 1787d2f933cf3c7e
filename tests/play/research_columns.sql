-- pgTAP: the views and functions that others rely on. A column that is gone, renamed, of another type or without a comment
-- fails; one that comes new comes last and is added here.
\set QUIET 1
\pset format unaligned
\pset tuples_only true
BEGIN;
SET LOCAL search_path = public, tap;
SELECT no_plan();
SELECT is((SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'ct.addresses'::regclass AND attnum > 0),
    'ip tbs_fp issuer_id not_before not_after', 'ct.addresses');
SELECT col_type_is('ct', 'addresses', 'ip', 'inet', 'ct.addresses.ip');
SELECT col_type_is('ct', 'addresses', 'tbs_fp', 'bytea', 'ct.addresses.tbs_fp');
SELECT col_type_is('ct', 'addresses', 'issuer_id', 'integer', 'ct.addresses.issuer_id');
SELECT col_type_is('ct', 'addresses', 'not_before', 'timestamp with time zone', 'ct.addresses.not_before');
SELECT col_type_is('ct', 'addresses', 'not_after', 'timestamp with time zone', 'ct.addresses.not_after');
SELECT is((SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'ct.ca_certificates'::regclass AND attnum > 0),
    'sha256 spki_sha256 subject_der issuer_der not_before not_after is_ca self_signed first_log_id first_seen der', 'ct.ca_certificates');
SELECT col_type_is('ct', 'ca_certificates', 'sha256', 'bytea', 'ct.ca_certificates.sha256');
SELECT col_type_is('ct', 'ca_certificates', 'spki_sha256', 'bytea', 'ct.ca_certificates.spki_sha256');
SELECT col_type_is('ct', 'ca_certificates', 'subject_der', 'bytea', 'ct.ca_certificates.subject_der');
SELECT col_type_is('ct', 'ca_certificates', 'issuer_der', 'bytea', 'ct.ca_certificates.issuer_der');
SELECT col_type_is('ct', 'ca_certificates', 'not_before', 'timestamp with time zone', 'ct.ca_certificates.not_before');
SELECT col_type_is('ct', 'ca_certificates', 'not_after', 'timestamp with time zone', 'ct.ca_certificates.not_after');
SELECT col_type_is('ct', 'ca_certificates', 'is_ca', 'boolean', 'ct.ca_certificates.is_ca');
SELECT col_type_is('ct', 'ca_certificates', 'self_signed', 'boolean', 'ct.ca_certificates.self_signed');
SELECT col_type_is('ct', 'ca_certificates', 'first_log_id', 'smallint', 'ct.ca_certificates.first_log_id');
SELECT col_type_is('ct', 'ca_certificates', 'first_seen', 'timestamp with time zone', 'ct.ca_certificates.first_seen');
SELECT col_type_is('ct', 'ca_certificates', 'der', 'bytea', 'ct.ca_certificates.der');
SELECT is((SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'ct.ca_edges'::regclass AND attnum > 0),
    'child_sha256 parent_sha256 first_seen', 'ct.ca_edges');
SELECT col_type_is('ct', 'ca_edges', 'child_sha256', 'bytea', 'ct.ca_edges.child_sha256');
SELECT col_type_is('ct', 'ca_edges', 'parent_sha256', 'bytea', 'ct.ca_edges.parent_sha256');
SELECT col_type_is('ct', 'ca_edges', 'first_seen', 'timestamp with time zone', 'ct.ca_edges.first_seen');
SELECT is((SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'ct.certificates'::regclass AND attnum > 0),
    'id tbs_fp issuer_id serial spki_sha256 not_before not_after lifetime first_logged common_name names name_count wildcard reversed_names key_type key_bits validation is_ca server_auth client_auth issuer_proven odd unreadable first_log_id first_index domain_key', 'ct.certificates');
SELECT col_type_is('ct', 'certificates', 'id', 'bigint', 'ct.certificates.id');
SELECT col_type_is('ct', 'certificates', 'tbs_fp', 'bytea', 'ct.certificates.tbs_fp');
SELECT col_type_is('ct', 'certificates', 'issuer_id', 'integer', 'ct.certificates.issuer_id');
SELECT col_type_is('ct', 'certificates', 'serial', 'ct.serial', 'ct.certificates.serial');
SELECT col_type_is('ct', 'certificates', 'spki_sha256', 'ct.spki', 'ct.certificates.spki_sha256');
SELECT col_type_is('ct', 'certificates', 'not_before', 'timestamp with time zone', 'ct.certificates.not_before');
SELECT col_type_is('ct', 'certificates', 'not_after', 'timestamp with time zone', 'ct.certificates.not_after');
SELECT col_type_is('ct', 'certificates', 'lifetime', 'interval', 'ct.certificates.lifetime');
SELECT col_type_is('ct', 'certificates', 'first_logged', 'timestamp with time zone', 'ct.certificates.first_logged');
SELECT col_type_is('ct', 'certificates', 'common_name', 'text', 'ct.certificates.common_name');
SELECT col_type_is('ct', 'certificates', 'names', 'text[]', 'ct.certificates.names');
SELECT col_type_is('ct', 'certificates', 'name_count', 'integer', 'ct.certificates.name_count');
SELECT col_type_is('ct', 'certificates', 'wildcard', 'boolean', 'ct.certificates.wildcard');
SELECT col_type_is('ct', 'certificates', 'reversed_names', 'text', 'ct.certificates.reversed_names');
SELECT col_type_is('ct', 'certificates', 'key_type', 'text', 'ct.certificates.key_type');
SELECT col_type_is('ct', 'certificates', 'key_bits', 'integer', 'ct.certificates.key_bits');
SELECT col_type_is('ct', 'certificates', 'validation', 'text', 'ct.certificates.validation');
SELECT col_type_is('ct', 'certificates', 'is_ca', 'boolean', 'ct.certificates.is_ca');
SELECT col_type_is('ct', 'certificates', 'server_auth', 'boolean', 'ct.certificates.server_auth');
SELECT col_type_is('ct', 'certificates', 'client_auth', 'boolean', 'ct.certificates.client_auth');
SELECT col_type_is('ct', 'certificates', 'issuer_proven', 'boolean', 'ct.certificates.issuer_proven');
SELECT col_type_is('ct', 'certificates', 'odd', 'boolean', 'ct.certificates.odd');
SELECT col_type_is('ct', 'certificates', 'unreadable', 'boolean', 'ct.certificates.unreadable');
SELECT col_type_is('ct', 'certificates', 'first_log_id', 'smallint', 'ct.certificates.first_log_id');
SELECT col_type_is('ct', 'certificates', 'first_index', 'bigint', 'ct.certificates.first_index');
SELECT col_type_is('ct', 'certificates', 'domain_key', 'bigint', 'ct.certificates.domain_key');
SELECT is((SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'ct.coverage'::regclass AND attnum > 0),
    'log_id log state range_begin range_end entries time_begin time_end', 'ct.coverage');
SELECT col_type_is('ct', 'coverage', 'log_id', 'smallint', 'ct.coverage.log_id');
SELECT col_type_is('ct', 'coverage', 'log', 'text', 'ct.coverage.log');
SELECT col_type_is('ct', 'coverage', 'state', 'text', 'ct.coverage.state');
SELECT col_type_is('ct', 'coverage', 'range_begin', 'bigint', 'ct.coverage.range_begin');
SELECT col_type_is('ct', 'coverage', 'range_end', 'bigint', 'ct.coverage.range_end');
SELECT col_type_is('ct', 'coverage', 'entries', 'bigint', 'ct.coverage.entries');
SELECT col_type_is('ct', 'coverage', 'time_begin', 'timestamp with time zone', 'ct.coverage.time_begin');
SELECT col_type_is('ct', 'coverage', 'time_end', 'timestamp with time zone', 'ct.coverage.time_end');
SELECT is((SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'ct.domain_keys'::regclass AND attnum > 0),
    'domain_key not_before not_after tbs_fp issuer_id further', 'ct.domain_keys');
SELECT col_type_is('ct', 'domain_keys', 'further', 'boolean', 'ct.domain_keys.further');
SELECT col_type_is('ct', 'domain_keys', 'domain_key', 'bigint', 'ct.domain_keys.domain_key');
SELECT col_type_is('ct', 'domain_keys', 'not_before', 'timestamp with time zone', 'ct.domain_keys.not_before');
SELECT col_type_is('ct', 'domain_keys', 'not_after', 'timestamp with time zone', 'ct.domain_keys.not_after');
SELECT col_type_is('ct', 'domain_keys', 'tbs_fp', 'bytea', 'ct.domain_keys.tbs_fp');
SELECT col_type_is('ct', 'domain_keys', 'issuer_id', 'integer', 'ct.domain_keys.issuer_id');
SELECT is((SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'ct.gaps'::regclass AND attnum > 0),
    'reason operator log_id log range_begin range_end time_begin time_end why', 'ct.gaps');
SELECT col_type_is('ct', 'gaps', 'reason', 'text', 'ct.gaps.reason');
SELECT col_type_is('ct', 'gaps', 'operator', 'text', 'ct.gaps.operator');
SELECT col_type_is('ct', 'gaps', 'log_id', 'smallint', 'ct.gaps.log_id');
SELECT col_type_is('ct', 'gaps', 'log', 'text', 'ct.gaps.log');
SELECT col_type_is('ct', 'gaps', 'range_begin', 'bigint', 'ct.gaps.range_begin');
SELECT col_type_is('ct', 'gaps', 'range_end', 'bigint', 'ct.gaps.range_end');
SELECT col_type_is('ct', 'gaps', 'time_begin', 'timestamp with time zone', 'ct.gaps.time_begin');
SELECT col_type_is('ct', 'gaps', 'time_end', 'timestamp with time zone', 'ct.gaps.time_end');
SELECT col_type_is('ct', 'gaps', 'why', 'text', 'ct.gaps.why');
SELECT is((SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'ct.issuance'::regclass AND attnum > 0),
    'issuer_id issuer day certificates', 'ct.issuance');
SELECT col_type_is('ct', 'issuance', 'issuer_id', 'integer', 'ct.issuance.issuer_id');
SELECT col_type_is('ct', 'issuance', 'issuer', 'text', 'ct.issuance.issuer');
SELECT col_type_is('ct', 'issuance', 'day', 'date', 'ct.issuance.day');
SELECT col_type_is('ct', 'issuance', 'certificates', 'bigint', 'ct.issuance.certificates');
SELECT is((SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'ct.issuers'::regclass AND attnum > 0),
    'issuer_id name spki_sha256 key_known name_der', 'ct.issuers');
SELECT col_type_is('ct', 'issuers', 'issuer_id', 'integer', 'ct.issuers.issuer_id');
SELECT col_type_is('ct', 'issuers', 'name', 'text', 'ct.issuers.name');
SELECT col_type_is('ct', 'issuers', 'spki_sha256', 'bytea', 'ct.issuers.spki_sha256');
SELECT col_type_is('ct', 'issuers', 'key_known', 'boolean', 'ct.issuers.key_known');
SELECT col_type_is('ct', 'issuers', 'name_der', 'bytea', 'ct.issuers.name_der');
SELECT is((SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'ct.key_reuse'::regclass AND attnum > 0),
    'spki_sha256 certificates domains issuers first_not_before last_not_after', 'ct.key_reuse');
SELECT col_type_is('ct', 'key_reuse', 'spki_sha256', 'ct.spki', 'ct.key_reuse.spki_sha256');
SELECT col_type_is('ct', 'key_reuse', 'certificates', 'bigint', 'ct.key_reuse.certificates');
SELECT col_type_is('ct', 'key_reuse', 'domains', 'bigint', 'ct.key_reuse.domains');
SELECT col_type_is('ct', 'key_reuse', 'issuers', 'bigint', 'ct.key_reuse.issuers');
SELECT col_type_is('ct', 'key_reuse', 'first_not_before', 'timestamp with time zone', 'ct.key_reuse.first_not_before');
SELECT col_type_is('ct', 'key_reuse', 'last_not_after', 'timestamp with time zone', 'ct.key_reuse.last_not_after');
SELECT is((SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'ct.lifetimes'::regclass AND attnum > 0),
    'month issuer_id certificates mean shortest longest median_days', 'ct.lifetimes');
SELECT col_type_is('ct', 'lifetimes', 'month', 'timestamp with time zone', 'ct.lifetimes.month');
SELECT col_type_is('ct', 'lifetimes', 'issuer_id', 'integer', 'ct.lifetimes.issuer_id');
SELECT col_type_is('ct', 'lifetimes', 'certificates', 'bigint', 'ct.lifetimes.certificates');
SELECT col_type_is('ct', 'lifetimes', 'mean', 'interval', 'ct.lifetimes.mean');
SELECT col_type_is('ct', 'lifetimes', 'shortest', 'interval', 'ct.lifetimes.shortest');
SELECT col_type_is('ct', 'lifetimes', 'longest', 'interval', 'ct.lifetimes.longest');
SELECT col_type_is('ct', 'lifetimes', 'median_days', 'double precision', 'ct.lifetimes.median_days');
SELECT is((SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'ct.log_coverage'::regclass AND attnum > 0),
    'log_id log operator counts not_counted followed since until unverified_since unverified_until', 'ct.log_coverage');
SELECT col_type_is('ct', 'log_coverage', 'log_id', 'smallint', 'ct.log_coverage.log_id');
SELECT col_type_is('ct', 'log_coverage', 'log', 'text', 'ct.log_coverage.log');
SELECT col_type_is('ct', 'log_coverage', 'operator', 'text', 'ct.log_coverage.operator');
SELECT col_type_is('ct', 'log_coverage', 'counts', 'boolean', 'ct.log_coverage.counts');
SELECT col_type_is('ct', 'log_coverage', 'not_counted', 'text', 'ct.log_coverage.not_counted');
SELECT col_type_is('ct', 'log_coverage', 'followed', 'boolean', 'ct.log_coverage.followed');
SELECT col_type_is('ct', 'log_coverage', 'since', 'timestamp with time zone', 'ct.log_coverage.since');
SELECT col_type_is('ct', 'log_coverage', 'until', 'timestamp with time zone', 'ct.log_coverage.until');
SELECT col_type_is('ct', 'log_coverage', 'unverified_since', 'timestamp with time zone', 'ct.log_coverage.unverified_since');
SELECT col_type_is('ct', 'log_coverage', 'unverified_until', 'timestamp with time zone', 'ct.log_coverage.unverified_until');
SELECT is((SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'ct.logs'::regclass AND attnum > 0),
    'log_id name operator description protocol url key_sha256 key_der state list_state followed ended mmd_s interval_begin interval_end head_size head_time known_size stored_entries verified_entries added_at', 'ct.logs');
SELECT col_type_is('ct', 'logs', 'log_id', 'smallint', 'ct.logs.log_id');
SELECT col_type_is('ct', 'logs', 'name', 'text', 'ct.logs.name');
SELECT col_type_is('ct', 'logs', 'operator', 'text', 'ct.logs.operator');
SELECT col_type_is('ct', 'logs', 'description', 'text', 'ct.logs.description');
SELECT col_type_is('ct', 'logs', 'protocol', 'text', 'ct.logs.protocol');
SELECT col_type_is('ct', 'logs', 'url', 'text', 'ct.logs.url');
SELECT col_type_is('ct', 'logs', 'key_sha256', 'bytea', 'ct.logs.key_sha256');
SELECT col_type_is('ct', 'logs', 'key_der', 'bytea', 'ct.logs.key_der');
SELECT col_type_is('ct', 'logs', 'state', 'text', 'ct.logs.state');
SELECT col_type_is('ct', 'logs', 'list_state', 'text', 'ct.logs.list_state');
SELECT col_type_is('ct', 'logs', 'followed', 'boolean', 'ct.logs.followed');
SELECT col_type_is('ct', 'logs', 'ended', 'text', 'ct.logs.ended');
SELECT col_type_is('ct', 'logs', 'mmd_s', 'integer', 'ct.logs.mmd_s');
SELECT col_type_is('ct', 'logs', 'interval_begin', 'timestamp with time zone', 'ct.logs.interval_begin');
SELECT col_type_is('ct', 'logs', 'interval_end', 'timestamp with time zone', 'ct.logs.interval_end');
SELECT col_type_is('ct', 'logs', 'head_size', 'bigint', 'ct.logs.head_size');
SELECT col_type_is('ct', 'logs', 'head_time', 'timestamp with time zone', 'ct.logs.head_time');
SELECT col_type_is('ct', 'logs', 'known_size', 'bigint', 'ct.logs.known_size');
SELECT col_type_is('ct', 'logs', 'stored_entries', 'bigint', 'ct.logs.stored_entries');
SELECT col_type_is('ct', 'logs', 'verified_entries', 'bigint', 'ct.logs.verified_entries');
SELECT col_type_is('ct', 'logs', 'added_at', 'timestamp with time zone', 'ct.logs.added_at');
SELECT is((SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'ct.names'::regclass AND attnum > 0),
    'name kind reversed_name wildcard tbs_fp issuer_id not_before not_after', 'ct.names');
SELECT col_type_is('ct', 'names', 'name', 'text', 'ct.names.name');
SELECT col_type_is('ct', 'names', 'kind', 'text', 'ct.names.kind');
SELECT col_type_is('ct', 'names', 'reversed_name', 'text', 'ct.names.reversed_name');
SELECT col_type_is('ct', 'names', 'wildcard', 'boolean', 'ct.names.wildcard');
SELECT col_type_is('ct', 'names', 'tbs_fp', 'bytea', 'ct.names.tbs_fp');
SELECT col_type_is('ct', 'names', 'issuer_id', 'integer', 'ct.names.issuer_id');
SELECT col_type_is('ct', 'names', 'not_before', 'timestamp with time zone', 'ct.names.not_before');
SELECT col_type_is('ct', 'names', 'not_after', 'timestamp with time zone', 'ct.names.not_after');
SELECT is((SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'ct.sightings'::regclass AND attnum > 0),
    'log_id tile index id logged_at form tbs_fp8 sha256_begin not_after_day', 'ct.sightings');
SELECT col_type_is('ct', 'sightings', 'log_id', 'smallint', 'ct.sightings.log_id');
SELECT col_type_is('ct', 'sightings', 'tile', 'bigint', 'ct.sightings.tile');
SELECT col_type_is('ct', 'sightings', 'index', 'bigint', 'ct.sightings.index');
SELECT col_type_is('ct', 'sightings', 'id', 'bigint', 'ct.sightings.id');
SELECT col_type_is('ct', 'sightings', 'logged_at', 'timestamp with time zone', 'ct.sightings.logged_at');
SELECT col_type_is('ct', 'sightings', 'form', 'text', 'ct.sightings.form');
SELECT col_type_is('ct', 'sightings', 'tbs_fp8', 'bigint', 'ct.sightings.tbs_fp8');
SELECT col_type_is('ct', 'sightings', 'sha256_begin', 'bytea', 'ct.sightings.sha256_begin');
SELECT col_type_is('ct', 'sightings', 'not_after_day', 'date', 'ct.sightings.not_after_day');
SELECT is((SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'ct.tiles'::regclass AND attnum > 0),
    'log_id tile first_index last_index fp8 sha8 info', 'ct.tiles');
SELECT col_type_is('ct', 'tiles', 'log_id', 'smallint', 'ct.tiles.log_id');
SELECT col_type_is('ct', 'tiles', 'tile', 'bigint', 'ct.tiles.tile');
SELECT col_type_is('ct', 'tiles', 'first_index', 'bigint', 'ct.tiles.first_index');
SELECT col_type_is('ct', 'tiles', 'last_index', 'bigint', 'ct.tiles.last_index');
SELECT col_type_is('ct', 'tiles', 'fp8', 'bigint[]', 'ct.tiles.fp8');
SELECT col_type_is('ct', 'tiles', 'sha8', 'bigint[]', 'ct.tiles.sha8');
SELECT col_type_is('ct', 'tiles', 'info', 'bytea', 'ct.tiles.info');
SELECT is((SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'ct.validity_classes'::regclass AND attnum > 0),
    'allowed class issuer_id certificates first_not_before last_not_before', 'ct.validity_classes');
SELECT col_type_is('ct', 'validity_classes', 'allowed', 'interval', 'ct.validity_classes.allowed');
SELECT col_type_is('ct', 'validity_classes', 'class', 'text', 'ct.validity_classes.class');
SELECT col_type_is('ct', 'validity_classes', 'issuer_id', 'integer', 'ct.validity_classes.issuer_id');
SELECT col_type_is('ct', 'validity_classes', 'certificates', 'bigint', 'ct.validity_classes.certificates');
SELECT col_type_is('ct', 'validity_classes', 'first_not_before', 'timestamp with time zone', 'ct.validity_classes.first_not_before');
SELECT col_type_is('ct', 'validity_classes', 'last_not_before', 'timestamp with time zone', 'ct.validity_classes.last_not_before');
SELECT is((SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'crtsh.ca'::regclass AND attnum > 0),
    'id num_issued num_expired last_certificate_id last_not_after next_not_after linting_applies name public_key', 'crtsh.ca');
SELECT col_type_is('crtsh', 'ca', 'id', 'integer', 'crtsh.ca.id');
SELECT col_type_is('crtsh', 'ca', 'num_issued', 'bigint[]', 'crtsh.ca.num_issued');
SELECT col_type_is('crtsh', 'ca', 'num_expired', 'bigint[]', 'crtsh.ca.num_expired');
SELECT col_type_is('crtsh', 'ca', 'last_certificate_id', 'bigint', 'crtsh.ca.last_certificate_id');
SELECT col_type_is('crtsh', 'ca', 'last_not_after', 'timestamp without time zone', 'crtsh.ca.last_not_after');
SELECT col_type_is('crtsh', 'ca', 'next_not_after', 'timestamp without time zone', 'crtsh.ca.next_not_after');
SELECT col_type_is('crtsh', 'ca', 'linting_applies', 'boolean', 'crtsh.ca.linting_applies');
SELECT col_type_is('crtsh', 'ca', 'name', 'text', 'crtsh.ca.name');
SELECT col_type_is('crtsh', 'ca', 'public_key', 'bytea', 'crtsh.ca.public_key');
SELECT is((SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'crtsh.certificate'::regclass AND attnum > 0),
    'id issuer_ca_id certificate', 'crtsh.certificate');
SELECT col_type_is('crtsh', 'certificate', 'id', 'bigint', 'crtsh.certificate.id');
SELECT col_type_is('crtsh', 'certificate', 'issuer_ca_id', 'integer', 'crtsh.certificate.issuer_ca_id');
SELECT col_type_is('crtsh', 'certificate', 'certificate', 'crtsh.x509', 'crtsh.certificate.certificate');
SELECT is((SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'crtsh.certificate_and_identities'::regclass AND attnum > 0),
    'certificate_id certificate name_type name_value issuer_ca_id', 'crtsh.certificate_and_identities');
SELECT col_type_is('crtsh', 'certificate_and_identities', 'certificate_id', 'bigint', 'crtsh.certificate_and_identities.certificate_id');
SELECT col_type_is('crtsh', 'certificate_and_identities', 'certificate', 'crtsh.x509', 'crtsh.certificate_and_identities.certificate');
SELECT col_type_is('crtsh', 'certificate_and_identities', 'name_type', 'text', 'crtsh.certificate_and_identities.name_type');
SELECT col_type_is('crtsh', 'certificate_and_identities', 'name_value', 'text', 'crtsh.certificate_and_identities.name_value');
SELECT col_type_is('crtsh', 'certificate_and_identities', 'issuer_ca_id', 'integer', 'crtsh.certificate_and_identities.issuer_ca_id');
SELECT is((SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'crtsh.certificate_lifecycle'::regclass AND attnum > 0),
    'certificate_id certificate_type serial_number not_before not_after', 'crtsh.certificate_lifecycle');
SELECT col_type_is('crtsh', 'certificate_lifecycle', 'certificate_id', 'crtsh.certificate_id', 'crtsh.certificate_lifecycle.certificate_id');
SELECT col_type_is('crtsh', 'certificate_lifecycle', 'certificate_type', 'text', 'crtsh.certificate_lifecycle.certificate_type');
SELECT col_type_is('crtsh', 'certificate_lifecycle', 'serial_number', 'ct.serial', 'crtsh.certificate_lifecycle.serial_number');
SELECT col_type_is('crtsh', 'certificate_lifecycle', 'not_before', 'timestamp without time zone', 'crtsh.certificate_lifecycle.not_before');
SELECT col_type_is('crtsh', 'certificate_lifecycle', 'not_after', 'timestamp without time zone', 'crtsh.certificate_lifecycle.not_after');
SELECT is((SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'crtsh.ct_log'::regclass AND attnum > 0),
    'id operator type url name public_key is_active latest_sth_timestamp mmd_in_seconds tree_size', 'crtsh.ct_log');
SELECT col_type_is('crtsh', 'ct_log', 'id', 'integer', 'crtsh.ct_log.id');
SELECT col_type_is('crtsh', 'ct_log', 'operator', 'text', 'crtsh.ct_log.operator');
SELECT col_type_is('crtsh', 'ct_log', 'type', 'text', 'crtsh.ct_log.type');
SELECT col_type_is('crtsh', 'ct_log', 'url', 'text', 'crtsh.ct_log.url');
SELECT col_type_is('crtsh', 'ct_log', 'name', 'text', 'crtsh.ct_log.name');
SELECT col_type_is('crtsh', 'ct_log', 'public_key', 'bytea', 'crtsh.ct_log.public_key');
SELECT col_type_is('crtsh', 'ct_log', 'is_active', 'boolean', 'crtsh.ct_log.is_active');
SELECT col_type_is('crtsh', 'ct_log', 'latest_sth_timestamp', 'timestamp without time zone', 'crtsh.ct_log.latest_sth_timestamp');
SELECT col_type_is('crtsh', 'ct_log', 'mmd_in_seconds', 'integer', 'crtsh.ct_log.mmd_in_seconds');
SELECT col_type_is('crtsh', 'ct_log', 'tree_size', 'bigint', 'crtsh.ct_log.tree_size');
SELECT is((SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'crtsh.ct_log_entry'::regclass AND attnum > 0),
    'certificate_id entry_id entry_timestamp ct_log_id', 'crtsh.ct_log_entry');
SELECT col_type_is('crtsh', 'ct_log_entry', 'certificate_id', 'crtsh.certificate_id', 'crtsh.ct_log_entry.certificate_id');
SELECT col_type_is('crtsh', 'ct_log_entry', 'entry_id', 'bigint', 'crtsh.ct_log_entry.entry_id');
SELECT col_type_is('crtsh', 'ct_log_entry', 'entry_timestamp', 'timestamp without time zone', 'crtsh.ct_log_entry.entry_timestamp');
SELECT col_type_is('crtsh', 'ct_log_entry', 'ct_log_id', 'integer', 'crtsh.ct_log_entry.ct_log_id');
SELECT is((SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'crtsh.ct_log_operator'::regclass AND attnum > 0),
    'operator display_string', 'crtsh.ct_log_operator');
SELECT col_type_is('crtsh', 'ct_log_operator', 'operator', 'text', 'crtsh.ct_log_operator.operator');
SELECT col_type_is('crtsh', 'ct_log_operator', 'display_string', 'text', 'crtsh.ct_log_operator.display_string');
SELECT is((SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'crtsh.found'::regclass AND attnum > 0),
    'certificate', 'crtsh.found');
SELECT col_type_is('crtsh', 'found', 'certificate', 'crtsh.x509', 'crtsh.found.certificate');
SELECT is((SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'crtsh.placed'::regclass AND attnum > 0),
    'certificate_id tbs_fp issuer_id serial not_before not_after', 'crtsh.placed');
SELECT col_type_is('crtsh', 'placed', 'certificate_id', 'crtsh.certificate_id', 'crtsh.placed.certificate_id');
SELECT col_type_is('crtsh', 'placed', 'tbs_fp', 'bytea', 'crtsh.placed.tbs_fp');
SELECT col_type_is('crtsh', 'placed', 'issuer_id', 'integer', 'crtsh.placed.issuer_id');
SELECT col_type_is('crtsh', 'placed', 'serial', 'ct.serial', 'crtsh.placed.serial');
SELECT col_type_is('crtsh', 'placed', 'not_before', 'timestamp with time zone', 'crtsh.placed.not_before');
SELECT col_type_is('crtsh', 'placed', 'not_after', 'timestamp with time zone', 'crtsh.placed.not_after');
SELECT is((SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'ct.thin'::regclass AND attnum > 0),
    'log_id range_begin range_end since until', 'ct.thin');
SELECT is((SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'ct.retention'::regclass AND attnum > 0),
    'horizon', 'ct.retention');
SELECT function_returns('ct', 'address', ARRAY['inet']::text[], 'setof ct.certificates', 'ct.address');
SELECT function_returns('ct', 'below_suffix', ARRAY['text']::text[], 'setof ct.certificates', 'ct.below_suffix');
SELECT function_returns('ct', 'bytes8', ARRAY['bigint']::text[], 'bytea', 'ct.bytes8');
SELECT function_returns('ct', 'certificate', ARRAY['bytea', 'timestamp with time zone', 'integer']::text[], 'setof ct.certificates', 'ct.certificate');
SELECT function_returns('ct', 'certificate_at', ARRAY['integer', 'bigint']::text[], 'setof ct.certificates', 'ct.certificate_at');
SELECT function_returns('ct', 'certificate_by_id', ARRAY['bigint']::text[], 'setof ct.certificates', 'ct.certificate_by_id');
SELECT function_returns('ct', 'certificate_of', ARRAY['bigint', 'date']::text[], 'setof ct.certificates', 'ct.certificate_of');
SELECT function_returns('ct', 'common_name', ARRAY['text']::text[], 'setof ct.certificates', 'ct.common_name');
SELECT function_returns('ct', 'issuer', ARRAY['text']::text[], 'setof ct.issuers', 'ct.issuer');
SELECT function_returns('ct', 'wildcard', ARRAY['text']::text[], 'setof ct.certificates', 'ct.wildcard');
SELECT function_returns('ct', 'domain_key', ARRAY['text']::text[], 'bigint', 'ct.domain_key');
SELECT function_returns('ct', 'has_name', ARRAY['text', 'text']::text[], 'boolean', 'ct.has_name');
SELECT function_returns('ct', 'host', ARRAY['text']::text[], 'setof ct.certificates', 'ct.host');
SELECT function_returns('ct', 'is_suffix', ARRAY['text']::text[], 'boolean', 'ct.is_suffix');
SELECT function_returns('ct', 'lies_below', ARRAY['text', 'text']::text[], 'boolean', 'ct.lies_below');
SELECT function_returns('ct', 'lifetime_allowed', ARRAY['timestamp with time zone']::text[], 'interval', 'ct.lifetime_allowed');
SELECT function_returns('ct', 'named', ARRAY['text']::text[], 'setof ct.certificates', 'ct.named');
SELECT function_returns('ct', 'normal_name', ARRAY['text']::text[], 'text', 'ct.normal_name');
SELECT function_returns('ct', 'prefix8', ARRAY['bytea']::text[], 'bigint', 'ct.prefix8');
SELECT function_returns('ct', 'punycode', ARRAY['text']::text[], 'text', 'ct.punycode');
SELECT function_returns('ct', 'registrable_domain', ARRAY['text']::text[], 'text', 'ct.registrable_domain');
SELECT function_returns('ct', 'reversed_name', ARRAY['text']::text[], 'text', 'ct.reversed_name');
SELECT function_returns('ct', 'sighting_at', ARRAY['integer', 'bigint']::text[], 'setof ct.sightings', 'ct.sighting_at');
SELECT function_returns('ct', 'sightings_of', ARRAY['bytea']::text[], 'setof ct.sightings', 'ct.sightings_of');
SELECT function_returns('ct', 'subtree', ARRAY['text']::text[], 'setof ct.certificates', 'ct.subtree');
SELECT function_returns('ct', 'with_fingerprint', ARRAY['bytea']::text[], 'setof ct.certificates', 'ct.with_fingerprint');
SELECT function_returns('ct', 'with_key', ARRAY['bytea']::text[], 'setof ct.certificates', 'ct.with_key');
SELECT function_returns('ct', 'with_serial', ARRAY['bytea']::text[], 'setof ct.certificates', 'ct.with_serial');
SELECT function_returns('ct', 'with_sha256', ARRAY['bytea']::text[], 'setof ct.certificates', 'ct.with_sha256');
SELECT function_returns('crtsh', 'digest', ARRAY['crtsh.x509', 'text']::text[], 'crtsh.fingerprint', 'crtsh.digest');
SELECT function_returns('crtsh', 'digest', ARRAY['crtsh.public_key', 'text']::text[], 'ct.spki', 'crtsh.digest');
SELECT function_returns('crtsh', 'identities', ARRAY['crtsh.x509']::text[], 'crtsh.identity_set', 'crtsh.identities');
SELECT function_returns('crtsh', 'pem_cert', ARRAY['crtsh.x509']::text[], 'text', 'crtsh.pem_cert');
SELECT function_returns('crtsh', 'plainto_tsquery', ARRAY['text']::text[], 'tsquery', 'crtsh.plainto_tsquery');
SELECT function_returns('crtsh', 'x509_altnames', ARRAY['crtsh.x509']::text[], 'setof text', 'crtsh.x509_altnames');
SELECT function_returns('crtsh', 'x509_altnames', ARRAY['crtsh.x509', 'integer']::text[], 'setof text', 'crtsh.x509_altnames');
SELECT function_returns('crtsh', 'x509_authoritykeyid', ARRAY['crtsh.x509']::text[], 'bytea', 'crtsh.x509_authoritykeyid');
SELECT function_returns('crtsh', 'x509_canissuecerts', ARRAY['crtsh.x509']::text[], 'boolean', 'crtsh.x509_canissuecerts');
SELECT function_returns('crtsh', 'x509_commonname', ARRAY['crtsh.x509']::text[], 'text', 'crtsh.x509_commonname');
SELECT function_returns('crtsh', 'x509_hasextension', ARRAY['crtsh.x509', 'text', 'boolean']::text[], 'boolean', 'crtsh.x509_hasextension');
SELECT function_returns('crtsh', 'x509_isekupermitted', ARRAY['crtsh.x509', 'text']::text[], 'boolean', 'crtsh.x509_isekupermitted');
SELECT function_returns('crtsh', 'x509_issuername', ARRAY['crtsh.x509']::text[], 'text', 'crtsh.x509_issuername');
SELECT function_returns('crtsh', 'x509_keyalgorithm', ARRAY['crtsh.x509']::text[], 'text', 'crtsh.x509_keyalgorithm');
SELECT function_returns('crtsh', 'x509_keysize', ARRAY['crtsh.x509']::text[], 'integer', 'crtsh.x509_keysize');
SELECT function_returns('crtsh', 'x509_name', ARRAY['crtsh.x509']::text[], 'bytea', 'crtsh.x509_name');
SELECT function_returns('crtsh', 'x509_nameattributes', ARRAY['crtsh.x509', 'text', 'boolean']::text[], 'setof text', 'crtsh.x509_nameattributes');
SELECT function_returns('crtsh', 'x509_notafter', ARRAY['crtsh.x509']::text[], 'timestamp without time zone', 'crtsh.x509_notafter');
SELECT function_returns('crtsh', 'x509_notbefore', ARRAY['crtsh.x509']::text[], 'timestamp without time zone', 'crtsh.x509_notbefore');
SELECT function_returns('crtsh', 'x509_print', ARRAY['crtsh.x509']::text[], 'text', 'crtsh.x509_print');
SELECT function_returns('crtsh', 'x509_publickey', ARRAY['crtsh.x509']::text[], 'crtsh.public_key', 'crtsh.x509_publickey');
SELECT function_returns('crtsh', 'x509_publickeymd5', ARRAY['crtsh.x509']::text[], 'bytea', 'crtsh.x509_publickeymd5');
SELECT function_returns('crtsh', 'x509_rsamodulus', ARRAY['crtsh.x509']::text[], 'bytea', 'crtsh.x509_rsamodulus');
SELECT function_returns('crtsh', 'x509_serialnumber', ARRAY['crtsh.x509']::text[], 'ct.serial', 'crtsh.x509_serialnumber');
SELECT function_returns('crtsh', 'x509_signaturehashalgorithm', ARRAY['crtsh.x509']::text[], 'text', 'crtsh.x509_signaturehashalgorithm');
SELECT function_returns('crtsh', 'x509_signaturekeyalgorithm', ARRAY['crtsh.x509']::text[], 'text', 'crtsh.x509_signaturekeyalgorithm');
SELECT function_returns('crtsh', 'x509_subjectkeyidentifier', ARRAY['crtsh.x509']::text[], 'bytea', 'crtsh.x509_subjectkeyidentifier');
SELECT function_returns('crtsh', 'x509_subjectname', ARRAY['crtsh.x509']::text[], 'text', 'crtsh.x509_subjectname');
SELECT is_empty($x$SELECT c.relnamespace::regnamespace, c.relname, a.attname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
    WHERE c.relnamespace IN ('ct'::regnamespace, 'crtsh'::regnamespace) AND c.relkind = 'v' AND a.attnum > 0
      AND (coalesce(col_description(c.oid, a.attnum), '') = '' OR coalesce(obj_description(c.oid, 'pg_class'), '') = '')$x$,
    'every view and column has a comment');
SELECT is_empty($x$SELECT p.oid::regprocedure FROM pg_proc AS p WHERE p.pronamespace = 'ct'::regnamespace AND p.proname !~ '_(rows|is)$'
    AND coalesce(obj_description(p.oid, 'pg_proc'), '') = ''$x$, 'every function of ct has a comment');
SELECT * FROM finish();
ROLLBACK;
