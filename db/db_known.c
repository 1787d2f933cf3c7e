#include "db/db_known.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/dns.h"
#include "base/limits.h"
#include "base/text.h"
#include "db/copy.h"
#include "db/dbkey.h"
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
    " issuer_spki = coalesce(EXCLUDED.issuer_spki, u.issuer_spki),"
    " tbs_fp = coalesce(EXCLUDED.tbs_fp, u.tbs_fp), accepted = u.accepted OR EXCLUDED.accepted"
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

#define COLUMNS                                                                                              \
    "SELECT source, ref, serial, array_to_string(names, E'\\n'), issuer, issuer_spki, spki_sha256, tbs_fp,"  \
    " key_type, not_before, not_after, accepted FROM unverified_cert"

static const char each_sql[] =
    COLUMNS " WHERE not_before >= $3 AND EXISTS (SELECT FROM unnest(names) AS n WHERE n = $1"
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

typedef enum err_code known_each(void *arg, const struct db_known *known, struct err *why);

static enum err_code run(struct pgconn *conn, const char *sql, const struct pgexec_args *args,
                         known_each *each, void *arg, size_t *count, struct err *why)
{
    PGresult *res = NULL;
    enum err_code code = pgexec_run(conn, sql, args, &res, why);
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
        ++*count;
    }
    PQclear(res);
    return code;
}

enum err_code db_known_each(struct pgconn *conn, const char *name, bool subtree, int64_t since,
                            known_each *each, void *arg, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    size_t count = 0;
    pgexec_text(&args, name);
    pgexec_bool(&args, subtree);
    pgexec_time(&args, since * 1000);
    return run(conn, each_sql, &args, each, arg, &count, why);
}

enum err_code db_known_all(struct pgconn *conn, known_each *each, void *arg, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    size_t count = 0;
    return run(conn, COLUMNS " ORDER BY not_before, source, ref", &args, each, arg, &count, why);
}

enum err_code db_known_one(struct pgconn *conn, const char *ref, known_each *each, void *arg, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    size_t count = 0;
    pgexec_text(&args, ref);
    enum err_code code = run(conn, COLUMNS " WHERE ref = $1 ORDER BY source", &args, each, arg, &count, why);
    if (code == ERR_OK && count == 0)
        code =
            err_set(why, ERR_NOT_FOUND, "nothing was imported under '%.100s'; 'domain import --list'", ref);
    return code;
}

/* The serial as it may be stored: a number, so one zero octet may stand before it. */
static bool put_serial(struct pgexec_args *args, const char *serial, uint8_t room[64])
{
    char hex[129];
    size_t len = strlen(serial);
    if (len == 0 || len > 120)
        return false;
    (void)snprintf(hex, sizeof hex, "00%s%s", len % 2 != 0 ? "0" : "", serial);
    size_t size = strlen(hex) / 2;
    if (!text_unhex(span_str(hex), room, size))
        return false;
    pgexec_bytes(args, span_of(room, size));
    pgexec_bytes(args, span_of(room + 1, size - 1));
    return true;
}

static const char by_serial_sql[] = "SELECT c.tbs_fp, c.names FROM cert AS c WHERE substring(c.serial FOR "
                                    "15) IN (substring($1::bytea FOR 15),"
                                    " substring($2::bytea FOR 15)) AND c.serial IN ($1, $2) AND ($3::bytea "
                                    "IS NULL OR c.tbs_fp = $3) LIMIT 100";

static bool has_name(const struct db_known *known, const char *stored)
{
    char list[8 * DNS_TEXT_MAX + 3];
    for (size_t i = 0; i < known->names.count; i++) {
        struct buf word;
        buf_init(&word, sizeof list);
        buf_byte(&word, ' ');
        dbkey_put_name(&word, span_str(known->names.at[i]));
        buf_byte(&word, ' ');
        (void)snprintf(list, sizeof list, "%s", buf_ok(&word) ? buf_text(&word) : "?");
        buf_fini(&word);
        size_t len = strlen(list);
        const char *at = strstr(stored, list);
        bool first =
            strncmp(stored, list + 1, len - 2) == 0 && (stored[len - 2] == ' ' || stored[len - 2] == 0);
        bool last =
            strlen(stored) + 1 >= len && strncmp(stored + strlen(stored) + 1 - len, list, len - 1) == 0;
        if (at != NULL || first || last)
            return true;
    }
    return false;
}

enum err_code db_known_seen(struct pgconn *conn, const struct db_known *known, const uint8_t *want,
                            bool *seen, uint8_t tbs_fp[32], struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    uint8_t room[64];
    enum err_code code = ERR_OK;
    bool by_fp = known->tbs_fp.len == 32;
    *seen = false;
    if (by_fp && want != NULL && memcmp(known->tbs_fp.at, want, 32) != 0)
        return ERR_OK;
    if (by_fp)
        pgexec_bytes(&args, known->tbs_fp);
    else if (!put_serial(&args, known->serial, room))
        return ERR_OK;
    if (!by_fp)
        pgexec_bytes(&args, want == NULL ? SPAN_NONE : span_of(want, 32));
    code =
        pgexec_run(conn, by_fp ? "SELECT c.tbs_fp FROM cert AS c WHERE c.tbs_fp = $1 LIMIT 1" : by_serial_sql,
                   &args, &res, why);
    for (int row = 0; code == ERR_OK && !*seen && row < PQntuples(res); row++) {
        struct span fp = pgexec_get_bytes(res, row, 0);
        *seen = fp.len == 32 && (by_fp || has_name(known, pgexec_get_text(res, row, 1)));
        if (*seen)
            memcpy(tbs_fp, fp.at, 32);
    }
    PQclear(res);
    return code;
}

enum err_code db_known_drop(struct pgconn *conn, const char *ref, uint64_t *gone, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_text(&args, ref);
    return pgexec_do(conn, "DELETE FROM unverified_cert WHERE ref = $1", &args, gone, why);
}

/* Old history may have come a moment ago. */
enum err_code db_known_prune(struct pgconn *conn, uint64_t *gone, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_int(&args, LIMIT_KNOWN_DAYS);
    return pgexec_do(conn,
                     "DELETE FROM unverified_cert WHERE greatest(not_after, imported_at)"
                     " < now() - $1::int8 * interval '1 day'",
                     &args, gone, why);
}

/* A name and all above it: each is looked up, however many domains there are. */
static const char leave_sql[] =
    "WITH gone AS (SELECT jsonb_array_elements_text($1::jsonb) AS name),"
    " part AS MATERIALIZED (SELECT DISTINCT u.source, u.ref,"
    "  array_to_string(labels[i:], '.') COLLATE \"C\" AS name FROM unverified_cert AS u, unnest(u.names) AS "
    "n,"
    "  string_to_array(n, '.') AS labels, generate_series(1, cardinality(labels)) AS i)"
    " DELETE FROM unverified_cert AS u"
    " WHERE (source, ref) IN (SELECT p.source, p.ref FROM part AS p JOIN gone AS g ON g.name = p.name)"
    " AND NOT EXISTS (SELECT 1 FROM part AS p JOIN domain AS d ON d.name = p.name"
    "  WHERE p.source = u.source AND p.ref = u.ref)";

enum err_code db_known_leave(struct pgconn *conn, const char *const *names, size_t count, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    json_t *list = json_array();
    must(list != NULL);
    for (size_t i = 0; i < count; i++)
        must(json_array_append_new(list, json_string(names[i])) == 0);
    char *text = json_dumps(list, JSON_COMPACT);
    json_decref(list);
    must(text != NULL);
    pgexec_text(&args, text);
    enum err_code code = count == 0 ? ERR_OK : pgexec_do(conn, leave_sql, &args, NULL, why);
    free(text);
    return code;
}
