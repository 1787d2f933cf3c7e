#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/dns.h"
#include "base/limits.h"
#include "base/text.h"
#include "db/certalike.h"
#include "db/certrow.h"
#include "db/db_domain.h"
#include "db/db_history_size.h"
#include "db/db_load.h"
#include "db/dbkey.h"
#include "db/facts.h"
#include "db/historykeys.h"
#include "db/spread.h"
#include "model/cert.h"

#define PAGE_ROWS    128
#define CHUNK_ROWS   256             /* of several keys at once, as they were counted */
#define CHUNK_MOST   CERTROW_SET_MAX /* so many may have come meanwhile */
#define COUNTED_MOST 1000            /* of a key; one that has PAGE_ROWS is read alone */
/* Later than any not_before that is stored (9999-12-31 at the latest). */
#define TIME_BEYOND_MS INT64_C(253402300800000)

#define SELECT_CERT "SELECT " CERTROW_COLUMNS " FROM "
#define KEYSET                                                                                               \
    " AND c.not_before <= $2 AND (c.not_before < $2 OR (c.tbs_fp, c.issuer) > ($3::bytea, $4::int4))"
#define NEWEST_FIRST " ORDER BY c.not_before DESC, c.tbs_fp, c.issuer LIMIT $5"
#define IS_KNOWN     " = ANY ($6::int8[])"

#define NOT_BY_KEY                                                                                           \
    " AND NOT c.apex8" IS_KNOWN                                                                              \
    " AND NOT EXISTS (SELECT FROM cert_apex AS b WHERE b.not_after = c.not_after AND b.tbs_fp = c.tbs_fp"    \
    "  AND b.issuer = c.issuer AND b.apex8" IS_KNOWN ")"

/* By the key of the row itself. */
static const char own_sql[] =
    SELECT_CERT "cert AS c" CERTROW_JOINS " WHERE c.apex8 = $1::int8" KEYSET NEWEST_FIRST;

/* By a further key; not when the row has been found by another key of the list. */
static const char further_sql[] = SELECT_CERT
    "cert_apex AS a CROSS JOIN LATERAL (SELECT * FROM cert AS k WHERE k.not_after = a.not_after AND k.tbs_fp "
    "= a.tbs_fp"
    "  AND k.issuer = a.issuer OFFSET 0) AS c" CERTROW_JOINS
    " WHERE a.apex8 = $1::int8 AND a.not_before <= $2"
    " AND (a.not_before < $2 OR (a.tbs_fp, a.issuer) > ($3::bytea, $4::int4)) AND NOT c.apex8" IS_KNOWN
    " AND NOT EXISTS (SELECT FROM cert_apex AS b WHERE b.not_after = a.not_after AND b.tbs_fp = a.tbs_fp"
    "  AND b.issuer = a.issuer AND b.apex8 < a.apex8 AND b.apex8" IS_KNOWN
    ") ORDER BY a.not_before DESC, a.tbs_fp, a.issuer LIMIT $5";

/* Everything below a name under which others register domains of their own: there is no key for that. */
static const char below_sql[] =
    SELECT_CERT "cert AS c" CERTROW_JOINS
                " WHERE position($1::text in ' ' || c.names) > 0" KEYSET NOT_BY_KEY NEWEST_FIRST;

/* A watched IPv4 range also holds the addresses that a certificate spells as IPv6 (::ffff:192.0.2.7). */
static const char ip_sql[] = SELECT_CERT
    "(SELECT DISTINCT q.not_after, q.tbs_fp, q.issuer FROM cert_ip AS q WHERE q.ip <<= $1::inet"
    "  OR q.ip <<= (CASE WHEN family($1::inet) = 4 THEN ('::ffff:' || host($1::inet) || '/' || 96 + "
    "masklen($1::inet))::inet END)) AS q"
    " CROSS JOIN LATERAL (SELECT * FROM cert AS k WHERE k.not_after = q.not_after AND k.tbs_fp = q.tbs_fp"
    "  AND k.issuer = q.issuer OFFSET 0) AS c" CERTROW_JOINS " WHERE true" KEYSET NOT_BY_KEY NEWEST_FIRST;

/* By the key of the certificate. */
static const char spki_sql[] = SELECT_CERT
    "cert AS c" CERTROW_JOINS
    " WHERE substring(c.spki_sha256 FOR 8) = substring($1::bytea FOR 8) AND c.spki_sha256 = $1::bytea" KEYSET
        NOT_BY_KEY NEWEST_FIRST;
/* The same over a spread database. */
#define SPREAD_PAGE(table) "WITH c AS MATERIALIZED (SELECT " CERTROW_SPREAD("c", table) " FROM "
#define SPREAD_REST                                                                                          \
    ") SELECT " CERTROW_SPREAD_COLUMNS " FROM c" CERTROW_JOINS                                               \
    " ORDER BY c.not_before DESC, c.tbs_fp, c.issuer"
#define SPREAD_NOT_BY_KEY " AND NOT c.apex8" IS_KNOWN " AND NOT (c.keys IS NOT NULL AND c.keys && $6::int8[])"

static const char own_spread[] =
    SPREAD_PAGE("cert") "cert AS c WHERE c.apex8 = $1::int8" KEYSET NEWEST_FIRST SPREAD_REST;
static const char further_spread[] =
    SPREAD_PAGE("cert_apex") "cert_apex AS c WHERE c.apex8 = $1::int8" KEYSET " AND NOT c.keys[1]" IS_KNOWN
                             " AND NOT EXISTS (SELECT FROM unnest(c.keys) AS u (key)"
                             "  WHERE u.key < c.apex8 AND u.key" IS_KNOWN ")" NEWEST_FIRST SPREAD_REST;
static const char below_spread[] =
    SPREAD_PAGE("cert") "cert AS c WHERE position($1::text in ' ' || c.names) > 0" KEYSET SPREAD_NOT_BY_KEY
        NEWEST_FIRST SPREAD_REST;
static const char ip_spread[] = SPREAD_PAGE(
    "cert") "(SELECT DISTINCT q.not_after, q.tbs_fp, q.issuer, q.apex8 FROM cert_ip AS q WHERE q.ip <<= "
            "$1::inet"
            "  OR q.ip <<= (CASE WHEN family($1::inet) = 4 THEN ('::ffff:' || host($1::inet) || '/' || 96 + "
            "masklen($1::inet))::inet END)) AS q JOIN cert AS c ON c.apex8 = q.apex8 AND c.not_after = "
            "q.not_after"
            "  AND c.tbs_fp = q.tbs_fp AND c.issuer = q.issuer WHERE true" KEYSET SPREAD_NOT_BY_KEY
                NEWEST_FIRST SPREAD_REST;

static const char spki_spread[] =
    SPREAD_PAGE("cert") "cert AS c WHERE substring(c.spki_sha256 FOR 8) ="
                        " substring($1::bytea FOR 8) AND c.spki_sha256 = $1::bytea" KEYSET SPREAD_NOT_BY_KEY
                            NEWEST_FIRST SPREAD_REST;

/* The same for several keys that have few certificates each. */
#define IS_LISTED " = ANY ($2::int8[])"

static const char own_many_sql[] =
    SELECT_CERT "cert AS c" CERTROW_JOINS " WHERE c.apex8 = ANY ($1::int8[]) LIMIT $2::int8";
static const char further_many_sql[] = SELECT_CERT
    "cert_apex AS a CROSS JOIN LATERAL (SELECT * FROM cert AS k WHERE k.not_after = a.not_after AND k.tbs_fp "
    "= a.tbs_fp"
    "  AND k.issuer = a.issuer OFFSET 0) AS c" CERTROW_JOINS
    " WHERE a.apex8 = ANY ($1::int8[]) AND NOT c.apex8" IS_LISTED
    " AND NOT EXISTS (SELECT FROM cert_apex AS b WHERE b.not_after = a.not_after AND b.tbs_fp = a.tbs_fp"
    "  AND b.issuer = a.issuer AND b.apex8 < a.apex8 AND b.apex8" IS_LISTED ") LIMIT $3::int8";
static const char own_many_spread[] =
    SPREAD_PAGE("cert") "cert AS c WHERE c.apex8 = ANY ($1::int8[]) LIMIT $2::int8" SPREAD_REST;
static const char further_many_spread[] =
    SPREAD_PAGE("cert_apex") "cert_apex AS c WHERE c.apex8 = ANY ($1::int8[]) AND NOT c.keys[1]" IS_LISTED
                             " AND NOT EXISTS (SELECT FROM unnest(c.keys) AS u (key)"
                             "  WHERE u.key < c.apex8 AND u.key" IS_LISTED ") LIMIT $3::int8" SPREAD_REST;

/* Of which scan; each has a text for either kind of database. */
enum history_scan { OWN, FURTHER, BELOW, IP, SPKI, OWN_MANY, FURTHER_MANY };

static const char *const scans[][2] = {
    [OWN] = {own_sql, own_spread},
    [FURTHER] = {further_sql, further_spread},
    [BELOW] = {below_sql, below_spread},
    [IP] = {ip_sql, ip_spread},
    [SPKI] = {spki_sql, spki_spread},
    [OWN_MANY] = {own_many_sql, own_many_spread},
    [FURTHER_MANY] = {further_many_sql, further_many_spread},
};

typedef enum err_code history_each(void *arg, const struct issuance *issuance,
                                   const struct sighting *sightings, size_t count, struct err *why);

struct scan {
    struct pgconn *conn;
    struct arena arena;
    history_each *each;
    void *arg;
    struct historykeys keys;
    struct db_domain_history_place *place; /* where the next page begins */
    uint32_t part;                         /* of the parts of the whole: the one at hand */
    uint64_t pages;                        /* that were read by now */
};

static int digit(uint8_t c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The common name is stored in its visible form (base/text.h); this takes the escapes back. A name that is
 * stored as a name was never escaped. */
static bool plain_cn(struct arena *arena, struct issuance *issuance)
{
    struct span cn = issuance->subject_cn;
    size_t len = 0;
    if (cn.len == 0 || (issuance->name_count != 0 && cn.at == issuance->names[0].text.at))
        return true;
    uint8_t *out = arena_take(arena, cn.len, 1);
    if (out == NULL)
        return false;
    for (size_t at = 0; at < cn.len; at++) {
        bool escape = cn.at[at] == '\\' && at + 1 < cn.len;
        bool byte = escape && cn.at[at + 1] == 'x' && at + 3 < cn.len;
        out[len++] = byte     ? (uint8_t)(digit(cn.at[at + 2]) * 16 + digit(cn.at[at + 3]))
                     : escape ? cn.at[at + 1]
                              : cn.at[at];
        at += byte ? 3 : escape ? 1 : 0;
    }
    issuance->subject_cn = span_of(out, len);
    return true;
}

/* The leaf of a precertificate holds the key of its issuer, so one among the places proves what a log claimed
 * for the row. Places come by 64 bits: it has to be that of no other row. A row with the poison that is not
 * proven was first logged as a final certificate, which commits to nothing. Older versions gave such places
 * the form of precertificates, so of its further places nobody knows which is one. */
static bool is_committed(const struct certrow *cert, const struct certrow_seen *seen, bool alike)
{
    bool poisoned = (cert->issuance.cert_flags & CERT_POISON) != 0;
    for (size_t i = 0; cert->issuance.issuer_known && !alike && !poisoned && i < seen->count; i++) {
        bool own = seen->at[i].log_id == cert->log_id && seen->at[i].index == cert->index;
        if (seen->at[i].form == ISSUANCE_PRECERT && !own)
            return true;
    }
    return false;
}

/* Of which rows that is to be asked. */
static enum err_code ask_alike(struct scan *scan, const PGresult *res, bool alike[CERTROW_SET_MAX],
                               struct err *why)
{
    struct certalike_one ones[CERTROW_SET_MAX];
    int rows[CERTROW_SET_MAX];
    size_t count = 0;
    for (int row = 0; row < PQntuples(res); row++) {
        struct issuance issuance;
        struct span fp = pgexec_get_bytes(res, row, CERTROW_COLUMN_FP);
        facts_unpack(pgexec_get_int(res, row, CERTROW_COLUMN_FACTS), &issuance);
        alike[row] = false;
        if (!issuance.issuer_known || issuance.issuer_proven || fp.len != 32)
            continue;
        rows[count] = row;
        ones[count++] = (struct certalike_one){fp.at, pgexec_get_time(res, row, 0) / 1000, false};
    }
    enum err_code code = certalike_many(scan->conn, ones, count, why);
    for (size_t i = 0; i < count; i++)
        alike[rows[i]] = ones[i].any;
    return code;
}

static enum err_code hand_over(struct scan *scan, const PGresult *res,
                               const struct certrow_sightings *sightings, const bool *alike, struct err *why)
{
    enum err_code code = ERR_OK;
    for (int row = 0; code == ERR_OK && row < PQntuples(res); row++) {
        struct certrow cert;
        struct certrow_seen seen = {0};
        arena_reset(&scan->arena, 1u << 20);
        code = certrow_get(res, row, 0, &scan->arena, &cert, why);
        if (code == ERR_OK)
            code = certrow_sightings_of(sightings, &cert, &scan->arena, &seen, why);
        if (code == ERR_OK && !plain_cn(&scan->arena, &cert.issuance))
            code = err_set(why, ERR_MEMORY, "database: no room for a common name");
        /* A part of a hash is not a hash. */
        for (size_t i = 0; i < seen.count; i++)
            memset(seen.at[i].sha256, 0, sizeof seen.at[i].sha256);
        if (code == ERR_OK && !cert.issuance.issuer_proven)
            cert.issuance.issuer_proven = is_committed(&cert, &seen, alike[row]);
        if (code == ERR_OK)
            code = scan->each(scan->arg, &cert.issuance, seen.at, seen.count, why);
        scan->place->not_before_ms = cert.not_before_ms;
        memcpy(scan->place->tbs_fp, cert.issuance.tbs_fp, sizeof scan->place->tbs_fp);
        scan->place->issuer = cert.issuer_id;
    }
    return code;
}

static enum err_code page(struct scan *scan, const PGresult *res, struct err *why)
{
    int64_t fp8[CERTROW_SET_MAX] = {0};
    bool alike[CERTROW_SET_MAX];
    struct certrow_sightings sightings;
    size_t count = 0;
    must(PQntuples(res) <= CERTROW_SET_MAX);
    for (int row = 0; row < PQntuples(res); row++) {
        struct span fp = pgexec_get_bytes(res, row, CERTROW_COLUMN_FP);
        if (fp.len == 32)
            fp8[count++] = dbkey_first8(fp.at);
    }
    enum err_code code = certrow_sightings_load(scan->conn, fp8, count, &sightings, why);
    if (code != ERR_OK)
        return code;
    code = ask_alike(scan, res, alike, why);
    if (code == ERR_OK)
        code = hand_over(scan, res, &sightings, alike, why);
    certrow_sightings_free(&sightings);
    return code;
}

/* False: this part is done already, or all that is left waits for another time. */
static bool enter(struct scan *scan)
{
    struct db_domain_history_place *place = scan->place;
    uint32_t part = scan->part++;
    if (place->more || part < place->part)
        return false;
    if (part == place->part && place->begun)
        return true;
    place->part = part;
    place->begun = true;
    place->not_before_ms = TIME_BEYOND_MS;
    place->issuer = 0;
    memset(place->tbs_fp, 0, sizeof place->tbs_fp);
    return true;
}

/* Not before some progress: who comes late for one page comes late for all. */
static bool is_over(struct scan *scan)
{
    struct db_domain_history_place *place = scan->place;
    place->more = scan->pages != 0 && place->until_ms != 0 && clock_mono_ms() >= place->until_ms;
    return place->more;
}

/* Page by page and without an open transaction: what the caller does with a row may take its time and its own
 * transactions on the same connection. Rows stored meanwhile were matched by their writer. */
static enum err_code run(struct scan *scan, enum history_scan which, const struct pgexec_args *first,
                         struct err *why)
{
    const char *sql = scans[which][scan->conn->spread];
    struct db_domain_history_place *place = scan->place;
    enum err_code code = ERR_OK;
    int rows = PAGE_ROWS;
    if (!enter(scan))
        return ERR_OK;
    while (code == ERR_OK && rows == PAGE_ROWS && !is_over(scan)) {
        PGresult *res = NULL;
        struct pgexec_args args = *first;
        pgexec_time(&args, place->not_before_ms);
        pgexec_bytes(&args, span_of(place->tbs_fp, sizeof place->tbs_fp));
        pgexec_int(&args, place->issuer);
        pgexec_int(&args, PAGE_ROWS);
        struct buf known = {.len = 0};
        if (which != OWN)
            pgexec_int_array(&args, scan->keys.at, scan->keys.count, &known);
        code = buf_ok(&known) ? pgexec_cached(scan->conn, sql, &args, &res, why)
                              : err_set(why, ERR_MEMORY, "no memory");
        buf_fini(&known);
        if (code != ERR_OK)
            return code;
        rows = PQntuples(res);
        code = page(scan, res, why);
        scan->pages++;
        PQclear(res);
    }
    return code;
}

static enum err_code run_key(struct scan *scan, enum history_scan which, int64_t key, struct err *why)
{
    struct pgexec_args args = {0};
    pgexec_int(&args, key);
    return run(scan, which, &args, why);
}

static enum err_code run_keys(struct scan *scan, struct err *why)
{
    enum err_code code = ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < scan->keys.count; i++) {
        code = run_key(scan, OWN, scan->keys.at[i], why);
        if (code == ERR_OK)
            code = run_key(scan, FURTHER, scan->keys.at[i], why);
    }
    return code;
}

/* Keys that are read by one statement. */
struct chunk {
    int64_t keys[CHUNK_ROWS];
    size_t count;
    int64_t rows;
};

static enum err_code read_chunk(struct scan *scan, enum history_scan which, const struct chunk *chunk,
                                PGresult **res, struct err *why)
{
    struct pgexec_args args = {0};
    struct buf keys;
    struct buf known = {.len = 0};
    pgexec_int_array(&args, chunk->keys, chunk->count, &keys);
    if (which == FURTHER_MANY)
        pgexec_int_array(&args, scan->keys.at, scan->keys.count, &known);
    pgexec_int(&args, CHUNK_MOST);
    enum err_code code = buf_ok(&keys) && buf_ok(&known)
                             ? pgexec_cached(scan->conn, scans[which][scan->conn->spread], &args, res, why)
                             : err_set(why, ERR_MEMORY, "no memory");
    buf_fini(&keys);
    buf_fini(&known);
    return code;
}

/* What grew beyond its count is read a page at a time. */
static enum err_code run_chunk(struct scan *scan, enum history_scan which, struct chunk *chunk,
                               struct err *why)
{
    PGresult *res = NULL;
    enum err_code code = chunk->count == 0 ? ERR_OK : read_chunk(scan, which, chunk, &res, why);
    bool cut = res != NULL && PQntuples(res) == CHUNK_MOST;
    if (code == ERR_OK && res != NULL && !cut)
        code = page(scan, res, why);
    PQclear(res);
    for (size_t i = 0; code == ERR_OK && cut && i < chunk->count; i++)
        code = run_key(scan, which == OWN_MANY ? OWN : FURTHER, chunk->keys[i], why);
    *chunk = (struct chunk){.count = 0};
    return code;
}

/* `which`: OWN or FURTHER, of those keys that have something. */
static enum err_code run_counted(struct scan *scan, enum history_scan which,
                                 const struct db_history_size *size, struct err *why)
{
    enum history_scan many = which == OWN ? OWN_MANY : FURTHER_MANY;
    struct chunk chunk = {.count = 0};
    enum err_code code = ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < scan->keys.count; i++) {
        const struct db_history_key *key = db_history_size_find(size, scan->keys.at[i]);
        int64_t rows = key == NULL ? 0 : which == OWN ? key->own : key->further;
        if (rows >= PAGE_ROWS)
            code = run_key(scan, which, key->key, why);
        if (rows == 0 || rows >= PAGE_ROWS)
            continue;
        if (chunk.rows + rows > CHUNK_ROWS)
            code = run_chunk(scan, many, &chunk, why);
        chunk.keys[chunk.count++] = key->key;
        chunk.rows += rows;
    }
    return code == ERR_OK ? run_chunk(scan, many, &chunk, why) : code;
}

static enum err_code run_below(struct scan *scan, const char *name, struct err *why)
{
    struct buf text;
    bool has;
    enum err_code code = db_history_size_below(scan->conn, name, &has, why);
    if (code != ERR_OK || !has)
        return code;
    struct pgexec_args args = {0};
    buf_init(&text, 8 * DNS_TEXT_MAX);
    buf_byte(&text, ' ');
    dbkey_put_name(&text, span_str(name));
    buf_byte(&text, '.');
    pgexec_text(&args, buf_text(&text));
    code = run(scan, BELOW, &args, why);
    buf_fini(&text);
    return code;
}

static enum err_code run_ip(struct scan *scan, const struct watch_item *watch, struct err *why)
{
    char net[INET6_ADDRSTRLEN + 8];
    char address[INET6_ADDRSTRLEN];
    struct pgexec_args args = {0};
    if (inet_ntop(watch->ip_len == 4 ? AF_INET : AF_INET6, watch->ip, address, sizeof address) == NULL)
        return err_set(why, ERR_USAGE, "domain %s: not an address", watch->name);
    (void)snprintf(net, sizeof net, "%s/%u", address, watch->ip_prefix);
    pgexec_text(&args, net);
    return run(scan, IP, &args, why);
}

static enum err_code run_item(struct scan *scan, const struct watch_item *item, struct err *why)
{
    uint8_t spki[32];
    struct pgexec_args args = {0};
    if (item->kind == WATCH_IP)
        return run_ip(scan, item, why);
    if (item->kind == WATCH_DNS && !item->exact)
        return run_below(scan, item->name, why);
    if (item->kind != WATCH_SPKI)
        return ERR_OK;
    if (strlen(item->name) != 5 + 64 || !text_unhex(span_str(item->name + 5), spki, sizeof spki))
        return err_set(why, ERR_USAGE, "domain %s: not a key", item->name);
    pgexec_bytes(&args, span_of(spki, sizeof spki));
    return run(scan, SPKI, &args, why);
}

static enum err_code run_items(struct scan *scan, const struct watch *watch, struct err *why)
{
    enum err_code code = ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < watch_item_count(watch); i++)
        code = run_item(scan, watch_item(watch, i), why);
    return code;
}

static enum err_code scan_init(struct scan *scan, const struct watch *watch, struct err *why)
{
    if (!historykeys_init(&scan->keys, watch, 1) || !arena_init(&scan->arena, LIMIT_HISTORY_BYTES)) {
        historykeys_fini(&scan->keys);
        return err_set(why, ERR_MEMORY, "domain %s: no memory for the history scan", watch->name);
    }
    historykeys_add_special(&scan->keys);
    return ERR_OK;
}

static void scan_fini(struct scan *scan)
{
    arena_fini(&scan->arena);
    historykeys_fini(&scan->keys);
}

/* All keys and items, one part after the other, in the same order for the same watch. */
enum err_code db_domain_history_from(struct pgconn *conn, const struct watch *watch,
                                     struct db_domain_history_place *place, history_each *each, void *arg,
                                     const atomic_bool *stop, struct err *why)
{
    struct scan scan = {.conn = conn, .each = each, .arg = arg, .place = place};
    struct err left = {0};
    place->more = false;
    /* What a backfill put down before this domain was known is in no index yet, and nobody else looks there.
     */
    enum err_code code = db_load_settle_most(conn, stop, &left, why);
    if (code == ERR_OK)
        code = spread_settle(conn, why);
    if (code == ERR_OK)
        code = scan_init(&scan, watch, why);
    if (code != ERR_OK)
        return code;
    /* No place is one to go on from: what is missing belongs in front of it, too. */
    if (left.code != ERR_OK)
        place->until_ms = 0;
    historykeys_add_watch(&scan.keys, watch);
    code = run_keys(&scan, why);
    if (code == ERR_OK)
        code = run_items(&scan, watch, why);
    scan_fini(&scan);
    return code == ERR_OK ? db_load_left(&left, why) : code;
}

/* Keys that have nothing are in nobody's way. */
static void leave_empty_out(struct historykeys *keys, const struct db_history_size *size)
{
    size_t kept = 0;
    for (size_t i = 0; i < keys->count; i++)
        if (db_history_size_find(size, keys->at[i]) != NULL)
            keys->at[kept++] = keys->at[i];
    keys->count = kept;
}

enum err_code db_domain_history_counted(struct pgconn *conn, const struct watch *watch,
                                        const struct db_history_size *size, history_each *each, void *arg,
                                        struct err *why)
{
    struct db_domain_history_place whole = {.part = 0};
    struct scan scan = {.conn = conn, .each = each, .arg = arg, .place = &whole};
    enum err_code code = scan_init(&scan, watch, why);
    if (code != ERR_OK)
        return code;
    historykeys_add_watch(&scan.keys, watch);
    leave_empty_out(&scan.keys, size);
    code = run_counted(&scan, OWN, size, why);
    if (code == ERR_OK)
        code = run_counted(&scan, FURTHER, size, why);
    if (code == ERR_OK)
        code = run_items(&scan, watch, why);
    scan_fini(&scan);
    return code == ERR_OK ? db_load_left(&size->left, why) : code;
}

enum err_code db_domain_history(struct pgconn *conn, const struct watch *watch, history_each *each, void *arg,
                                const atomic_bool *stop, struct err *why)
{
    struct db_history_size size;
    enum err_code code = db_history_size_load(conn, watch, 1, COUNTED_MOST, stop, &size, why);
    if (code == ERR_OK)
        code = db_domain_history_counted(conn, watch, &size, each, arg, why);
    db_history_size_free(&size);
    return code;
}
