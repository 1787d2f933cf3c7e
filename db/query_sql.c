#include "db/query_sql.h"

#include "db/certrow.h"

#define PLACE                                                                                                \
    "c.not_after, c.not_before, c.tbs_fp, c.issuer, octet_length(c.names) + octet_length(c.serial)"          \
    " + coalesce(octet_length(c.others), 0) AS bytes"
#define BOUNDS                                                                                               \
    " AND c.not_before >= $2 AND c.not_before < $3 AND c.first_seen >= $4 AND c.not_after >= $5"             \
    " AND c.not_after < $10 AND ($11::int4[] IS NULL OR c.issuer = ANY ($11)) AND c.not_before <= $6"        \
    " AND (c.not_before < $6 OR (c.tbs_fp, c.issuer) > ($7::bytea, $8::int4))"
#define NEWEST " ORDER BY c.not_before DESC, c.tbs_fp, c.issuer LIMIT $9"
/* OFFSET 0 and LATERAL: without them the planner reads all of cert for a domain with many rows. */
#define THE_CERT(place, within)                                                                              \
    " CROSS JOIN LATERAL (SELECT * FROM cert AS k WHERE k.not_after = " place                                \
    ".not_after AND k.tbs_fp = " place ".tbs_fp AND k.issuer = " place ".issuer" within " OFFSET 0) AS c"
/* Said of every table, so that leaves outside are not even opened. */
#define SPAN                  " AND not_after >= $5 AND not_after < $10"
#define HITS(from, condition) "(SELECT " PLACE " FROM " from " WHERE " condition BOUNDS NEWEST ")"
#define FURTHER(key, condition)                                                                              \
    "(SELECT " PLACE " FROM (SELECT * FROM cert_apex WHERE apex8 = " key SPAN                                \
    ") AS a" THE_CERT("a", SPAN) " WHERE " condition BOUNDS                                                  \
                                 " ORDER BY a.not_before DESC, a.tbs_fp, a.issuer LIMIT $9)"
#define PAGE_OF(hits)  "WITH hit AS (" hits ") SELECT * FROM hit AS c" NEWEST
#define COUNT_OF(hits) "SELECT count(*) FROM (SELECT FROM (" hits ") AS h LIMIT $9) AS n"

#define STATEMENT(name, walk, hits)                                                                          \
    const struct query_sql query_sql_##name = {#name, PAGE_OF(hits), COUNT_OF(hits), walk}

#define NAMED                                                                                                \
    "(position($12::text in ' ' || c.names || ' ') > 0 OR position($13::text in ' ' || c.names || ' ') > 0)"
STATEMENT(domain, false,
          HITS("cert AS c", "c.apex8 = $1::int8 AND " NAMED) " UNION " FURTHER("$1::int8", NAMED));
STATEMENT(below, true, HITS("cert AS c", NAMED));

#define WILD "(' ' || c.names || ' ') ~ $12::text"
STATEMENT(wildcard, false,
          HITS("cert AS c", "c.apex8 = $1::int8 AND " WILD) " UNION " FURTHER("$1::int8", WILD));
STATEMENT(wildcard_below, true, HITS("cert AS c", WILD));

#define BY_SPKI "substring(c.spki_sha256 FOR 8) = substring($12::bytea FOR 8) AND c.spki_sha256 = $12"
#define BY_FP   "c.tbs_fp = $12::bytea"
/* The first 8 bytes of SHA-256 lead to places in logs, these to the first 8 bytes of tbs_fp and the day of
 * not_after. */
#define FROM_SHA256                                                                                          \
    "(SELECT DISTINCT decode(lpad(to_hex(u.fp8), 16, '0'), 'hex') AS fp,"                                    \
    "  get_byte(t.info, (u.pos * 9 - 2)::int) * 256 + get_byte(t.info, (u.pos * 9 - 1)::int) AS day"         \
    "  FROM log_tile AS t CROSS JOIN LATERAL unnest(t.fp8, t.sha8) WITH ORDINALITY AS u (fp8, sha8, pos)"    \
    "  WHERE t.sha8 @> ARRAY[$1::int8] AND u.sha8 = $1 AND get_byte(t.info, (u.pos * 9 - 3)::int) <= 1) AS " \
    "f"                                                                                                      \
    " CROSS JOIN LATERAL (SELECT * FROM cert AS k WHERE k.tbs_fp >= f.fp"                                    \
    "  AND k.tbs_fp <= f.fp || decode(repeat('ff', 24), 'hex')" SPAN " OFFSET 0) AS c"
#define BY_SHA256                                                                                            \
    "$12::bytea IS NOT NULL AND"                                                                             \
    " least(greatest(floor(extract(epoch FROM c.not_after) / 86400), 0), 65535)::int = f.day"

STATEMENT(spki, false, HITS("cert AS c", BY_SPKI));
STATEMENT(fp, false, HITS("cert AS c", BY_FP));
STATEMENT(sha256, false, HITS(FROM_SHA256, BY_SHA256));
STATEMENT(hash, false,
          HITS("cert AS c", BY_SPKI) " UNION " HITS("cert AS c", BY_FP) " UNION " HITS(FROM_SHA256,
                                                                                       BY_SHA256));
/* A serial may be longer than an index entry: its front finds, the whole decides. */
#define BY_SERIAL                                                                                            \
    "substring(c.serial FOR 15) IN (substring($12::bytea FOR 15), substring($13::bytea FOR 15),"             \
    " substring($14::bytea FOR 15)) AND c.serial IN ($12, $13, $14)"
STATEMENT(serial, false, HITS("cert AS c", BY_SERIAL));
STATEMENT(
    ip, false,
    HITS("(SELECT DISTINCT q.not_after, q.tbs_fp, q.issuer FROM cert_ip AS q WHERE q.ip <<= $12::inet" SPAN
         ")"
         " AS q" THE_CERT("q", SPAN),
         "true"));

#define WORDS                                                                                                \
    "(($13::bool AND c.others IS NULL) OR (' ' || lower(c.others COLLATE \"C\") || ' ') ~ $12::text)"
STATEMENT(others, false, FURTHER("$1::int8", WORDS));

/* The common name is the first name of the row, or text of its own, whose control bytes are written out. */
#define CN_FIRST "(c.facts & 18014398509481984) <> 0 AND split_part(c.names, ' ', 1) = $12::text"
#define CN_TEXT  "btrim(regexp_replace(lower(c.cn COLLATE \"C\"), '( |\\\\x0[9a-d])+', ' ', 'g')) = $13::text"
STATEMENT(cn, false,
          HITS("cert AS c", "c.apex8 = $1::int8 AND " CN_FIRST) " UNION " FURTHER(
              "$1::int8", CN_FIRST) " UNION " FURTHER("$14::int8", CN_TEXT));

STATEMENT(issuer, true, HITS("cert AS c", "true"));
STATEMENT(text, true,
          HITS("cert AS c", "(c.names ~ $12::text OR position($13::text in lower(c.cn COLLATE \"C\")) > 0"
                            " OR position($14::text in lower(c.others COLLATE \"C\")) > 0)"));

const struct query_sql *const query_sql_all[] = {
    &query_sql_domain, &query_sql_below,  &query_sql_wildcard, &query_sql_wildcard_below, &query_sql_spki,
    &query_sql_fp,     &query_sql_sha256, &query_sql_hash,     &query_sql_serial,         &query_sql_ip,
    &query_sql_others, &query_sql_cn,     &query_sql_issuer,   &query_sql_text,
};
const size_t query_sql_count = countof(query_sql_all);

#define WITHIN " AND not_after >= $4 AND not_after <= $5"
const char query_sql_rows[] = "SELECT " CERTROW_COLUMNS_IN(
    WITHIN) ", l.name FROM unnest($1::timestamptz[], $2::bytea[], $3::int4[])"
            " WITH ORDINALITY AS h (not_after, tbs_fp, issuer, place)" THE_CERT("h", WITHIN) CERTROW_JOINS
    " LEFT JOIN log AS l ON l.id = c.log ORDER BY h.place";
