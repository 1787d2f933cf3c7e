#include "db/db_trust.h"

#include "base/limits.h"
#include "db/pgexec.h"
#include "trust/builtin.h"

#define PAGE 512 /* certificates of one go: a few MB */

enum err_code db_trust_version(struct pgconn *conn, uint64_t *version, struct err *why)
{
    int64_t value = 0;
    enum err_code code = pgexec_number(conn, "SELECT trust_version()", &PGEXEC_NO_ARGS, &value, why);
    *version = (uint64_t)value;
    return code;
}

enum err_code db_trust_bundle(struct pgconn *conn, struct db_trust_bundle *bundle, struct err *why)
{
    PGresult *res = NULL;
    *bundle = (struct db_trust_bundle){0};
    enum err_code code = pgexec_run(conn,
                                    "SELECT id, (SELECT max(b.dated) FROM trust_bundle AS b), imported_at "
                                    "FROM trust_bundle ORDER BY id DESC LIMIT 1",
                                    &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    if (PQntuples(res) != 0)
        *bundle = (struct db_trust_bundle){pgexec_get_int(res, 0, 0), pgexec_get_time(res, 0, 1),
                                           pgexec_get_time(res, 0, 2)};
    PQclear(res);
    return ERR_OK;
}

/* The newest record of a list of revocations says when something happened last, not how old the list is. */
static const char parts_sql[] =
    "SELECT p.part, CASE WHEN p.part = 'onecrl' THEN b.imported_at ELSE coalesce(p.dated, b.dated) END"
    " FROM trust_part AS p JOIN trust_bundle AS b ON b.id = p.bundle ORDER BY p.part";

struct parts {
    char name[CAGRAPH_SOURCES_MAX][sizeof((struct cagraph_source *)NULL)->name];
    size_t count;
};

static enum err_code load_parts(struct pgconn *conn, struct cagraph_plan *plan, struct parts *parts,
                                struct err *why)
{
    PGresult *res = NULL;
    enum err_code code = pgexec_run(conn, parts_sql, &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    for (int row = 0; row < PQntuples(res) && parts->count < countof(parts->name); row++) {
        const char *part = pgexec_get_text(res, row, 0);
        struct cagraph_source source = {.dated_ms = pgexec_get_time(res, row, 1),
                                        .counts = builtin_counts(part)};
        if (strlen(part) >= sizeof source.name)
            continue;
        memcpy(source.name, part, strlen(part) + 1);
        memcpy(parts->name[parts->count++], part, strlen(part) + 1);
        cagraph_plan_source(plan, &source);
    }
    PQclear(res);
    return ERR_OK;
}

static bool is_imported(void *arg, const char *part)
{
    const struct parts *parts = arg;
    for (size_t i = 0; i < parts->count; i++)
        if (strcmp(parts->name[i], part) == 0)
            return true;
    return false;
}

static void hash_of(const PGresult *res, int row, int col, uint8_t out[32])
{
    struct span bytes = pgexec_get_bytes(res, row, col);
    memset(out, 0, 32);
    if (bytes.len == 32)
        memcpy(out, bytes.at, 32);
}

/* What a newer program wrote and this one does not know is left out of the rules; it refuses the schema
 * anyway. */
static bool rule_of(const PGresult *res, int row, struct carule *rule)
{
    enum verdict_store store = VERDICT_STORES;
    const char *name = pgexec_get_text(res, row, 0);
    *rule = (struct carule){.limit = pgexec_get_int(res, row, 7), .expires = pgexec_get_bool(res, row, 8)};
    if ((name[0] != '\0' && !verdict_store_of(name, &store)) ||
        !carule_kind_of(pgexec_get_text(res, row, 1), &rule->kind) ||
        !carule_target_of(pgexec_get_text(res, row, 2), &rule->target) ||
        !carule_class_of(pgexec_get_text(res, row, 3), &rule->class))
        return false;
    rule->store = store;
    hash_of(res, row, 4, rule->hash);
    hash_of(res, row, 5, rule->key);
    hash_of(res, row, 6, rule->subject);
    rule->text = pgexec_get_text(res, row, 9);
    rule->label = pgexec_get_text(res, row, 10);
    rule->source = pgexec_get_text(res, row, 11);
    return true;
}

static enum err_code load_rules(struct pgconn *conn, struct cagraph_plan *plan, struct err *why)
{
    PGresult *res = NULL;
    enum err_code code =
        pgexec_run(conn,
                   "SELECT store, kind, target, class, hash, key_sha256, subject, limit_s, expires, domains, "
                   "label, source"
                   " FROM trust_rule WHERE gone_at IS NULL OR (kind = 'blocked' AND NOT lifted) ORDER BY id",
                   &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    for (int row = 0; row < PQntuples(res); row++) {
        struct carule rule;
        if (rule_of(res, row, &rule))
            cagraph_plan_rule(plan, &rule);
    }
    PQclear(res);
    return ERR_OK;
}

static enum err_code load_page(struct pgconn *conn, struct cagraph_plan *plan, uint8_t after[32], int *rows,
                               struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    pgexec_bytes(&args, span_of(after, 32));
    pgexec_int(&args, PAGE);
    enum err_code code = pgexec_run(conn,
                                    "SELECT sha256, der, coalesce(self_signed, false) FROM issuer_cert"
                                    " WHERE sha256 > $1 AND edges_at IS NOT NULL ORDER BY sha256 LIMIT $2",
                                    &args, &res, why);
    if (code != ERR_OK)
        return code;
    *rows = PQntuples(res);
    for (int row = 0; row < *rows; row++) {
        struct cafacts facts;
        if (cafacts_read(pgexec_get_bytes(res, row, 1), &facts)) {
            hash_of(res, row, 0, facts.sha256);
            facts.self_signed = pgexec_get_bool(res, row, 2);
            cagraph_plan_cert(plan, &facts);
        }
        hash_of(res, row, 0, after);
    }
    PQclear(res);
    return ERR_OK;
}

static int64_t seconds_of(const PGresult *res, int row, int col, int64_t unknown)
{
    return pgexec_is_null(res, row, col) ? unknown : pgexec_get_time(res, row, col) / 1000;
}

static enum err_code load_hashes(struct pgconn *conn, struct cagraph_plan *plan, struct err *why)
{
    PGresult *res = NULL;
    enum err_code code = pgexec_run(
        conn,
        "SELECT t.sha256, t.spki_sha256, t.subject, t.self_issued, t.not_before, t.not_after, t.label"
        " FROM trust_cert AS t WHERE NOT EXISTS (SELECT FROM issuer_cert AS i"
        " WHERE i.sha256 = t.sha256 AND i.edges_at IS NOT NULL)",
        &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    for (int row = 0; row < PQntuples(res); row++) {
        struct cafacts facts = {.path_len = -1, .may_issue = true, .for_tls = true};
        hash_of(res, row, 0, facts.sha256);
        hash_of(res, row, 1, facts.key);
        hash_of(res, row, 2, facts.subject);
        facts.self_issued = pgexec_get_bool(res, row, 3);
        facts.not_before = seconds_of(res, row, 4, INT64_MIN);
        facts.not_after = seconds_of(res, row, 5, INT64_MAX);
        facts.label = pgexec_get_text(res, row, 6);
        cagraph_plan_cert(plan, &facts);
    }
    PQclear(res);
    return ERR_OK;
}

static enum err_code load_edges(struct pgconn *conn, struct cagraph_plan *plan, struct err *why)
{
    PGresult *res = NULL;
    enum err_code code = pgexec_run(conn,
                                    "SELECT child_sha256, parent_sha256 FROM ca_edge"
                                    " UNION ALL SELECT child_sha256, parent_sha256 FROM trust_edge",
                                    &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    for (int row = 0; row < PQntuples(res); row++) {
        uint8_t child[32];
        uint8_t parent[32];
        hash_of(res, row, 0, child);
        hash_of(res, row, 1, parent);
        cagraph_plan_edge(plan, child, parent);
    }
    PQclear(res);
    return ERR_OK;
}

enum err_code db_trust_load(struct pgconn *conn, struct cagraph_plan *plan, struct db_trust_bundle *bundle,
                            uint64_t *version, struct err *why)
{
    uint8_t after[32] = {0};
    int rows = PAGE;
    struct parts parts = {.count = 0};
    enum err_code code =
        pgexec_begin_as(conn, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;" PGEXEC_IDLE_LONG, why);
    if (code != ERR_OK)
        return code;
    code = db_trust_version(conn, version, why);
    if (code == ERR_OK)
        code = db_trust_bundle(conn, bundle, why);
    if (code == ERR_OK)
        code = load_parts(conn, plan, &parts, why);
    if (code == ERR_OK)
        code = load_rules(conn, plan, why);
    while (code == ERR_OK && rows == PAGE)
        code = load_page(conn, plan, after, &rows, why);
    if (code == ERR_OK)
        code = load_hashes(conn, plan, why);
    if (code == ERR_OK)
        code = load_edges(conn, plan, why);
    if (code == ERR_OK)
        code = pgexec_commit(conn, why);
    if (code != ERR_OK)
        pgexec_rollback(conn);
    else
        builtin_rules(plan, is_imported, &parts);
    return code;
}
