#include "db/query_sql.h"

#include "db/certrow.h"
#include "db/facts.h"

#define STRINGIFY(x) #x
#define STRING_OF(x) STRINGIFY(x)
#define BYTES        "octet_length(c.names) + octet_length(c.serial) + coalesce(octet_length(c.others), 0)"
#define PLACE        "c.not_after, c.not_before, c.tbs_fp, c.issuer, " BYTES " AS bytes"
/* What is long is left where it is. */
#define SHORT(column)                                                                                        \
    ", CASE WHEN " BYTES " <= " STRING_OF(QUERY_SQL_WHOLE_BYTES) " THEN c." column " END AS " column
#define PLACE_ONE    PLACE
#define PLACE_SPREAD PLACE
#define PLACE_WHOLE                                                                                          \
    PLACE ", c.first_seen, c.apex8, c.idx, c.facts, c.log, c.spki_sha256, c.cn, c.findings" SHORT("serial")  \
        SHORT("names") SHORT("others")
#define BOUNDS                                                                                               \
    " AND c.not_before >= $2 AND c.not_before < $3 AND c.first_seen >= $4 AND c.not_after >= $5"             \
    " AND c.not_after < $10 AND ($11::int4[] IS NULL OR c.issuer = ANY ($11)) AND c.not_before <= $6"        \
    " AND (c.not_before < $6 OR (c.tbs_fp, c.issuer) > ($7::bytea, $8::int4))"
#define NEWEST " ORDER BY c.not_before DESC, c.tbs_fp, c.issuer LIMIT $9"
/* OFFSET 0 and LATERAL: without them the planner reads all of cert for a domain with many rows. */
#define THE_CERT(place, within)                                                                              \
    " CROSS JOIN LATERAL (SELECT * FROM cert AS k WHERE k.not_after = " place                                \
    ".not_after AND k.tbs_fp = " place ".tbs_fp AND k.issuer = " place ".issuer" within " OFFSET 0) AS c"
/* On a cluster they may join nothing by another key than apex8, and a further key has whole rows of its own.
 */
#define THE_CERT_SPREAD(place)                                                                               \
    " JOIN cert AS c ON c.not_after = " place ".not_after AND c.tbs_fp = " place ".tbs_fp"                   \
    " AND c.issuer = " place ".issuer"
/* Said of every table, so that leaves outside are not even opened. */
#define SPAN                  " AND not_after >= $5 AND not_after < $10"
#define HITS(from, condition) "(SELECT " PLACE " FROM " from " WHERE " condition BOUNDS NEWEST ")"
/* Of what is found by a key of its own, as whole rows too. */
#define KEY_HITS(where, from, condition)                                                                     \
    "(SELECT " PLACE_##where " FROM " from " WHERE " condition BOUNDS NEWEST ")"
/* Whatever is said of a leaf is made ready for each leaf: so no more than what the index needs (OFFSET 0). */
#define KEYED_ONE(key)    "(SELECT * FROM cert AS c WHERE " key SPAN " OFFSET 0) AS c"
#define KEYED_WHOLE(key)  KEYED_ONE(key)
#define KEYED_SPREAD(key) "cert AS c"
#define FURTHER(key, condition)                                                                              \
    "(SELECT " PLACE " FROM (SELECT * FROM cert_apex WHERE apex8 = " key SPAN                                \
    ") AS a" THE_CERT("a", SPAN) " WHERE " condition BOUNDS                                                  \
                                 " ORDER BY a.not_before DESC, a.tbs_fp, a.issuer LIMIT $9)"
#define FURTHER_SPREAD(key, condition) HITS("cert_apex AS c", "c.apex8 = " key " AND " condition)
#define PAGE_OF(hits)                  "WITH hit AS (" hits ") SELECT * FROM hit AS c" NEWEST
/* LATERAL: a plan that does not know how few they are reads all issuers. */
#define LOG_OF " LEFT JOIN LATERAL (SELECT x.name FROM log AS x WHERE x.id = c.log OFFSET 0) AS l ON true"
#define WHOLE_OF(hits)                                                                                       \
    "WITH hit AS MATERIALIZED (SELECT * FROM (" hits ") AS c" NEWEST                                         \
    ") SELECT c.not_after, c.not_before, c.tbs_fp, c.issuer, c.bytes, " CERTROW_COLUMNS_ROW                  \
    ", l.name, " CERTROW_LEAVE("hit") " FROM hit AS c" CERTROW_JOINS_FEW LOG_OF                              \
                                      " ORDER BY c.not_before DESC, c.tbs_fp, c.issuer"
#define COUNT_OF(hits) "SELECT count(*) FROM (SELECT FROM (" hits ") AS h LIMIT $9) AS n"

#define COUNT_SPREAD(hits) "SELECT count(*) FROM (SELECT h.tbs_fp FROM (" hits ") AS h LIMIT $9) AS n"

/* `hits` is a macro of what differs. */
#define STATEMENT(name, walk, hits) STATEMENT_WITH(name, walk, hits, NULL)
#define KEY_STATEMENT(name, hits)   STATEMENT_WITH(name, false, hits, WHOLE_OF(hits(WHOLE, FURTHER)))
#define STATEMENT_WITH(name, walk, hits, whole)                                                              \
    const struct query_sql query_sql_##name = {#name,                                                        \
                                               PAGE_OF(hits(ONE, FURTHER)),                                  \
                                               whole,                                                        \
                                               COUNT_OF(hits(ONE, FURTHER)),                                 \
                                               PAGE_OF(hits(SPREAD, FURTHER_SPREAD)),                        \
                                               COUNT_SPREAD(hits(SPREAD, FURTHER_SPREAD)),                   \
                                               walk}

#define NAMED                                                                                                \
    "(position($12::text in ' ' || c.names || ' ') > 0 OR position($13::text in ' ' || c.names || ' ') > 0)"
#define DOMAIN_HITS(where, further)                                                                          \
    HITS("cert AS c", "c.apex8 = $1::int8 AND " NAMED) " UNION " further("$1::int8", NAMED)
#define BELOW_HITS(where, further) HITS("cert AS c", NAMED)
STATEMENT(domain, false, DOMAIN_HITS);
STATEMENT(below, true, BELOW_HITS);

#define WILD "(' ' || c.names || ' ') ~ $12::text"
#define WILD_HITS(where, further)                                                                            \
    HITS("cert AS c", "c.apex8 = $1::int8 AND " WILD) " UNION " further("$1::int8", WILD)
#define WILD_BELOW_HITS(where, further) HITS("cert AS c", WILD)
STATEMENT(wildcard, false, WILD_HITS);
STATEMENT(wildcard_below, true, WILD_BELOW_HITS);

#define SPKI_FRONT "substring(c.spki_sha256 FOR 8) = substring($12::bytea FOR 8)"
#define BY_SPKI    SPKI_FRONT " AND c.spki_sha256 = $12"
#define BY_FP      "c.tbs_fp = $12::bytea"
/* The first 8 bytes of SHA-256 lead to places in logs, these to the first 8 bytes of tbs_fp and the day of
 * not_after. */
#define BY_PLACE                                                                                             \
    "(SELECT DISTINCT decode(lpad(to_hex(p.fp8), 16, '0'), 'hex') AS fp,"                                    \
    "  get_byte(p.info, 7) * 256 + get_byte(p.info, 8) AS day FROM ct.by_sha8(ARRAY[$1::int8]) AS p"         \
    "  WHERE get_byte(p.info, 6) " FACTS_SQL_READABLE ") AS f"
#define BY_PLACE_SPREAD                                                                                      \
    "(SELECT DISTINCT decode(lpad(to_hex(u.fp8), 16, '0'), 'hex') AS fp,"                                    \
    "  get_byte(t.info, (u.pos * 9 - 2)::int) * 256 + get_byte(t.info, (u.pos * 9 - 1)::int) AS day"         \
    "  FROM log_tile AS t CROSS JOIN LATERAL unnest(t.fp8, t.sha8) WITH ORDINALITY AS u (fp8, sha8, pos)"    \
    "  WHERE t.sha8 @> ARRAY[$1::int8] AND u.sha8 = $1 AND get_byte(t.info, (u.pos * 9 - 3)::int)"           \
    " " FACTS_SQL_READABLE ") AS f"
#define FROM_SHA256_ONE                                                                                      \
    BY_PLACE " CROSS JOIN LATERAL (SELECT * FROM cert AS k WHERE k.tbs_fp >= f.fp"                           \
             "  AND k.tbs_fp <= f.fp || decode(repeat('ff', 24), 'hex')" SPAN " OFFSET 0) AS c"
#define FROM_SHA256_WHOLE FROM_SHA256_ONE
#define FROM_SHA256_SPREAD                                                                                   \
    BY_PLACE_SPREAD                                                                                          \
    " JOIN cert AS c ON c.tbs_fp >= f.fp AND c.tbs_fp <= f.fp || decode(repeat('ff', 24), 'hex')"
#define BY_SHA256                                                                                            \
    "$12::bytea IS NOT NULL AND"                                                                             \
    " least(greatest(floor(extract(epoch FROM c.not_after) / 86400), 0), 65535)::int = f.day"

#define SPKI_HITS(where, further)   KEY_HITS(where, KEYED_##where(SPKI_FRONT), BY_SPKI)
#define FP_HITS(where, further)     KEY_HITS(where, KEYED_##where(BY_FP), BY_FP)
#define SHA256_HITS(where, further) KEY_HITS(where, FROM_SHA256_##where, BY_SHA256)
#define HASH_HITS(where, further)                                                                            \
    SPKI_HITS(where, further) " UNION " FP_HITS(where, further) " UNION " SHA256_HITS(where, further)
KEY_STATEMENT(spki, SPKI_HITS);
KEY_STATEMENT(fp, FP_HITS);
KEY_STATEMENT(sha256, SHA256_HITS);
KEY_STATEMENT(hash, HASH_HITS);
/* A serial may be longer than an index entry: its front finds, the whole decides. */
#define SERIAL_FRONT                                                                                         \
    "substring(c.serial FOR 15) IN (substring($12::bytea FOR 15), substring($13::bytea FOR 15),"             \
    " substring($14::bytea FOR 15))"
#define BY_SERIAL                   SERIAL_FRONT " AND c.serial IN ($12, $13, $14)"
#define SERIAL_HITS(where, further) KEY_HITS(where, KEYED_##where(SERIAL_FRONT), BY_SERIAL)
KEY_STATEMENT(serial, SERIAL_HITS);
/* An IPv4 range also holds the addresses that a certificate spells as IPv6 (::ffff:192.0.2.7). */
#define IN_RANGE                                                                                             \
    "(q.ip <<= $12::inet OR q.ip <<= (CASE WHEN family($12::inet) = 4"                                       \
    "  THEN ('::ffff:' || host($12::inet) || '/' || 96 + masklen($12::inet))::inet END))"
#define FROM_IP_ONE                                                                                          \
    "(SELECT DISTINCT q.not_after, q.tbs_fp, q.issuer FROM cert_ip AS q WHERE " IN_RANGE SPAN                \
    ") AS q" THE_CERT("q", SPAN)
#define FROM_IP_SPREAD                                                                                       \
    "(SELECT DISTINCT q.not_after, q.tbs_fp, q.issuer, q.apex8 FROM cert_ip AS q WHERE " IN_RANGE ")"        \
    " AS q" THE_CERT_SPREAD("q") " AND c.apex8 = q.apex8"
#define IP_HITS(where, further) HITS(FROM_IP_##where, "true")
STATEMENT(ip, false, IP_HITS);

#define WORDS                                                                                                \
    "(($13::bool AND c.others IS NULL) OR (' ' || lower(c.others COLLATE \"C\") || ' ') ~ $12::text)"
#define OTHERS_HITS(where, further) further("$1::int8", WORDS)
STATEMENT(others, false, OTHERS_HITS);

/* The common name is the first name of the row, or text of its own, whose control bytes are written out. */
#define CN_FIRST "(c.facts & 18014398509481984) <> 0 AND split_part(c.names, ' ', 1) = $12::text"
#define CN_TEXT  "btrim(regexp_replace(lower(c.cn COLLATE \"C\"), '( |\\\\x0[9a-d])+', ' ', 'g')) = $13::text"
#define CN_HITS(where, further)                                                                              \
    HITS("cert AS c", "c.apex8 = $1::int8 AND " CN_FIRST)                                                    \
    " UNION " further("$1::int8", CN_FIRST) " UNION " further("$14::int8", CN_TEXT)
STATEMENT(cn, false, CN_HITS);

#define ISSUER_HITS(where, further) HITS("cert AS c", "true")
#define TEXT_HITS(where, further)                                                                            \
    HITS("cert AS c", "(c.names ~ $12::text OR position($13::text in lower(c.cn COLLATE \"C\")) > 0"         \
                      " OR position($14::text in lower(c.others COLLATE \"C\")) > 0)")
STATEMENT(issuer, true, ISSUER_HITS);
STATEMENT(text, true, TEXT_HITS);

const struct query_sql *const query_sql_all[] = {
    &query_sql_domain, &query_sql_below,  &query_sql_wildcard, &query_sql_wildcard_below, &query_sql_spki,
    &query_sql_fp,     &query_sql_sha256, &query_sql_hash,     &query_sql_serial,         &query_sql_ip,
    &query_sql_others, &query_sql_cn,     &query_sql_issuer,   &query_sql_text,
};
const size_t query_sql_count = countof(query_sql_all);

#define WITHIN " AND not_after >= $4 AND not_after <= $5"
#define ROWS(columns)                                                                                        \
    "SELECT " columns(WITHIN) ", l.name FROM unnest($1::timestamptz[], $2::bytea[], $3::int4[])"             \
                              " WITH ORDINALITY AS h (not_after, tbs_fp, issuer, place)" THE_CERT(           \
                                  "h", WITHIN) CERTROW_JOINS_FEW LOG_OF " ORDER BY h.place"
const char query_sql_rows[] = ROWS(CERTROW_COLUMNS_IN);
const char query_sql_rows_brief[] = ROWS(CERTROW_COLUMNS_BRIEF);

#define ASKED                                                                                                \
    " FROM unnest($1::timestamptz[], $2::bytea[], $3::int4[]) WITH ORDINALITY"                               \
    " AS h (not_after, tbs_fp, issuer, place) JOIN "
#define SAME                                                                                                 \
    " AS k ON k.not_after = h.not_after AND k.tbs_fp = h.tbs_fp AND k.issuer = h.issuer"                     \
    " AND k.not_after >= $4 AND k.not_after <= $5"
#define WITH_REST                                                                                            \
    ") SELECT " CERTROW_SPREAD_COLUMNS ", l.name FROM c" CERTROW_JOINS                                       \
    " LEFT JOIN log AS l ON l.id = c.log ORDER BY c.place"
const char query_sql_rows_spread[] =
    "WITH c AS MATERIALIZED (SELECT h.place, " CERTROW_SPREAD("k", "cert") ASKED "cert" SAME WITH_REST;
const char query_sql_rows_keyed[] = "WITH c AS MATERIALIZED (SELECT h.place, " CERTROW_SPREAD("k", "cert")
    ASKED "cert" SAME " WHERE k.apex8 = $6::int8 UNION ALL SELECT h.place, " CERTROW_SPREAD("k", "cert_apex")
        ASKED "cert_apex" SAME " WHERE k.apex8 = $6::int8" WITH_REST;
