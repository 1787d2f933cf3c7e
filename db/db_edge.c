#include "db/db_edge.h"

#include "db/pgexec.h"

#define LOCK_KEY "1668703591" /* an advisory lock of our own kind */

/* Few at a time: one can have LIMIT_ISSUER_BYTES. In the order of keys, so that one check serves all
 * certificates of a key. */
static const char parents_sql[] =
    "SELECT c.sha256, c.spki_sha256, c.der FROM issuer_cert AS c"
    " WHERE ((sha256(c.subject) = sha256($2::bytea) AND c.subject = $2::bytea)"
    "  OR (c.ski IS NOT NULL AND sha256(c.ski) = sha256($3::bytea) AND c.ski = $3::bytea))"
    " AND (c.spki_sha256, c.sha256) > ($4::bytea, $5::bytea) AND c.sha256 <> $1::bytea"
    " AND NOT EXISTS (SELECT FROM ca_edge AS e WHERE e.child_sha256 = $1::bytea AND e.parent_sha256 = "
    "c.sha256)"
    " ORDER BY c.spki_sha256, c.sha256 LIMIT 64";

static const char children_sql[] =
    "SELECT c.sha256, c.spki_sha256, c.der FROM issuer_cert AS c"
    " WHERE ((c.issuer IS NOT NULL AND sha256(c.issuer) = sha256($2::bytea) AND c.issuer = $2::bytea)"
    "  OR (c.aki IS NOT NULL AND sha256(c.aki) = sha256($3::bytea) AND c.aki = $3::bytea))"
    " AND (c.spki_sha256, c.sha256) > ($4::bytea, $5::bytea) AND c.sha256 <> $1::bytea"
    " AND NOT EXISTS (SELECT FROM ca_edge AS e WHERE e.parent_sha256 = $1::bytea AND e.child_sha256 = "
    "c.sha256)"
    " ORDER BY c.spki_sha256, c.sha256 LIMIT 64";

static void read_row(const PGresult *res, int row, struct db_edge_cert *cert)
{
    struct span sha256 = pgexec_get_bytes(res, row, 0);
    struct span spki = pgexec_get_bytes(res, row, 1);

    *cert = (struct db_edge_cert){.der = pgexec_get_bytes(res, row, 2)};
    if (sha256.len == 32)
        memcpy(cert->sha256, sha256.at, 32);
    if (spki.len == 32)
        memcpy(cert->spki_sha256, spki.at, 32);
}

enum err_code db_edge_lock(struct pgconn *conn, bool *taken, struct err *why)
{
    int64_t got = 0;
    enum err_code code =
        pgexec_number(conn, "SELECT pg_try_advisory_lock(" LOCK_KEY ")::int", &PGEXEC_NO_ARGS, &got, why);
    *taken = got != 0;
    return code;
}

enum err_code db_edge_unlock(struct pgconn *conn, struct err *why)
{
    return pgexec_do(conn, "SELECT pg_advisory_unlock(" LOCK_KEY ")", &PGEXEC_NO_ARGS, NULL, why);
}

enum err_code db_edge_next(struct pgconn *conn, struct arena *arena, struct db_edge_cert *cert, bool *found,
                           struct err *why)
{
    PGresult *res = NULL;
    enum err_code code = pgexec_run(conn,
                                    "SELECT sha256, spki_sha256, der FROM issuer_cert WHERE edges_at IS NULL"
                                    " ORDER BY seen_at, sha256 LIMIT 1",
                                    &PGEXEC_NO_ARGS, &res, why);
    *found = code == ERR_OK && PQntuples(res) != 0;
    if (code != ERR_OK)
        return code;
    if (*found) {
        read_row(res, 0, cert);
        cert->der = arena_copy(arena, cert->der);
        if (cert->der.at == NULL)
            code = err_set(why, ERR_MEMORY, "no room for a CA certificate");
    }
    PQclear(res);
    return code;
}

/* Nothing is searched by what is empty. */
static struct span or_none(struct span value)
{
    return value.len == 0 ? SPAN_NONE : value;
}

enum err_code db_edge_facts(struct pgconn *conn, const uint8_t sha256[32], const struct db_edge_facts *facts,
                            struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_bytes(&args, span_of(sha256, 32));
    pgexec_bytes(&args, or_none(facts->issuer));
    pgexec_bytes(&args, or_none(facts->aki));
    pgexec_bytes(&args, or_none(facts->ski));
    pgexec_time(&args, facts->not_before * 1000);
    pgexec_time(&args, facts->not_after * 1000);
    pgexec_bool(&args, facts->is_ca);
    pgexec_bool(&args, facts->self_signed);
    return pgexec_do(conn,
                     "UPDATE issuer_cert SET issuer = $2, aki = $3, ski = $4, not_before = $5,"
                     " not_after = $6, is_ca = $7, self_signed = $8 WHERE sha256 = $1",
                     &args, NULL, why);
}

struct walk {
    enum err_code (*each)(void *arg, const struct db_edge_cert *cert, struct err *why);
    void *arg;
    struct db_edge_cert last; /* its hashes: where the next page begins */
    bool more;
};

static enum err_code page(struct pgconn *conn, const char *sql, struct pgexec_args args, struct walk *walk,
                          struct err *why)
{
    PGresult *res = NULL;
    pgexec_bytes(&args, span_of(walk->last.spki_sha256, 32));
    pgexec_bytes(&args, span_of(walk->last.sha256, 32));
    enum err_code code = pgexec_run(conn, sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    walk->more = PQntuples(res) != 0;
    for (int row = 0; row < PQntuples(res) && code == ERR_OK; row++) {
        read_row(res, row, &walk->last);
        code = walk->each(walk->arg, &walk->last, why);
    }
    PQclear(res);
    return code;
}

enum err_code db_edge_candidates(struct pgconn *conn, const uint8_t sha256[32],
                                 const struct db_edge_facts *facts, enum db_edge_side side,
                                 enum err_code (*each)(void *arg, const struct db_edge_cert *cert,
                                                       struct err *why),
                                 void *arg, struct err *why)
{
    bool parents = side == DB_EDGE_PARENTS;
    struct pgexec_args args = PGEXEC_NO_ARGS;
    struct walk walk = {.each = each, .arg = arg, .more = true};
    enum err_code code = ERR_OK;
    pgexec_bytes(&args, span_of(sha256, 32));
    pgexec_bytes(&args, or_none(parents ? facts->issuer : facts->subject));
    pgexec_bytes(&args, or_none(parents ? facts->aki : facts->ski));
    while (code == ERR_OK && walk.more)
        code = page(conn, parents ? parents_sql : children_sql, args, &walk, why);
    return code;
}

enum err_code db_edge_add(struct pgconn *conn, const uint8_t child[32], const uint8_t parent[32],
                          struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_bytes(&args, span_of(child, 32));
    pgexec_bytes(&args, span_of(parent, 32));
    return pgexec_do(conn,
                     "INSERT INTO ca_edge (child_sha256, parent_sha256, log)"
                     " SELECT sha256, $2::bytea, log FROM issuer_cert WHERE sha256 = $1::bytea"
                     " ON CONFLICT DO NOTHING",
                     &args, NULL, why);
}

enum err_code db_edge_done(struct pgconn *conn, const uint8_t sha256[32], struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_bytes(&args, span_of(sha256, 32));
    return pgexec_do(conn, "UPDATE issuer_cert SET edges_at = now() WHERE sha256 = $1", &args, NULL, why);
}
