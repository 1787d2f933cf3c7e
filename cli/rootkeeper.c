#include "cli/rootkeeper.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/say.h"
#include "cli/chore.h"
#include "cli/contact.h"
#include "cli/roles.h"
#include "db/db_log.h"
#include "db/db_root.h"
#include "db/store_pg.h"
#include "ingest/courtesy.h"
#include "ingest/rootlist.h"
#include "parser/tbs.h"
#include "verify/digest.h"

#define ROOTKEEPER_WAIT_MS  15000 /* between two looks for a log that is due */
#define ROOTKEEPER_NEXT_MS  1000  /* between two logs */
#define ROOTKEEPER_REPLY_MS 60000
#define ROOTKEEPER_DAY_S    86400

struct rootkeeper {
    const struct conf *conf;
    char *dsn;
    char user_agent[300];
    struct sources sources;
    struct chore chore;
};

/* What a log sent, with its own copies of the bytes. */
struct rootkeeper_roots {
    int32_t log_id;
    struct store_ca *at;
    size_t count;
};

static enum err_code rootkeeper_take(void *arg, struct span der, struct err *why)
{
    struct rootkeeper_roots *roots = arg;
    struct store_ca *ca = &roots->at[roots->count];
    struct cert cert;
    uint8_t *copy = malloc(der.len);

    if (copy == NULL)
        return err_set(why, ERR_MEMORY, "no memory for a root");
    memcpy(copy, der.at, der.len);
    *ca = (struct store_ca){.log_id = roots->log_id, .der = span_of(copy, der.len)};
    roots->count++;
    digest_sha256(ca->der, ca->sha256);
    (void)tbs_read_certificate(ca->der, &cert);
    if (cert.spki.at != NULL)
        digest_sha256(cert.spki, ca->spki_sha256);
    ca->subject = cert.subject;
    return ERR_OK;
}

static void rootkeeper_roots_free(struct rootkeeper_roots *roots)
{
    for (size_t i = 0; i < roots->count; i++)
        free((void *)(uintptr_t)roots->at[i].der.at);
    free(roots->at);
}

/* A log that says it accepts nobody is more likely ill than true. */
static enum err_code rootkeeper_store(struct pgconn *conn, const struct ctlog *log, struct span body,
                                      struct err *bad, struct err *why)
{
    struct rootkeeper_roots roots = {.log_id = log->id, .at = calloc(LIMIT_ROOTS, sizeof *roots.at)};
    struct rootlist list = {0};
    uint64_t added = 0;
    enum err_code code = ERR_OK;

    must(roots.at != NULL);
    if (rootlist_read(body, rootkeeper_take, &roots, &list, bad) == ERR_OK && list.count == 0)
        (void)err_set(bad, ERR_FORMAT, "get-roots: no certificate that could be a root");
    if (bad->code == ERR_OK)
        code = db_root_put(conn, log->id, roots.at, roots.count, &added, why);
    if (code == ERR_OK && bad->code == ERR_OK)
        say_debug("roots", "log=\"%s\" accepts %zu roots; %" PRIu64 " of them are new, %zu are of no use",
                  log->name, list.count, added, list.refused);
    rootkeeper_roots_free(&roots);
    return code;
}

static int64_t rootkeeper_tomorrow_s(void)
{
    uint32_t random;

    hash_random(&random, sizeof random); /* so that not all the world asks at once */
    return ROOTKEEPER_DAY_S - ROOTKEEPER_DAY_S / 10 + (int64_t)random % (ROOTKEEPER_DAY_S / 5);
}

/* Within the budget of the operator, which get-roots may take its time for. */
static enum err_code rootkeeper_get(const struct rootkeeper *keeper, const struct ctlog *log, struct ask *ask,
                                    struct err *why)
{
    struct courtesy courtesy = {.user_agent = keeper->user_agent,
                                .sources = &keeper->sources,
                                .requests_per_s = (double)keeper->conf->ingest.requests_per_s};
    enum err_code code = store_pg_open(keeper->dsn, &courtesy.store, why);

    if (code != ERR_OK)
        return code;
    code = courtesy_ask(&courtesy, log, ask, ROOTKEEPER_REPLY_MS, &keeper->chore.stop, why);
    courtesy.store->ops->free(courtesy.store);
    return code;
}

static enum err_code rootkeeper_ask(const struct rootkeeper *keeper, struct pgconn *conn,
                                    const struct ctlog *log, struct err *why)
{
    char url[PROTO_URL_MAX];
    struct ask ask = {.url = url, .ceiling = LIMIT_ROOTS_BYTES};
    struct err bad = {0};
    uint8_t sha256[32];
    bool same = false;

    rootlist_url(log, url);
    enum err_code code = rootkeeper_get(keeper, log, &ask, why);
    if (code != ERR_OK)
        return code;
    if (ask.code != ERR_OK)
        (void)err_set(&bad, ask.code, "%s", ask.why.text);
    digest_sha256(ask.code == ERR_OK ? ask.body : SPAN_NONE, sha256);
    if (bad.code == ERR_OK)
        code = db_root_same(conn, log->id, sha256, &same, why);
    if (code == ERR_OK && bad.code == ERR_OK && !same)
        code = rootkeeper_store(conn, log, ask.body, &bad, why);
    ask_fini(&ask, 1);
    if (bad.code != ERR_OK)
        say_debug("roots", "log=\"%s\" %s", log->name, bad.text);
    if (code == ERR_OK && bad.code != ERR_CLOSED)
        code = db_root_asked(conn, log->id, bad.code == ERR_OK ? NULL : bad.text, sha256,
                             rootkeeper_tomorrow_s(), why);
    return code;
}

/* One log that is due; *asked false: none is. What the log answers, or that it does not, is not an error. */
static enum err_code rootkeeper_one(struct rootkeeper *keeper, struct pgconn *conn, bool *asked,
                                    struct err *why)
{
    struct ctlog *logs = NULL;
    size_t count = 0;
    int32_t log_id = 0;
    enum err_code code = db_root_claim(conn, &log_id, why);

    *asked = code == ERR_OK && log_id != 0;
    if (!*asked)
        return code;
    code = db_log_load(conn, &logs, &count, why);
    for (size_t i = 0; i < count && code == ERR_OK; i++)
        if (logs[i].id == log_id && contact_allows(keeper->conf, logs[i].url))
            code = rootkeeper_ask(keeper, conn, &logs[i], why);
    free(logs);
    return code;
}

static int64_t rootkeeper_look(void *arg)
{
    struct rootkeeper *keeper = arg;
    struct pgconn *conn = NULL;
    struct err why = {0};
    bool asked = false;
    enum err_code code = pgconn_open(keeper->dsn, &conn, &why);

    if (code == ERR_OK)
        code = rootkeeper_one(keeper, conn, &asked, &why);
    if (code != ERR_OK && !atomic_load(&keeper->chore.stop))
        say_debug("roots", "%s", why.text); /* an outage is said by whoever reads */
    pgconn_free(conn);
    return code == ERR_OK && asked ? ROOTKEEPER_NEXT_MS : ROOTKEEPER_WAIT_MS;
}

enum err_code rootkeeper_start(const struct conf *conf, const char *dsn, struct rootkeeper **out,
                               struct err *why)
{
    struct rootkeeper *keeper = calloc(1, sizeof *keeper);

    *out = NULL;
    must(keeper != NULL);
    keeper->conf = conf;
    (void)roles_user_agent(conf, keeper->user_agent, sizeof keeper->user_agent);
    keeper->dsn = strdup(dsn);
    must(keeper->dsn != NULL);
    enum err_code code = sources_read(conf->ingest.source_addresses, &keeper->sources, why);
    if (code == ERR_OK)
        code = chore_start(&keeper->chore, "rootkeeper", rootkeeper_look, keeper, why);
    if (code != ERR_OK)
        rootkeeper_stop(keeper);
    else
        *out = keeper;
    return code;
}

void rootkeeper_stop(struct rootkeeper *keeper)
{
    if (keeper == NULL)
        return;
    chore_stop(&keeper->chore);
    free(keeper->dsn);
    free(keeper);
}
