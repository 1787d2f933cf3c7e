#include "db/db_history_size.h"

#include <stdlib.h>

#include "base/dns.h"
#include "db/db_load.h"
#include "db/historykeys.h"
#include "db/pgexec.h"
#include "db/spread.h"

#define ROWS_MOST 16384 /* of one look at the keys; what has more is counted key by key */
#define LOOKS     3

enum table { OWN, FURTHER, TABLES };

/* One walk through each index for all keys: of a million names nearly all have nothing, or little. */
static const char *const rows_sql[TABLES] = {
    "SELECT c.apex8 FROM cert AS c WHERE c.apex8 = ANY ($1::int8[]) LIMIT $2::int8",
    "SELECT a.apex8 FROM cert_apex AS a WHERE a.apex8 = ANY ($1::int8[]) LIMIT $2::int8",
};
/* A key of many certificates is not counted to its end, but on a cluster, where that is one index. */
static const char *const count_sql[TABLES] = {
    "SELECT u.key, n.n FROM unnest($1::int8[]) AS u (key) CROSS JOIN LATERAL (SELECT count(*) AS n FROM"
    " (SELECT FROM cert AS c WHERE c.apex8 = u.key LIMIT $2::int8) AS few) AS n WHERE n.n <> 0",
    "SELECT u.key, n.n FROM unnest($1::int8[]) AS u (key) CROSS JOIN LATERAL (SELECT count(*) AS n FROM"
    " (SELECT FROM cert_apex AS a WHERE a.apex8 = u.key LIMIT $2::int8) AS few) AS n WHERE n.n <> 0",
};
static const char *const count_spread[TABLES] = {
    "SELECT c.apex8, least(count(*), $2::int8) FROM cert AS c WHERE c.apex8 = ANY ($1::int8[])"
    " GROUP BY c.apex8",
    "SELECT a.apex8, least(count(*), $2::int8) FROM cert_apex AS a WHERE a.apex8 = ANY ($1::int8[])"
    " GROUP BY a.apex8",
};

/* The keys that are left to be counted, and those that were and have something. */
struct tally {
    struct pgconn *conn;
    enum table table;
    int64_t most;
    int64_t *keys; /* sorted */
    size_t key_count;
    struct db_history_key *found; /* room for all keys; sorted at the end */
    size_t found_count;
};

enum err_code db_history_size_below(struct pgconn *conn, const char *name, bool *has, struct err *why)
{
    PGresult *res;
    struct pgexec_args args = {0};
    *has = dns_is_public_suffix(span_str(name));
    if (*has || !dns_may_have_suffix_below(span_str(name)))
        return ERR_OK;
    pgexec_text(&args, name);
    enum err_code code = pgexec_cached(
        conn, "SELECT position('.' || $1::text || E'\\n' in list) > 0 FROM psl ORDER BY version DESC LIMIT 1",
        &args, &res, why);
    if (code != ERR_OK)
        return code;
    *has = PQntuples(res) == 1 && pgexec_get_bool(res, 0, 0);
    PQclear(res);
    return ERR_OK;
}

static int by_number(const void *left, const void *right)
{
    const int64_t *a = left;
    const int64_t *b = right;
    return *a < *b ? -1 : *a > *b;
}

static int by_key(const void *left, const void *right)
{
    const struct db_history_key *a = left;
    const struct db_history_key *b = right;
    return a->key < b->key ? -1 : a->key > b->key;
}

static void put(struct tally *tally, int64_t key, int64_t rows)
{
    struct db_history_key *found = &tally->found[tally->found_count++];
    int64_t counted = rows < tally->most ? rows : tally->most;
    *found = (struct db_history_key){key, tally->table == OWN ? counted : 0,
                                     tally->table == FURTHER ? counted : 0};
}

static enum err_code ask(struct tally *tally, const char *sql, const int64_t *keys, size_t count,
                         int64_t most, PGresult **res, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    struct buf array;
    pgexec_int_array(&args, keys, count, &array);
    pgexec_int(&args, most);
    enum err_code code = buf_ok(&array) ? pgexec_cached(tally->conn, sql, &args, res, why)
                                        : err_set(why, ERR_MEMORY, "domains: no memory for their keys");
    buf_fini(&array);
    return code;
}

static enum err_code count_each(struct tally *tally, const int64_t *keys, size_t count, struct err *why)
{
    const char *sql = (tally->conn->spread ? count_spread : count_sql)[tally->table];
    PGresult *res = NULL;
    enum err_code code = count == 0 ? ERR_OK : ask(tally, sql, keys, count, tally->most, &res, why);
    for (int i = 0; code == ERR_OK && i < PQntuples(res); i++)
        put(tally, pgexec_get_int(res, i, 0), pgexec_get_int(res, i, 1));
    PQclear(res);
    return code;
}

/* Takes the keys that were met out of those that are left; all rows are known of them, or (`cut`) some. */
static enum err_code take_met(struct tally *tally, const int64_t *rows, size_t count, bool cut,
                              struct err *why)
{
    int64_t *met = calloc(tally->key_count + 1, sizeof *met);
    size_t met_count = 0;
    size_t kept = 0;
    size_t at = 0;
    if (met == NULL)
        return err_set(why, ERR_MEMORY, "domains: no memory for their keys");
    for (size_t i = 0; i < tally->key_count; i++) {
        int64_t key = tally->keys[i];
        size_t begin = at;
        while (at < count && rows[at] == key)
            at++;
        if (at == begin)
            tally->keys[kept++] = key;
        else if (cut)
            met[met_count++] = key;
        else
            put(tally, key, (int64_t)(at - begin));
    }
    tally->key_count = cut ? kept : 0;
    enum err_code code = count_each(tally, met, met_count, why);
    free(met);
    return code;
}

static enum err_code look(struct tally *tally, struct err *why)
{
    PGresult *res = NULL;
    enum err_code code =
        ask(tally, rows_sql[tally->table], tally->keys, tally->key_count, ROWS_MOST, &res, why);
    if (code != ERR_OK)
        return code;
    size_t count = (size_t)PQntuples(res);
    int64_t *rows = calloc(count + 1, sizeof *rows);
    for (size_t i = 0; rows != NULL && i < count; i++)
        rows[i] = pgexec_get_int(res, (int)i, 0);
    PQclear(res);
    if (rows == NULL)
        return err_set(why, ERR_MEMORY, "domains: no memory for their keys");
    qsort(rows, count, sizeof *rows, by_number);
    code = take_met(tally, rows, count, count == ROWS_MOST, why);
    free(rows);
    return code;
}

/* Both are sorted. */
static bool merge(const struct tally *own, const struct tally *further, struct db_history_size *size)
{
    size_t a = 0;
    size_t b = 0;
    size->at = calloc(own->found_count + further->found_count + 1, sizeof *size->at);
    if (size->at == NULL)
        return false;
    while (a < own->found_count || b < further->found_count) {
        int64_t left = a < own->found_count ? own->found[a].key : INT64_MAX;
        int64_t right = b < further->found_count ? further->found[b].key : INT64_MAX;
        struct db_history_key *key = &size->at[size->count++];
        key->key = left < right ? left : right;
        if (a < own->found_count && left == key->key)
            key->own = own->found[a++].own;
        if (b < further->found_count && right == key->key)
            key->further = further->found[b++].further;
    }
    return true;
}

static enum err_code count_table(struct tally *tally, const struct historykeys *keys, struct err *why)
{
    enum err_code code = ERR_OK;
    tally->keys = calloc(keys->count + 1, sizeof *tally->keys);
    tally->found = calloc(keys->count + 1, sizeof *tally->found);
    if (tally->keys == NULL || tally->found == NULL)
        return err_set(why, ERR_MEMORY, "domains: no memory for their keys");
    tally->key_count = keys->count;
    memcpy(tally->keys, keys->at, keys->count * sizeof *tally->keys);
    qsort(tally->keys, tally->key_count, sizeof *tally->keys, by_number);
    for (int i = 0; code == ERR_OK && i < LOOKS && tally->key_count != 0 && !tally->conn->spread; i++)
        code = look(tally, why);
    if (code == ERR_OK)
        code = count_each(tally, tally->keys, tally->key_count, why);
    qsort(tally->found, tally->found_count, sizeof *tally->found, by_key);
    return code;
}

static enum err_code count_keys(struct pgconn *conn, const struct historykeys *keys, int64_t most,
                                struct db_history_size *size, struct err *why)
{
    struct tally tallies[TABLES];
    enum err_code code = ERR_OK;
    for (int i = 0; i < TABLES; i++) {
        tallies[i] = (struct tally){.conn = conn, .table = (enum table)i, .most = most};
        if (code == ERR_OK)
            code = count_table(&tallies[i], keys, why);
    }
    if (code == ERR_OK && !merge(&tallies[OWN], &tallies[FURTHER], size))
        code = err_set(why, ERR_MEMORY, "domains: no memory for the sizes of their histories");
    for (int i = 0; i < TABLES; i++) {
        free(tallies[i].keys);
        free(tallies[i].found);
    }
    return code;
}

enum err_code db_history_size_load(struct pgconn *conn, const struct watch *watches, size_t count,
                                   int64_t most, const atomic_bool *stop, struct db_history_size *size,
                                   struct err *why)
{
    struct historykeys keys;
    *size = (struct db_history_size){.count = 0};
    /* What a backfill put down before a domain was known is in no index yet, and nobody else looks there. */
    enum err_code code = db_load_settle_most(conn, stop, &size->left, why);
    if (code == ERR_OK)
        code = spread_settle(conn, why);
    if (code != ERR_OK)
        return code;
    if (!historykeys_init(&keys, watches, count))
        return err_set(why, ERR_MEMORY, "domains: no memory for their keys");
    historykeys_add_special(&keys);
    for (size_t i = 0; i < count; i++)
        historykeys_add_watch(&keys, &watches[i]);
    code = count_keys(conn, &keys, most, size, why);
    historykeys_fini(&keys);
    return code;
}

void db_history_size_free(struct db_history_size *size)
{
    free(size->at);
    *size = (struct db_history_size){.count = 0};
}

const struct db_history_key *db_history_size_find(const struct db_history_size *size, int64_t key)
{
    const struct db_history_key wanted = {.key = key};
    return size->count == 0 ? NULL : bsearch(&wanted, size->at, size->count, sizeof wanted, by_key);
}

enum err_code db_history_size_of(struct pgconn *conn, const struct db_history_size *size,
                                 const struct watch *watch, int64_t most, int64_t *rows, struct err *why)
{
    struct historykeys keys;
    enum err_code code = ERR_OK;
    *rows = 0;
    if (!historykeys_init(&keys, watch, 1))
        return err_set(why, ERR_MEMORY, "domain %s: no memory for its keys", watch->name);
    historykeys_add_watch(&keys, watch);
    for (size_t i = 0; i < keys.count; i++) {
        const struct db_history_key *key = db_history_size_find(size, keys.at[i]);
        *rows += key == NULL ? 0 : key->own + key->further;
    }
    historykeys_fini(&keys);
    for (size_t i = 0; code == ERR_OK && i < watch_item_count(watch); i++) {
        const struct watch_item *item = watch_item(watch, i);
        bool has = false;
        if (item->kind == WATCH_DNS && !item->exact)
            code = db_history_size_below(conn, item->name, &has, why);
        *rows += has ? most : 0;
    }
    return code;
}
