#include "db/db_known.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "db/copy.h"
#include "db/pgexec.h"

enum err_code db_known_begin(struct pgconn *conn, struct err *why)
{
    return pgexec_begin(conn, why);
}

enum err_code db_known_end(struct pgconn *conn, enum err_code code, struct err *why)
{
    if (code == ERR_OK)
        code = pgexec_commit(conn, why);
    if (code != ERR_OK)
        pgexec_rollback(conn);
    return code;
}

static const char put_sql[] =
    "INSERT INTO unverified_cert AS u (source, ref, serial, names, issuer, issuer_spki, spki_sha256, tbs_fp,"
    " key_type, not_before, not_after, accepted) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
    " ON CONFLICT (source, ref) DO UPDATE SET names = ARRAY(SELECT DISTINCT n FROM"
    "  unnest(u.names || EXCLUDED.names) AS n ORDER BY n), issuer = EXCLUDED.issuer,"
    " issuer_spki = coalesce(EXCLUDED.issuer_spki, u.issuer_spki), accepted = u.accepted OR EXCLUDED.accepted"
    " RETURNING (xmax = 0)::int::int8";

enum err_code db_known_put(struct pgconn *conn, const struct db_known *known, bool *added, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    struct buf names;
    PGresult *res = NULL;
    buf_init(&names, LIMIT_KNOWN_NAMES_BYTES);
    copy_put_array(&names, COPY_OID_TEXT, known->names.count);
    for (size_t i = 0; i < known->names.count; i++)
        copy_put_element(&names, span_str(known->names.at[i]));
    if (!buf_ok(&names)) {
        buf_fini(&names);
        return err_set(why, ERR_TOO_BIG, "%s: its names are too many", known->ref);
    }
    pgexec_text(&args, known->source);
    pgexec_text(&args, known->ref);
    pgexec_text(&args, known->serial);
    pgexec_binary(&args, COPY_OID_TEXT_ARRAY, buf_span(&names));
    pgexec_text(&args, known->issuer);
    pgexec_bytes(&args, known->issuer_spki);
    pgexec_bytes(&args, known->spki_sha256);
    pgexec_bytes(&args, known->tbs_fp);
    pgexec_text(&args, known->key_type);
    pgexec_time(&args, known->not_before * 1000);
    pgexec_time(&args, known->not_after * 1000);
    pgexec_bool(&args, known->accepted);
    enum err_code code = pgexec_cached(conn, put_sql, &args, &res, why);
    buf_fini(&names);
    if (code != ERR_OK)
        return code;
    *added = PQntuples(res) == 1 && pgexec_get_int(res, 0, 0) != 0;
    PQclear(res);
    return ERR_OK;
}

static const char each_sql[] =
    "SELECT source, ref, serial, array_to_string(names, E'\\n'), issuer, issuer_spki, spki_sha256, tbs_fp,"
    " key_type, not_before, not_after, accepted FROM unverified_cert"
    " WHERE not_before >= $3 AND EXISTS (SELECT FROM unnest(names) AS n WHERE n = $1"
    "  OR n = '*.' || substr($1, strpos($1, '.') + 1)"
    "  OR ($2 AND right(n, length($1) + 1) = '.' || $1)) ORDER BY not_before, source, ref";

static bool take_names(const char *lines, struct watch_words *names)
{
    bool ok = true;
    while (ok && *lines != '\0') {
        size_t len = strcspn(lines, "\n");
        char *name = strndup(lines, len);
        ok = name != NULL && watch_words_add(names, name);
        free(name);
        lines += len + (lines[len] == '\n');
    }
    return ok;
}

static void free_names(struct watch_words *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->at[i]);
    free(names->at);
}

enum err_code db_known_each(struct pgconn *conn, const char *name, bool subtree, int64_t since,
                            enum err_code (*each)(void *arg, const struct db_known *known, struct err *why),
                            void *arg, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    pgexec_text(&args, name);
    pgexec_bool(&args, subtree);
    pgexec_time(&args, since * 1000);
    enum err_code code = pgexec_run(conn, each_sql, &args, &res, why);
    for (int row = 0; code == ERR_OK && row < PQntuples(res); row++) {
        struct db_known known = {
            .source = pgexec_get_text(res, row, 0),
            .ref = pgexec_get_text(res, row, 1),
            .serial = pgexec_get_text(res, row, 2),
            .issuer = pgexec_get_text(res, row, 4),
            .issuer_spki = pgexec_get_bytes(res, row, 5),
            .spki_sha256 = pgexec_get_bytes(res, row, 6),
            .tbs_fp = pgexec_get_bytes(res, row, 7),
            .key_type = pgexec_get_text(res, row, 8),
            .not_before = pgexec_get_time(res, row, 9) / 1000,
            .not_after = pgexec_get_time(res, row, 10) / 1000,
            .accepted = pgexec_get_bool(res, row, 11),
        };
        must(take_names(pgexec_get_text(res, row, 3), &known.names));
        code = each(arg, &known, why);
        free_names(&known.names);
    }
    PQclear(res);
    return code;
}
