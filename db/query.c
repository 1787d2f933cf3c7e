#include "db/query.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"
#include "db/certrow.h"
#include "db/dbkey.h"

/* Earlier and later than any time that is stored (years 1 to 9999). */
#define TIME_BEFORE_MS INT64_C(-62135596800001)
#define TIME_BEYOND_MS INT64_C(253402300800000)
#define SLICE_ROWS     256

/* $1 key, $2 since, $3 until, $4 seen since, $5 not expired at, $6 to $8 cursor, $9 limit; $10 and on: what
 * is asked. */
#define PLACE "c.not_after, c.not_before, c.tbs_fp, c.issuer"
#define BOUNDS                                                                                               \
    " AND c.not_before >= $2 AND c.not_before < $3 AND c.first_seen >= $4 AND c.not_after >= $5 AND "        \
    "c.not_before <= $6"                                                                                     \
    " AND (c.not_before < $6 OR (c.tbs_fp, c.issuer) > ($7::bytea, $8::int4))"
#define NEWEST " ORDER BY c.not_before DESC, c.tbs_fp, c.issuer LIMIT $9"
#define THE_CERT(place)                                                                                      \
    " CROSS JOIN LATERAL (SELECT * FROM cert AS k WHERE k.not_after = " place                                \
    ".not_after AND k.tbs_fp = " place ".tbs_fp AND k.issuer = " place ".issuer OFFSET 0) AS c"
#define HITS(from, condition) "(SELECT " PLACE " FROM " from " WHERE " condition BOUNDS NEWEST ")"
/* OFFSET 0 and LATERAL: without them the planner reads all of cert for a domain with many rows. */
#define PAGE_OF(hits)                                                                                        \
    "WITH hit AS (" hits ") SELECT " CERTROW_COLUMNS ", l.name FROM (SELECT * FROM hit AS c" NEWEST          \
    ") AS h" THE_CERT("h") CERTROW_JOINS " LEFT JOIN log AS l ON l.id = c.log"                               \
                                         " ORDER BY c.not_before DESC, c.tbs_fp, c.issuer"

#define NAMED                                                                                                \
    "(position($10::text in ' ' || c.names || ' ') > 0 OR position($11::text in ' ' || c.names || ' ') > 0)"
#define FURTHER                                                                                              \
    "(SELECT c.not_after, a.not_before, a.tbs_fp, a.issuer FROM cert_apex AS a" THE_CERT(                    \
        "a") " WHERE a.apex8 = $1::int8 AND " NAMED BOUNDS                                                   \
             " ORDER BY a.not_before DESC, a.tbs_fp, a.issuer LIMIT $9)"

static const char domain_sql[] =
    PAGE_OF(HITS("cert AS c", "c.apex8 = $1::int8 AND " NAMED) " UNION " FURTHER);
static const char below_sql[] = PAGE_OF(HITS("cert AS c", "$1::int8 IS NOT NULL AND " NAMED));

#define BY_SPKI                                                                                              \
    "$1::int8 IS NOT NULL AND substring(c.spki_sha256 FOR 8) = substring($10::bytea FOR 8) AND "             \
    "c.spki_sha256 = $10"
#define BY_FP "$1::int8 IS NOT NULL AND c.tbs_fp = $10::bytea"
/* The first 8 bytes of SHA-256 lead to places in logs, these to the first 8 bytes of tbs_fp and the day of
 * not_after. */
#define FROM_SHA256                                                                                          \
    "(SELECT DISTINCT decode(lpad(to_hex(u.fp8), 16, '0'), 'hex') AS fp,"                                    \
    "  get_byte(t.info, (u.pos * 9 - 2)::int) * 256 + get_byte(t.info, (u.pos * 9 - 1)::int) AS day"         \
    "  FROM log_tile AS t CROSS JOIN LATERAL unnest(t.fp8, t.sha8) WITH ORDINALITY AS u (fp8, sha8, pos)"    \
    "  WHERE t.sha8 @> ARRAY[$1::int8] AND u.sha8 = $1 AND get_byte(t.info, (u.pos * 9 - 3)::int) <= 1) AS " \
    "f"                                                                                                      \
    " CROSS JOIN LATERAL (SELECT * FROM cert AS k WHERE k.tbs_fp >= f.fp"                                    \
    "  AND k.tbs_fp <= f.fp || decode(repeat('ff', 24), 'hex') OFFSET 0) AS c"
#define BY_SHA256                                                                                            \
    "$10::bytea IS NOT NULL AND"                                                                             \
    " least(greatest(floor(extract(epoch FROM c.not_after) / 86400), 0), 65535)::int = f.day"

static const char spki_sql[] = PAGE_OF(HITS("cert AS c", BY_SPKI));
static const char fp_sql[] = PAGE_OF(HITS("cert AS c", BY_FP));
static const char sha256_sql[] = PAGE_OF(HITS(FROM_SHA256, BY_SHA256));
static const char hash_sql[] = PAGE_OF(
    HITS("cert AS c", BY_SPKI) " UNION " HITS("cert AS c", BY_FP) " UNION " HITS(FROM_SHA256, BY_SHA256));
/* A serial may be longer than an index entry: its front finds, the whole decides. */
#define BY_SERIAL                                                                                            \
    "$1::int8 IS NOT NULL AND substring(c.serial FOR 15) IN (substring($10::bytea FOR 15),"                  \
    " substring($11::bytea FOR 15), substring($12::bytea FOR 15)) AND c.serial IN ($10, $11, $12)"
static const char serial_sql[] = PAGE_OF(HITS("cert AS c", BY_SERIAL));
static const char ip_sql[] = PAGE_OF(HITS("(SELECT DISTINCT q.not_after, q.tbs_fp, q.issuer FROM cert_ip AS "
                                          "q WHERE q.ip <<= $10::inet) AS q" THE_CERT("q"),
                                          "$1::int8 IS NOT NULL"));

/* The names a query looks for, in stored form between the spaces that part them. */
struct patterns {
    struct buf first;
    struct buf second;
};

static void patterns_init(struct patterns *patterns)
{
    buf_init(&patterns->first, 8 * DNS_TEXT_MAX);
    buf_init(&patterns->second, 8 * DNS_TEXT_MAX);
}

static void patterns_fini(struct patterns *patterns)
{
    buf_fini(&patterns->first);
    buf_fini(&patterns->second);
}

static void patterns_fill(struct patterns *patterns, const struct query *query)
{
    struct span name = span_str(query->text);
    const char *dot = strchr(query->text, '.');
    buf_byte(&patterns->first, ' ');
    dbkey_put_name(&patterns->first, name);
    buf_byte(&patterns->first, ' ');
    buf_byte(&patterns->second, ' ');
    if (query->kind == QUERY_HOST && dot != NULL) {
        dbkey_put_name(&patterns->second, span_str(dot + 1));
        buf_str(&patterns->second, ".* ");
    } else {
        dbkey_put_name(&patterns->second, name);
        buf_byte(&patterns->second, query->kind == QUERY_SUB ? '.' : ' ');
    }
}

/* Whether names below this one may be kept under keys of their own: then there is no index to ask. */
static enum err_code has_keys_below(struct pgconn *conn, const struct query *query, bool *has,
                                    struct err *why)
{
    PGresult *res;
    struct pgexec_args args = {0};
    *has = query->kind == QUERY_SUB && dns_is_public_suffix(span_str(query->text));
    if (*has || query->kind != QUERY_SUB)
        return ERR_OK;
    pgexec_text(&args, query->text);
    enum err_code code = pgexec_cached(
        conn, "SELECT position('.' || $1::text || E'\\n' in list) > 0 FROM psl ORDER BY version DESC LIMIT 1",
        &args, &res, why);
    if (code != ERR_OK)
        return code;
    *has = PQntuples(res) == 1 && pgexec_get_bool(res, 0, 0);
    PQclear(res);
    return ERR_OK;
}

static int64_t key_of(const struct query *query)
{
    switch (query->kind) {
    case QUERY_SUB:
    case QUERY_HOST:
    case QUERY_NAME: {
        struct span apex = dns_apex(span_str(query->text));
        return apex.len != 0 ? dbkey_apex8(apex) : 0;
    }
    case QUERY_SHA256:
    case QUERY_HASH:
        return dbkey_first8(query->bytes);
    default:
        return 0;
    }
}

static int64_t or_else(int64_t time_ms, int64_t otherwise)
{
    bool sane = time_ms > TIME_BEFORE_MS && time_ms < TIME_BEYOND_MS;
    return sane ? time_ms : otherwise;
}

static void put_bounds(struct pgexec_args *args, const struct query *query, uint32_t limit)
{
    static const uint8_t least[32];
    bool after = query->has_after;
    pgexec_int(args, key_of(query));
    pgexec_time(args, or_else(query->since_ms, TIME_BEFORE_MS));
    pgexec_time(args, or_else(query->until_ms, TIME_BEYOND_MS));
    pgexec_time(args, or_else(query->seen_since_ms, TIME_BEFORE_MS));
    pgexec_time(args, query->exclude_expired ? clock_wall_ms() : TIME_BEFORE_MS);
    pgexec_time(args, after ? query->after.not_before_ms : TIME_BEYOND_MS);
    pgexec_bytes(args, span_of(after ? query->after.tbs_fp : least, 32));
    pgexec_int(args, after ? query->after.issuer_id : 0);
    pgexec_int(args, (int64_t)limit + 1);
}

/* A serial number as it should be encoded, with a needless zero octet, and without the needed one (then the
 * certificate has a negative number, which its issuer did not mean). */
static enum err_code run_serial(struct pgconn *conn, const struct query *query, struct pgexec_args *args,
                                PGresult **res, struct err *why)
{
    uint8_t longer[QUERY_SERIAL_MAX + 1] = {0};
    struct span serial = span_of(query->bytes, query->len);
    bool zero_first = query->len > 1 && query->bytes[0] == 0;
    memcpy(longer + 1, query->bytes, query->len);
    pgexec_bytes(args, serial);
    pgexec_bytes(args, span_of(longer, query->len + 1));
    pgexec_bytes(args, zero_first ? span_part(serial, 1, serial.len) : serial);
    return pgexec_cached(conn, serial_sql, args, res, why);
}

static enum err_code run_named(struct pgconn *conn, const struct query *query, struct pgexec_args *args,
                               PGresult **res, struct err *why)
{
    struct patterns patterns;
    bool below = false;
    enum err_code code = has_keys_below(conn, query, &below, why);
    if (code != ERR_OK)
        return code;
    patterns_init(&patterns);
    patterns_fill(&patterns, query);
    pgexec_text(args, buf_text(&patterns.first));
    pgexec_text(args, buf_text(&patterns.second));
    if (buf_ok(&patterns.first) && buf_ok(&patterns.second))
        code = pgexec_cached(conn, below ? below_sql : domain_sql, args, res, why);
    else
        code = err_set(why, ERR_MEMORY, "search: no memory for a name");
    patterns_fini(&patterns);
    return code;
}

static enum err_code run_one(struct pgconn *conn, const struct query *query, struct pgexec_args *args,
                             PGresult **res, struct err *why)
{
    switch (query->kind) {
    case QUERY_SUB:
    case QUERY_HOST:
    case QUERY_NAME:
        return run_named(conn, query, args, res, why);
    case QUERY_SERIAL:
        return run_serial(conn, query, args, res, why);
    case QUERY_IP:
        pgexec_text(args, query->text);
        return pgexec_cached(conn, ip_sql, args, res, why);
    default:
        break;
    }
    pgexec_bytes(args, span_of(query->bytes, 32));
    return pgexec_cached(conn,
                         query->kind == QUERY_SPKI     ? spki_sql
                         : query->kind == QUERY_FP     ? fp_sql
                         : query->kind == QUERY_SHA256 ? sha256_sql
                                                       : hash_sql,
                         args, res, why);
}

static enum err_code run_bounded(struct pgconn *conn, const struct query *query, uint32_t limit,
                                 PGresult **res, struct err *why)
{
    struct pgexec_args args = {0};
    struct pgexec_args bound = {0};
    char wait_ms[16];
    *res = NULL;
    put_bounds(&args, query, limit);
    (void)snprintf(wait_ms, sizeof wait_ms, "%d", LIMIT_SEARCH_MS);
    pgexec_text(&bound, wait_ms);
    enum err_code code = pgexec_script(conn, "BEGIN READ ONLY", why);
    if (code == ERR_OK)
        code = pgexec_do(conn, "SELECT set_config('statement_timeout', $1, true)", &bound, NULL, why);
    if (code == ERR_OK)
        code = run_one(conn, query, &args, res, why);
    if (code == ERR_DB && strcmp(conn->sqlstate, "57014") == 0) {
        err_clear(why);
        code = err_set(
            why, ERR_TIMEOUT,
            "search: more than %d seconds of reading; ask for something narrower (a domain that is not a "
            "public suffix, --since, --until)",
            LIMIT_SEARCH_MS / 1000);
    }
    pgexec_rollback(conn);
    return code;
}

struct page {
    query_each *each;
    void *arg;
    struct arena arena;
    struct query_cursor last;
};

static enum err_code hand_over(struct page *page, const PGresult *res, int row,
                               const struct certrow_sightings *sightings, struct err *why)
{
    struct certrow cert;
    struct certrow_seen seen;
    arena_reset(&page->arena, 1u << 20);
    enum err_code code = certrow_get(res, row, 0, &page->arena, &cert, why);
    if (code == ERR_OK)
        code = certrow_sightings_of(sightings, &cert, &page->arena, &seen, why);
    if (code != ERR_OK)
        return code;
    struct query_row found = {
        .issuance = &cert.issuance,
        .issuer = cert.issuer_text,
        .first_seen_ms = cert.first_seen_ms,
        .log = pgexec_get_text(res, row, CERTROW_COLUMN_COUNT),
        .log_id = cert.log_id,
        .index = cert.index,
        .id = query_id(cert.log_id, cert.index),
        .sightings = seen.count,
        .unassigned = seen.unassigned,
    };
    for (size_t i = 0; i < seen.count; i++) {
        found.precert = found.precert || seen.at[i].form == ISSUANCE_PRECERT;
        found.final = found.final || seen.at[i].form == ISSUANCE_FINAL;
    }
    page->last = (struct query_cursor){.not_before_ms = cert.not_before_ms, .issuer_id = cert.issuer_id};
    memcpy(page->last.tbs_fp, cert.issuance.tbs_fp, 32);
    return page->each(page->arg, &found, why);
}

static enum err_code hand_over_slice(struct pgconn *conn, struct page *page, const PGresult *res, int begin,
                                     int end, struct err *why)
{
    int64_t fp8[SLICE_ROWS] = {0};
    struct certrow_sightings sightings;
    size_t count = 0;
    for (int row = begin; row < end; row++) {
        struct span fp = pgexec_get_bytes(res, row, CERTROW_COLUMN_FP);
        if (fp.len == 32)
            fp8[count++] = dbkey_first8(fp.at);
    }
    enum err_code code = certrow_sightings_load(conn, fp8, count, &sightings, why);
    if (code != ERR_OK)
        return code;
    for (int row = begin; code == ERR_OK && row < end; row++)
        code = hand_over(page, res, row, &sightings, why);
    certrow_sightings_free(&sightings);
    return code;
}

enum err_code query_run(struct pgconn *conn, const struct query *query, query_each *each, void *arg,
                        struct query_cursor *next, bool *more, struct err *why)
{
    PGresult *res = NULL;
    struct page page = {.each = each, .arg = arg};
    uint32_t limit = query->limit < LIMIT_SEARCH_ROWS ? query->limit : LIMIT_SEARCH_ROWS;
    *more = false;
    if (!arena_init(&page.arena, LIMIT_HISTORY_BYTES))
        return err_set(why, ERR_MEMORY, "search: no memory");
    enum err_code code = run_bounded(conn, query, limit, &res, why);
    int rows = code == ERR_OK ? PQntuples(res) : 0;
    *more = rows > (int)limit;
    if (*more)
        rows = (int)limit;
    for (int row = 0; code == ERR_OK && row < rows; row += SLICE_ROWS)
        code = hand_over_slice(conn, &page, res, row, row + SLICE_ROWS < rows ? row + SLICE_ROWS : rows, why);
    *next = page.last;
    PQclear(res);
    arena_fini(&page.arena);
    return code;
}

char *query_cursor_text(const struct query_cursor *cursor, char out[QUERY_CURSOR_MAX])
{
    char hex[65];
    (void)snprintf(out, QUERY_CURSOR_MAX, "%" PRId64 "_%s_%" PRId32, cursor->not_before_ms,
                   text_hex(span_of(cursor->tbs_fp, 32), hex), cursor->issuer_id);
    return out;
}

bool query_cursor_parse(const char *text, struct query_cursor *cursor)
{
    const char *first = strchr(text, '_');
    const char *second = first != NULL ? strchr(first + 1, '_') : NULL;
    int64_t issuer;
    if (second == NULL || second - first != 65 ||
        !text_int(span_of(text, (size_t)(first - text)), &cursor->not_before_ms) ||
        !text_unhex(span_of(first + 1, 64), cursor->tbs_fp, 32) || !text_int(span_str(second + 1), &issuer) ||
        issuer < INT32_MIN || issuer > INT32_MAX)
        return false;
    /* Outside of what the database's clock can say, it was never ours. */
    if (cursor->not_before_ms < -INT64_C(62135596800000) || cursor->not_before_ms > INT64_C(253402300800000))
        return false;
    cursor->issuer_id = (int32_t)issuer;
    return true;
}

int64_t query_id(int32_t log_id, uint64_t index)
{
    return (int64_t)((uint64_t)(uint32_t)log_id << 40 | (index & UINT64_C(0xffffffffff)));
}
