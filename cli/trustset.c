#include "cli/trustset.h"

#include <pthread.h>

#include "base/say.h"
#include "base/thread.h"
#include "db/db_trust.h"
#include "trust/builtin.h"

#define PARTS_MAX 32

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct lock current_lock; /* guards current */
static struct lock load_lock;    /* one thread makes it */
static struct cagraph *current;

struct parts {
    char name[PARTS_MAX][40];
    size_t count;
};

static void init(void)
{
    thread_lock_init(&current_lock);
    thread_lock_init(&load_lock);
}

static void on_part(void *arg, const char *part)
{
    struct parts *parts = arg;
    if (parts->count < PARTS_MAX && strlen(part) < sizeof parts->name[0])
        memcpy(parts->name[parts->count++], part, strlen(part) + 1);
}

static bool has_part(void *arg, const char *part)
{
    const struct parts *parts = arg;
    for (size_t i = 0; i < parts->count; i++)
        if (strcmp(parts->name[i], part) == 0)
            return true;
    return false;
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
    struct parts parts = {.count = 0};
    struct db_trust_bundle bundle;
    uint64_t version = 0;
    enum err_code code = db_trust_bundle(conn, &bundle, why);
    if (code == ERR_OK)
        code = db_trust_parts(conn, on_part, &parts, why);
    if (code != ERR_OK)
        return code;
    struct cagraph_plan *plan = cagraph_plan_new();
    code = db_trust_load(conn, plan, &version, why);
    if (code != ERR_OK) {
        cagraph_plan_free(plan);
        return code;
    }
    builtin_rules(plan, has_part, &parts);
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
