#include "db/placebad.h"

#include "base/limits.h"
#include "db/placeset.h"

static enum err_code note(struct pgconn *conn, const struct placebad *at, size_t keys, size_t places,
                          struct err *why)
{
    static const char sql[] =
        "INSERT INTO place_bad (kind, level, bucket, what) VALUES ($1, $2, $3,"
        " format('%s bytes of keys and %s of places that are no block', $4::int8, $5::int8))"
        " ON CONFLICT (kind, level, bucket) DO UPDATE SET what = excluded.what, found_at = now(), next_log = "
        "0,"
        " next_tile = 0";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    pgexec_int(&args, at->kind);
    pgexec_int(&args, at->level);
    pgexec_int(&args, at->bucket);
    pgexec_int(&args, (int64_t)keys);
    pgexec_int(&args, (int64_t)places);
    enum err_code code = pgexec_cached(conn, sql, &args, &res, why);
    PQclear(res);
    return code;
}

static bool is_bucket(const struct placebad *row)
{
    return row->kind >= 0 && row->kind < PLACESET_KINDS && row->level >= 0 && row->level < PLACESET_LEVELS &&
           row->bucket >= 0 && row->bucket < (int64_t)1 << (PLACESET_BITS * row->level);
}

/* Most keys are of other buckets: the row says the wrong one, or the wrong level. The narrowest one that all
 * of them are of. */
static bool is_astray(const struct placebad *row, struct span keys, struct placebad *where)
{
    int64_t key[LIMIT_PLACE_BLOCK];
    size_t count = placeset_keys(keys, key);
    size_t out = 0;
    *where = (struct placebad){.kind = row->kind, .level = PLACESET_LEVELS - 1};
    for (size_t i = 0; i < count; i++) {
        out += (int64_t)placeset_bucket(key[i], (unsigned)row->level) != row->bucket;
        while (placeset_bucket(key[i], (unsigned)where->level) !=
               placeset_bucket(key[0], (unsigned)where->level))
            where->level--;
    }
    where->bucket = count == 0 ? 0 : (int64_t)placeset_bucket(key[0], (unsigned)where->level);
    return out > count / 2;
}

enum err_code placebad_note(struct pgconn *conn, const struct placebad *row, struct span keys,
                            struct span places, struct err *why)
{
    struct placebad where = {0};
    if (is_bucket(row)) {
        enum err_code code = note(conn, row, keys.len, places.len, why);
        return code == ERR_OK && is_astray(row, keys, &where) ? note(conn, &where, keys.len, places.len, why)
                                                              : code;
    }
    bool kind = row->kind >= 0 && row->kind < PLACESET_KINDS;
    where.kind = kind ? row->kind : 0;
    enum err_code code = note(conn, &where, keys.len, places.len, why);
    where.kind = 1;
    return code == ERR_OK && !kind ? note(conn, &where, keys.len, places.len, why) : code;
}
