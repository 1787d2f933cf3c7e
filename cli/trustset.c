#include "cli/trustset.h"

#include <pthread.h>

#include "base/say.h"
#include "base/thread.h"
#include "db/db_trust.h"
#include "trust/builtin.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct lock current_lock; /* guards current */
static struct lock load_lock;    /* one thread makes it */
static struct cagraph *current;

static void init(void)
{
    thread_lock_init(&current_lock);
    thread_lock_init(&load_lock);
}

struct cagraph *trustset_pin_last(void)
{
    must(pthread_once(&once, init) == 0);
    thread_lock(&current_lock);
    struct cagraph *graph = current == NULL ? NULL : cagraph_pin(current);
    thread_unlock(&current_lock);
    return graph;
}

static void replace(struct cagraph *fresh)
{
    thread_lock(&current_lock);
    struct cagraph *old = current;
    current = fresh;
    thread_unlock(&current_lock);
    cagraph_unpin(old);
}

static enum err_code load(struct pgconn *conn, struct err *why)
{
    struct db_trust_bundle bundle;
    uint64_t version = 0;
    struct cagraph_plan *plan = cagraph_plan_new();
    enum err_code code = db_trust_load(conn, plan, &bundle, &version, why);
    if (code != ERR_OK) {
        cagraph_plan_free(plan);
        return code;
    }
    struct cagraph *graph =
        cagraph_new(plan, bundle.id != 0 ? bundle.dated_ms : BUILTIN_MS, bundle.id, version);
    say_debug("watch", "trust: ca_certificates=%zu rules=%zu bundle=%lld", cagraph_cert_count(graph),
              cagraph_rule_count(graph), (long long)bundle.id);
    replace(graph);
    return ERR_OK;
}

enum err_code trustset_pin(struct pgconn *conn, struct cagraph **graph, struct err *why)
{
    uint64_t version = 0;
    must(pthread_once(&once, init) == 0);
    thread_lock(&load_lock);
    enum err_code code = db_trust_version(conn, &version, why);
    struct cagraph *last = trustset_pin_last();
    if (code == ERR_OK && (last == NULL || cagraph_version(last) != version))
        code = load(conn, why);
    thread_unlock(&load_lock);
    cagraph_unpin(last);
    *graph = code == ERR_OK ? trustset_pin_last() : NULL;
    return code;
}

void trustset_forget(void)
{
    must(pthread_once(&once, init) == 0);
    replace(NULL);
}
