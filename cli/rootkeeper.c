#include "cli/rootkeeper.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/say.h"
#include "base/thread.h"
#include "cli/roles.h"
#include "db/db_log.h"
#include "db/db_root.h"
#include "ingest/ask.h"
#include "ingest/rootlist.h"
#include "parser/tbs.h"
#include "verify/digest.h"

#define ROOTKEEPER_WAIT_MS  15000 /* between two looks for a log that is due */
#define ROOTKEEPER_NEXT_MS  1000  /* between two logs */
#define ROOTKEEPER_REPLY_MS 60000
#define ROOTKEEPER_DAY_S    86400

struct rootkeeper {
    char *dsn;
    char user_agent[300];
    atomic_bool stop;
    struct lock lock;
    struct signal_cond wake;
    struct thread thread;
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

static enum err_code rootkeeper_ask(struct pgconn *conn, const struct ctlog *log, const char *user_agent,
                                    const atomic_bool *stop, struct err *why)
{
    char url[PROTO_URL_MAX];
    struct ask ask = {.url = url, .ceiling = LIMIT_ROOTS_BYTES};
    struct err bad = {0};
    uint8_t sha256[32];
    bool same = false;

    rootlist_url(log, url);
    enum err_code code = ask_all(user_agent, &ask, 1, ROOTKEEPER_REPLY_MS, stop, why);
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

enum err_code rootkeeper_one(struct pgconn *conn, const char *user_agent, const atomic_bool *stop,
                             bool *asked, struct err *why)
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
        if (logs[i].id == log_id)
            code = rootkeeper_ask(conn, &logs[i], user_agent, stop, why);
    free(logs);
    return code;
}

static bool rootkeeper_look(struct rootkeeper *keeper)
{
    struct pgconn *conn = NULL;
    struct err why = {0};
    bool asked = false;
    enum err_code code = pgconn_open(keeper->dsn, &conn, &why);

    if (code == ERR_OK)
        code = rootkeeper_one(conn, keeper->user_agent, &keeper->stop, &asked, &why);
    if (code != ERR_OK && !atomic_load(&keeper->stop))
        say_debug("roots", "%s", why.text); /* an outage is said by whoever reads */
    pgconn_free(conn);
    return code == ERR_OK && asked;
}

static void rootkeeper_work(void *arg)
{
    struct rootkeeper *keeper = arg;

    while (!atomic_load(&keeper->stop)) {
        int64_t wait_ms = rootkeeper_look(keeper) ? ROOTKEEPER_NEXT_MS : ROOTKEEPER_WAIT_MS;
        thread_lock(&keeper->lock);
        if (!atomic_load(&keeper->stop))
            (void)thread_cond_wait_ms(&keeper->wake, &keeper->lock, wait_ms);
        thread_unlock(&keeper->lock);
    }
}

enum err_code rootkeeper_start(const struct conf *conf, const char *dsn, struct rootkeeper **out,
                               struct err *why)
{
    struct rootkeeper *keeper = calloc(1, sizeof *keeper);

    *out = NULL;
    must(keeper != NULL);
    (void)roles_user_agent(conf, keeper->user_agent, sizeof keeper->user_agent);
    keeper->dsn = strdup(dsn);
    must(keeper->dsn != NULL);
    thread_lock_init(&keeper->lock);
    thread_cond_init(&keeper->wake);
    if (!thread_start(&keeper->thread, "rootkeeper", rootkeeper_work, keeper)) {
        rootkeeper_stop(keeper);
        return err_set(why, ERR_SYSTEM, "no thread for the roots of logs");
    }
    *out = keeper;
    return ERR_OK;
}

void rootkeeper_stop(struct rootkeeper *keeper)
{
    if (keeper == NULL)
        return;
    thread_lock(&keeper->lock);
    atomic_store(&keeper->stop, true);
    thread_cond_broadcast(&keeper->wake);
    thread_unlock(&keeper->lock);
    thread_join(&keeper->thread);
    thread_cond_fini(&keeper->wake);
    thread_lock_fini(&keeper->lock);
    free(keeper->dsn);
    free(keeper);
}
