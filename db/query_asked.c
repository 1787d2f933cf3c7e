#include "db/query_asked.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/say.h"
#include "base/text.h"
#include "db/certrow.h"
#include "db/dbkey.h"
#include "db/others.h"

/* Earlier and later than any time that is stored (years 1 to 9999). */
#define TIME_BEFORE_MS  INT64_C(-62135596800001)
#define TIME_BEYOND_MS  INT64_C(253402300800000)
#define OID_INT4_ARRAY  1007
#define OID_INT4        23
#define OID_BYTEA       17
#define OID_BYTEA_ARRAY 1001
#define PIECE_MAX       (16 * QUERY_TEXT_MAX) /* every byte as \\xHH at worst, quoted */

/* Appends text as a regular expression that means just it. */
static void put_quoted(struct buf *out, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.at[i];
        bool word = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
                    (byte >= 'A' && byte <= 'Z') || byte >= 0x80;
        if (!word)
            buf_byte(out, '\\');
        buf_byte(out, byte);
    }
}

static void put_quoted_buf(struct buf *out, struct buf *text)
{
    put_quoted(out, buf_span(text));
    out->overflow = out->overflow || !buf_ok(text);
    buf_fini(text);
}

/* One word's stored form, quoted. */
static void put_word(struct buf *out, struct span text)
{
    struct buf stored;
    buf_init(&stored, 4 * QUERY_TEXT_MAX + 1);
    others_put_escaped(&stored, text);
    put_quoted_buf(out, &stored);
}

static void fill_name(struct query_asked *asked)
{
    const struct query *query = asked->query;
    struct span name = span_str(query->text);
    const char *dot = strchr(query->text, '.');
    struct buf *first = &asked->piece[0];
    struct buf *second = &asked->piece[1];
    buf_byte(first, ' ');
    dbkey_put_name(first, name);
    buf_byte(first, ' ');
    buf_byte(second, ' ');
    if (query->kind == QUERY_HOST && dot != NULL) {
        dbkey_put_name(second, span_str(dot + 1));
        buf_str(second, ".* ");
    } else {
        dbkey_put_name(second, name);
        buf_byte(second, query->kind == QUERY_SUB ? '.' : ' ');
    }
}

/* " com\.example(\.[^ ]+)?\.\* " */
static void fill_wildcard(struct query_asked *asked)
{
    struct buf stored;
    buf_init(&stored, PIECE_MAX);
    dbkey_put_name(&stored, span_str(asked->query->text));
    buf_byte(&asked->piece[0], ' ');
    put_quoted_buf(&asked->piece[0], &stored);
    buf_str(&asked->piece[0], "(\\.[^ ]+)?\\.\\* ");
}

static void key_of_text(struct query_asked *asked, const uint8_t *key, size_t len)
{
    asked->has_key = len != 0;
    asked->key = dbkey_apex8(span_of(key, len));
}

/* A regular expression over the words of the row. */
static void fill_words(struct query_asked *asked)
{
    const struct query *query = asked->query;
    struct buf *out = &asked->piece[0];
    struct span text = span_str(query->text);
    uint8_t key[OTHERS_KEY_MAX];
    uint8_t whole[QUERY_TEXT_MAX + 1];
    size_t len;
    for (size_t i = 0; i < text.len; i++)
        whole[i] = text.at[i] >= 'A' && text.at[i] <= 'Z' ? (uint8_t)(text.at[i] + 32) : text.at[i];
    struct span lower = span_of(whole, text.len);
    if (query->kind == QUERY_ORG) {
        len = others_text_key("org:", text, key);
        key_of_text(asked, key, len);
        buf_str(out, " (org|orgkey):");
        put_word(out, span_of(key + 4, len - 4));
        buf_byte(out, ' ');
        return;
    }
    bool email = query->kind == QUERY_EMAIL;
    struct span host = email ? others_email_host(text) : others_uri_host(text);
    bool all = host.len == 0;
    len = others_host_key(email ? "email:" : "uri:", all ? text : host, key);
    key_of_text(asked, key, len);
    asked->old_rows = all;
    buf_str(out, email ? " email:" : " uri:");
    if (all)
        buf_str(out, email ? "[^ ]*@" : "[^ ]*");
    put_word(out, lower);
    buf_str(out, all && !email ? "[^ ]* " : " ");
}

static void fill_cn(struct query_asked *asked)
{
    struct span text = span_str(asked->query->text);
    uint8_t key[OTHERS_KEY_MAX];
    char name[DNS_TEXT_MAX];
    size_t len = others_text_key("cn:", text, key);
    asked->other_key = dbkey_apex8(span_of(key, len));
    text_visible(&asked->piece[1], span_of(key + 3, len - 3));
    if (strlen(asked->query->text) >= DNS_TEXT_MAX)
        return;
    bool wildcard = strncmp(asked->query->text, "*.", 2) == 0;
    if (dns_from_user(asked->query->text + (wildcard ? 2 : 0), name, NULL) != ERR_OK)
        return;
    struct span apex = dns_apex(span_str(name));
    asked->has_key = apex.len != 0;
    asked->key = dbkey_apex8(apex);
    dbkey_put_name(&asked->piece[0], span_str(name));
    buf_str(&asked->piece[0], wildcard ? ".*" : "");
}

/* Names are kept with their labels in reverse order, so what goes across labels is looked for the other way
 * round: "b.c" is found in a.b.com as "(^|[. ])c[^. ]*\.[^. ]*b([. ]|$)". */
static void fill_text(struct query_asked *asked)
{
    const struct query *query = asked->query;
    char lower[QUERY_TEXT_MAX + 1];
    size_t end = strlen(query->text);
    size_t whole = end;
    for (size_t i = 0; i <= end; i++)
        lower[i] =
            query->text[i] >= 'A' && query->text[i] <= 'Z' ? (char)(query->text[i] + 32) : query->text[i];
    for (;;) {
        size_t begin = end;
        while (begin > 0 && lower[begin - 1] != '.')
            begin--;
        bool left = begin == 0 && end != whole;
        bool right = begin != 0 && end == whole;
        buf_str(&asked->piece[0], left ? "[^. ]*" : right ? "(^|[. ])" : "");
        put_word(&asked->piece[0], span_of(lower + begin, end - begin));
        buf_str(&asked->piece[0], left ? "([. ]|$)" : right ? "[^. ]*" : "");
        if (begin == 0)
            break;
        buf_str(&asked->piece[0], "\\.");
        end = begin - 1;
    }
    text_visible(&asked->piece[1], span_of(lower, whole));
    others_put_escaped(&asked->piece[2], span_of(lower, whole));
}

/* Whether names below this one may be kept under keys of their own: then there is no index to ask. */
static enum err_code has_keys_below(struct pgconn *conn, const struct query *query, bool *has,
                                    struct err *why)
{
    PGresult *res;
    struct pgexec_args args = {0};
    bool below = query->kind == QUERY_SUB || query->kind == QUERY_WILDCARD;
    *has = below && dns_is_public_suffix(span_str(query->text));
    if (*has || !below || !dns_may_have_suffix_below(span_str(query->text)))
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

static enum err_code ask_named(struct query_asked *asked, struct pgconn *conn, struct err *why)
{
    const struct query *query = asked->query;
    bool wildcard = query->kind == QUERY_WILDCARD;
    bool below = false;
    struct span apex = dns_apex(span_str(query->text));
    enum err_code code = has_keys_below(conn, query, &below, why);
    asked->has_key = true;
    asked->key = apex.len != 0 ? dbkey_apex8(apex) : 0;
    if (wildcard) {
        fill_wildcard(asked);
        asked->sql = below ? &query_sql_wildcard_below : &query_sql_wildcard;
    } else {
        fill_name(asked);
        asked->sql = below ? &query_sql_below : &query_sql_domain;
    }
    return code;
}

/* A serial number as it should be encoded, with a needless zero octet, and without the needed one (then the
 * certificate has a negative number, which its issuer did not mean). */
static void fill_serial(struct query_asked *asked)
{
    const struct query *query = asked->query;
    struct span serial = span_of(query->bytes, query->len);
    bool zero_first = query->len > 1 && query->bytes[0] == 0;
    buf_put(&asked->piece[0], serial);
    buf_byte(&asked->piece[1], 0);
    buf_put(&asked->piece[1], serial);
    buf_put(&asked->piece[2], zero_first ? span_part(serial, 1, serial.len) : serial);
}

static void fill_hash(struct query_asked *asked)
{
    const struct query *query = asked->query;
    asked->sql = query->kind == QUERY_SPKI     ? &query_sql_spki
                 : query->kind == QUERY_FP     ? &query_sql_fp
                 : query->kind == QUERY_SHA256 ? &query_sql_sha256
                                               : &query_sql_hash;
    asked->has_key = query->kind == QUERY_SHA256 || query->kind == QUERY_HASH;
    asked->key = dbkey_first8(query->bytes);
    buf_put(&asked->piece[0], span_of(query->bytes, 32));
}

/* Whether the column this kind is found by was written when the first rows came. */
static enum err_code since_when(struct query_asked *asked, struct pgconn *conn, struct err *why)
{
    PGresult *res;
    enum err_code code = pgexec_cached(conn, "SELECT since FROM search_since WHERE what = 'others'",
                                       &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    if (PQntuples(res) == 1)
        asked->since_ms = pgexec_get_time(res, 0, 0);
    PQclear(res);
    return ERR_OK;
}

static enum err_code put_issuers(struct query_asked *asked, const PGresult *res, struct err *why)
{
    int rows = PQntuples(res);
    asked->issuers_given = true;
    asked->issuer_count = (size_t)rows;
    if (rows > LIMIT_SEARCH_ISSUERS)
        return err_set(why, ERR_USAGE, "'%s' stands in the names of more than %d issuers; name one of them",
                       asked->query->issuer, LIMIT_SEARCH_ISSUERS);
    buf_u32(&asked->issuers, rows == 0 ? 0 : 1); /* dimensions */
    buf_u32(&asked->issuers, 0);                 /* no NULLs */
    buf_u32(&asked->issuers, OID_INT4);
    if (rows != 0) {
        buf_u32(&asked->issuers, (uint32_t)rows);
        buf_u32(&asked->issuers, 1);
    }
    for (int row = 0; row < rows; row++) {
        buf_u32(&asked->issuers, 4);
        buf_u32(&asked->issuers, (uint32_t)pgexec_get_int(res, row, 0));
    }
    return ERR_OK;
}

/* NULL where there are none. */
static void put_issuer_keys(struct pgexec_args *args, struct buf *array, const struct query *query)
{
    buf_init(array, 20 + 36 * query->issuer_key_count);
    buf_u32(array, 1); /* dimensions */
    buf_u32(array, 0); /* no NULLs */
    buf_u32(array, OID_BYTEA);
    buf_u32(array, (uint32_t)query->issuer_key_count);
    buf_u32(array, 1);
    for (size_t i = 0; i < query->issuer_key_count; i++) {
        buf_u32(array, 32);
        buf_put(array, span_of(query->issuer_keys[i], 32));
    }
    pgexec_binary(args, OID_BYTEA_ARRAY, query->issuer_key_count != 0 ? buf_span(array) : SPAN_NONE);
}

static enum err_code find_issuers(struct query_asked *asked, struct pgconn *conn, struct err *why)
{
    const char *typed = asked->query->issuer;
    struct pgexec_args args = {0};
    PGresult *res;
    struct buf keys;
    uint64_t id = 0;
    uint8_t spki[32];
    if (typed[0] == '\0')
        return ERR_OK;
    bool is_id = text_uint(span_str(typed), &id) && id <= INT32_MAX;
    bool is_spki = strlen(typed) == 64 && text_unhex(span_str(typed), spki, sizeof spki);
    pgexec_int(&args, is_id ? (int64_t)id : 0);
    pgexec_bytes(&args, is_spki ? span_of(spki, 32) : SPAN_NONE);
    pgexec_text(&args, is_id || is_spki || asked->query->issuer_by_key ? NULL : typed);
    pgexec_int(&args, LIMIT_SEARCH_ISSUERS + 1);
    put_issuer_keys(&args, &keys, asked->query);
    enum err_code code =
        !buf_ok(&keys) ? err_set(why, ERR_MEMORY, "search: no memory for the keys of issuers")
                       : pgexec_cached(conn,
                                       "SELECT id FROM issuer WHERE id = $1::int8 OR spki_sha256 = $2::bytea"
                                       " OR position(lower($3::text) in lower(dn_text)) > 0"
                                       " OR spki_sha256 = ANY ($5::bytea[]) ORDER BY id LIMIT $4::int8",
                                       &args, &res, why);
    buf_fini(&keys);
    if (code != ERR_OK)
        return code;
    code = put_issuers(asked, res, why);
    PQclear(res);
    return code;
}

static enum err_code ask(struct query_asked *asked, struct pgconn *conn, struct err *why)
{
    switch (asked->query->kind) {
    case QUERY_SUB:
    case QUERY_HOST:
    case QUERY_NAME:
    case QUERY_WILDCARD:
        return ask_named(asked, conn, why);
    case QUERY_SERIAL:
        asked->sql = &query_sql_serial;
        fill_serial(asked);
        return ERR_OK;
    case QUERY_IP:
        asked->sql = &query_sql_ip;
        buf_str(&asked->piece[0], asked->query->text);
        return ERR_OK;
    case QUERY_EMAIL:
    case QUERY_URI:
    case QUERY_ORG:
        asked->sql = &query_sql_others;
        fill_words(asked);
        return since_when(asked, conn, why);
    case QUERY_CN:
        asked->sql = &query_sql_cn;
        fill_cn(asked);
        return since_when(asked, conn, why);
    case QUERY_ISSUER:
        asked->sql = &query_sql_issuer;
        return ERR_OK;
    case QUERY_TEXT:
        asked->sql = &query_sql_text;
        fill_text(asked);
        return since_when(asked, conn, why);
    default:
        fill_hash(asked);
        return ERR_OK;
    }
}

enum err_code query_asked_init(struct query_asked *asked, struct pgconn *conn, const struct query *query,
                               struct err *why)
{
    *asked = (struct query_asked){.query = query, .since_ms = QUERY_NO_TIME};
    for (size_t i = 0; i < countof(asked->piece); i++)
        buf_init(&asked->piece[i], PIECE_MAX);
    buf_init(&asked->issuers, 20 + 8 * LIMIT_SEARCH_ISSUERS);
    enum err_code code = find_issuers(asked, conn, why);
    if (code == ERR_OK)
        code = ask(asked, conn, why);
    bool ok = buf_ok(&asked->issuers);
    for (size_t i = 0; i < countof(asked->piece); i++)
        ok = ok && buf_ok(&asked->piece[i]);
    for (size_t i = 0; i < countof(asked->piece); i++)
        asked->text[i] = buf_text(&asked->piece[i]);
    if (code == ERR_OK && !ok)
        code = err_set(why, ERR_MEMORY, "search: no memory for what is asked");
    return code;
}

bool query_asked_wants_places(const struct query_asked *asked)
{
    return !asked->query->brief || asked->query->form != QUERY_ANY_FORM;
}

bool query_asked_whole(const struct query_asked *asked, const struct pgconn *conn)
{
    return !conn->spread && asked->sql->whole != NULL && asked->query->limit < CERTROW_SET_MAX;
}

const char *query_asked_page(const struct query_asked *asked, const struct pgconn *conn)
{
    if (query_asked_whole(asked, conn))
        return asked->sql->whole;
    return conn->spread ? asked->sql->spread_page : asked->sql->page;
}

const char *query_asked_count(const struct query_asked *asked, const struct pgconn *conn)
{
    return conn->spread ? asked->sql->spread_count : asked->sql->count;
}

/* Every row that these give has the key. */
static bool is_keyed(const struct query_sql *sql)
{
    return sql == &query_sql_domain || sql == &query_sql_wildcard || sql == &query_sql_others;
}

const char *query_asked_rows(const struct query_asked *asked, const struct pgconn *conn, bool twins,
                             struct pgexec_args *args)
{
    if (!conn->spread)
        return twins ? query_sql_rows : query_sql_rows_brief;
    if (!is_keyed(asked->sql))
        return query_sql_rows_spread;
    pgexec_int(args, asked->key);
    return query_sql_rows_keyed;
}

void query_asked_fini(struct query_asked *asked)
{
    for (size_t i = 0; i < countof(asked->piece); i++)
        buf_fini(&asked->piece[i]);
    buf_fini(&asked->issuers);
}

static int64_t or_else(int64_t time_ms, int64_t otherwise)
{
    return time_ms != QUERY_NO_TIME ? time_ms : otherwise;
}

static void put_asked(const struct query_asked *asked, struct pgexec_args *args)
{
    size_t texts = 1;
    switch (asked->query->kind) {
    case QUERY_ISSUER:
        return;
    case QUERY_SERIAL:
        for (size_t i = 0; i < 3; i++)
            pgexec_bytes(args, buf_span(&asked->piece[i]));
        return;
    case QUERY_SHA256:
    case QUERY_HASH:
    case QUERY_FP:
    case QUERY_SPKI:
        pgexec_bytes(args, buf_span(&asked->piece[0]));
        return;
    case QUERY_TEXT:
        texts = 3;
        break;
    case QUERY_SUB:
    case QUERY_HOST:
    case QUERY_NAME:
    case QUERY_CN:
        texts = 2;
        break;
    default:
        break;
    }
    for (size_t i = 0; i < texts; i++)
        pgexec_text(args, asked->text[i]);
    if (asked->sql == &query_sql_others)
        pgexec_bool(args, asked->old_rows);
    if (asked->sql == &query_sql_cn)
        pgexec_int(args, asked->other_key);
}

void query_asked_args(const struct query_asked *asked, const struct query_bounds *bounds,
                      struct pgexec_args *args)
{
    static const uint8_t least[32];
    const struct query *query = asked->query;
    int64_t now = clock_wall_ms();
    *args = PGEXEC_NO_ARGS;
    pgexec_int(args, asked->key);
    if (!asked->has_key)
        args->values[0] = NULL;
    pgexec_time(args, or_else(bounds->since_ms, TIME_BEFORE_MS));
    pgexec_time(args, or_else(bounds->until_ms, TIME_BEYOND_MS));
    pgexec_time(args, or_else(query->seen_since_ms, TIME_BEFORE_MS));
    pgexec_time(args, query->exclude_expired && now > bounds->span_begin_ms ? now : bounds->span_begin_ms);
    pgexec_time(args, bounds->has_after ? bounds->after.not_before_ms : TIME_BEYOND_MS);
    pgexec_bytes(args, span_of(bounds->has_after ? bounds->after.tbs_fp : least, 32));
    pgexec_int(args, bounds->has_after ? bounds->after.issuer_id : 0);
    pgexec_int(args, bounds->limit);
    pgexec_time(args, query->expired && now < bounds->span_end_ms ? now : bounds->span_end_ms);
    pgexec_binary(args, OID_INT4_ARRAY, asked->issuers_given ? buf_span(&asked->issuers) : SPAN_NONE);
    put_asked(asked, args);
}

static const char *words(const char *sqlstate)
{
    static const struct {
        const char *head;
        const char *text;
    } rows[] = {
        {"42501",
         "the role that is connected may not read the certificates: connect as the one that made the "
         "schema, or give this one the right"},
        {"42", "the tables are not those of this program: run `ctvigil db migrate`"},
        {"3F", "the tables are not those of this program: run `ctvigil db migrate`"},
        {"53100", "the database's disk is full"},
        {"53", "the database is short of memory or of connections"},
        {"54", "what is asked is too complex for the database"},
        {"2201B", "what is asked is too complex for the database"},
        {"XX", "the database found damage in its own files; its log says more"},
    };
    for (size_t i = 0; i < countof(rows); i++) {
        if (strncmp(sqlstate, rows[i].head, strlen(rows[i].head)) == 0)
            return rows[i].text;
    }
    return "the database could not answer";
}

enum err_code query_asked_fail(const struct pgconn *conn, const struct query *query, enum err_code code,
                               struct err *why)
{
    bool of_server =
        code == ERR_DB || code == ERR_DB_SCHEMA || code == ERR_DB_DATA || code == ERR_DB_CONFLICT;
    if (!of_server || conn->sqlstate[0] == '\0')
        return code;
    say_debug("search", "the database said: %s", why != NULL ? why->text : "");
    err_clear(why);
    if (strcmp(conn->sqlstate, "57014") == 0 && conn->stop != NULL && atomic_load(conn->stop))
        return err_set(why, ERR_CLOSED, "search: interrupted; the database was told to stop, and did");
    if (strcmp(conn->sqlstate, "57014") == 0)
        return err_set(
            why, ERR_TIMEOUT,
            "search: more than %u seconds of reading; ask for something narrower (--since, --until, "
            "--issuer) or set db.query_timeout_s higher",
            (unsigned)(query->timeout_ms / 1000));
    return err_set(why, code, "search: %s (%s); more with say.level debug", words(conn->sqlstate),
                   conn->sqlstate);
}
