#include "cli/edgekeeper.h"

#include "base/limits.h"
#include "db/db_edge.h"
#include "model/cert.h"
#include "parser/tbs.h"
#include "verify/certsig.h"

struct edgekeeper {
    struct pgconn *conn;
    const atomic_bool *stop;
    struct edgekeeper_report *report;
    struct arena arena;
    /* The certificate at hand. */
    struct db_edge_cert own;
    struct cert cert;
    /* The last key tried as its parent's, and what came of it. */
    uint8_t tried[32];
    bool tried_any;
    bool tried_good;
};

static bool edgekeeper_ended(const struct edgekeeper *keeper)
{
    return keeper->stop != NULL && atomic_load(keeper->stop);
}

static enum err_code edgekeeper_parent(void *arg, const struct db_edge_cert *other, struct err *why)
{
    struct edgekeeper *keeper = arg;
    struct cert parent;

    if (edgekeeper_ended(keeper))
        return err_set(why, ERR_CLOSED, "stopped");
    if (!keeper->tried_any || memcmp(keeper->tried, other->spki_sha256, 32) != 0) {
        (void)tbs_read_certificate(other->der, &parent);
        keeper->tried_good = certsig_verify(keeper->own.der, parent.spki);
        keeper->tried_any = true;
        memcpy(keeper->tried, other->spki_sha256, 32);
        keeper->report->checks++;
    }
    if (!keeper->tried_good)
        return ERR_OK;
    keeper->report->edges++;
    return db_edge_add(keeper->conn, keeper->own.sha256, other->sha256, why);
}

static enum err_code edgekeeper_child(void *arg, const struct db_edge_cert *other, struct err *why)
{
    struct edgekeeper *keeper = arg;

    if (edgekeeper_ended(keeper))
        return err_set(why, ERR_CLOSED, "stopped");
    keeper->report->checks++;
    if (!certsig_verify(other->der, keeper->cert.spki))
        return ERR_OK;
    keeper->report->edges++;
    return db_edge_add(keeper->conn, other->sha256, keeper->own.sha256, why);
}

static enum err_code edgekeeper_one(struct edgekeeper *keeper, struct err *why)
{
    const struct cert *cert = &keeper->cert;
    enum err_code code;

    (void)tbs_read_certificate(keeper->own.der, &keeper->cert);
    struct db_edge_facts facts = {.issuer = cert->issuer,
                                  .subject = cert->subject,
                                  .aki = cert->aki_key_id,
                                  .ski = cert->ski,
                                  .not_before = cert->not_before,
                                  .not_after = cert->not_after,
                                  .is_ca = (cert->flags & CERT_IS_CA) != 0,
                                  .self_signed = certsig_verify(keeper->own.der, cert->spki)};
    keeper->tried_any = false;
    code = db_edge_facts(keeper->conn, keeper->own.sha256, &facts, why);
    if (code == ERR_OK)
        code = db_edge_candidates(keeper->conn, keeper->own.sha256, &facts, DB_EDGE_PARENTS,
                                  edgekeeper_parent, keeper, why);
    if (code == ERR_OK && cert->spki.at != NULL)
        code = db_edge_candidates(keeper->conn, keeper->own.sha256, &facts, DB_EDGE_CHILDREN,
                                  edgekeeper_child, keeper, why);
    if (code == ERR_OK)
        code = db_edge_done(keeper->conn, keeper->own.sha256, why);
    return code;
}

enum err_code edgekeeper_look(struct pgconn *conn, uint64_t certs_max, const atomic_bool *stop,
                              struct edgekeeper_report *report, struct err *why)
{
    struct edgekeeper keeper = {.conn = conn, .stop = stop, .report = report};
    bool taken = false;
    bool found = true;
    enum err_code code = db_edge_lock(conn, &taken, why);

    *report = (struct edgekeeper_report){0};
    if (code != ERR_OK || !taken)
        return code;
    if (!arena_init(&keeper.arena, 2 * (size_t)LIMIT_ISSUER_BYTES)) {
        (void)db_edge_unlock(conn, NULL);
        return err_set(why, ERR_MEMORY, "no address space for a CA certificate");
    }
    while (code == ERR_OK && found && report->certs < certs_max && !edgekeeper_ended(&keeper)) {
        arena_reset(&keeper.arena, LIMIT_ISSUER_BYTES);
        code = db_edge_next(conn, &keeper.arena, &keeper.own, &found, why);
        if (code == ERR_OK && found)
            code = edgekeeper_one(&keeper, why);
        report->certs += code == ERR_OK && found;
    }
    arena_fini(&keeper.arena);
    struct err ignored = {0};
    enum err_code unlocked = db_edge_unlock(conn, &ignored);
    return code != ERR_OK ? code : unlocked;
}
