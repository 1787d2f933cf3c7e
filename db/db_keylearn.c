#include "db/db_keylearn.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/text.h"
#include "db/pgexec.h"

#define HEX_BYTES 65

void db_keylearn_begin(struct watch *watch, int64_t now)
{
    for (size_t i = 0; i < watch->key_learned.count; i++)
        free(watch->key_learned.at[i].label);
    watch->key_learned.count = 0;
    watch->learning.until = now + watch->learning.days * 86400;
    watch->learning.over = false;
}

bool db_keylearn_carry(const struct watch *old, struct watch *watch, int64_t now)
{
    bool ok = true;
    if (watch->learning.days == 0 || watch->learning.until != 0)
        return true;
    bool learns = old != NULL && old->learning.days != 0;
    bool said = watch->key_learned.count != 0;
    if (learns && old->learning.days == watch->learning.days && old->learning.until != 0)
        watch->learning = old->learning;
    else
        watch->learning.until = now + watch->learning.days * 86400;
    for (size_t i = 0; ok && learns && !said && i < old->key_learned.count; i++)
        ok = watch_hashes_add(&watch->key_learned, old->key_learned.at[i].spki_sha256,
                              old->key_learned.at[i].label);
    return ok;
}

static const char due_sql[] =
    "SELECT id, name FROM domain WHERE policy #> '{keys,learn,days}' IS NOT NULL"
    " AND policy #> '{keys,learn,over}' IS NULL AND (policy #>> '{keys,learn,until}' IS NULL"
    " OR (policy #>> '{keys,learn,until}')::timestamptz <= now() - $1::int8 * interval '1 second')"
    " ORDER BY name, id LIMIT $2";

enum err_code db_keylearn_due(struct pgconn *conn, int64_t grace_s, size_t most, struct watch **watches,
                              size_t *count, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    *watches = NULL;
    *count = 0;
    pgexec_int(&args, grace_s);
    pgexec_int(&args, (int64_t)most);
    enum err_code code = pgexec_run(conn, due_sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    *watches = calloc((size_t)PQntuples(res) + 1, sizeof **watches);
    must(*watches != NULL);
    for (int row = 0; row < PQntuples(res); row++) {
        struct watch *watch = &(*watches)[(*count)++];
        watch->id = pgexec_get_int(res, row, 0);
        watch->name = strdup(pgexec_get_text(res, row, 1));
        must(watch->name != NULL);
    }
    PQclear(res);
    return ERR_OK;
}

static const char alerted_sql[] =
    "SELECT DISTINCT a.issuance->>'spki_sha256' FROM alert AS a WHERE a.domain = $1 AND a.state <> 'closed'"
    " AND a.severity <> 'info' AND (a.dedup IS NULL OR a.dedup NOT LIKE 'expiry:%')"
    " AND a.issuance->>'spki_sha256' = ANY ($2::text::text[])";

static void mark(const PGresult *res, const uint8_t *keys, size_t count, bool *hit)
{
    for (int row = 0; row < PQntuples(res); row++) {
        uint8_t key[32];
        const char *hex = pgexec_get_text(res, row, 0);
        if (strlen(hex) != 64 || !text_unhex(span_str(hex), key, sizeof key))
            continue;
        for (size_t i = 0; i < count; i++)
            hit[i] = hit[i] || memcmp(keys + 32 * i, key, 32) == 0;
    }
}

enum err_code db_keylearn_alerted(struct pgconn *conn, int64_t domain_id, const uint8_t *keys, size_t count,
                                  bool *hit, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    struct buf list;
    char hex[HEX_BYTES];
    memset(hit, 0, count * sizeof *hit);
    buf_init(&list, (count + 1) * HEX_BYTES + 3);
    for (size_t i = 0; i < count; i++)
        buf_fmt(&list, "%c%s", i == 0 ? '{' : ',', text_hex(span_of(keys + 32 * i, 32), hex));
    buf_str(&list, count == 0 ? "{}" : "}");
    must(buf_ok(&list));
    pgexec_int(&args, domain_id);
    pgexec_text(&args, buf_text(&list));
    enum err_code code = pgexec_run(conn, alerted_sql, &args, &res, why);
    if (code == ERR_OK)
        mark(res, keys, count, hit);
    PQclear(res);
    buf_fini(&list);
    return code;
}
