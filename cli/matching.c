#include "cli/matching.h"

#include <stdlib.h>

#include "base/metric.h"
#include "base/thread.h"
#include "db/db_domain.h"
#include "db/pgconn.h"
#include "ingest/examine.h"
#include "watcher/match.h"
#include "watcher/watchset.h"

struct matching {
    struct lock lock;      /* guards current */
    struct lock load_lock; /* guards conn: one thread loads, the others wait for its result */
    struct watchset *current;
    struct pgconn *conn;
};

/* Replaces the snapshot by the newest one. load_lock is held. */
static enum err_code matching_load(struct matching *matching, struct err *why)
{
    struct watch *watches = NULL;
    struct watchset *fresh;
    struct watchset *old;
    uint64_t generation = 0;
    size_t count = 0;
    enum err_code code = db_domain_load(matching->conn, &watches, &count, &generation, why);

    if (code == ERR_DB_DOWN) {
        struct err again = {0};
        if (pgconn_reopen(matching->conn, &again) != ERR_OK)
            return code;
        err_clear(why);
        code = db_domain_load(matching->conn, &watches, &count, &generation, why);
    }
    if (code != ERR_OK)
        return code;
    fresh = watchset_new(watches, count, generation);
    if (fresh == NULL)
        return err_set(why, ERR_MEMORY, "no memory for %zu registered domains", count);
    thread_lock(&matching->lock);
    old = matching->current;
    matching->current = fresh;
    thread_unlock(&matching->lock);
    watchset_unpin(old);
    return ERR_OK;
}

static struct watchset *matching_pin(struct matching *matching)
{
    struct watchset *set;

    thread_lock(&matching->lock);
    set = watchset_pin(matching->current);
    thread_unlock(&matching->lock);
    return set;
}

enum err_code matching_open(const char *dsn, struct matching **out, struct err *why)
{
    struct matching *matching = calloc(1, sizeof *matching);
    enum err_code code;

    must(matching != NULL);
    thread_lock_init(&matching->lock);
    thread_lock_init(&matching->load_lock);
    code = pgconn_open(dsn, &matching->conn, why);
    if (code == ERR_OK)
        code = matching_load(matching, why);
    if (code != ERR_OK) {
        matching_close(matching);
        matching = NULL;
    }
    *out = matching;
    return code;
}

void matching_close(struct matching *matching)
{
    watchset_unpin(matching->current);
    if (matching->conn != NULL)
        pgconn_free(matching->conn);
    thread_lock_fini(&matching->lock);
    thread_lock_fini(&matching->load_lock);
    free(matching);
}

/* A snapshot of at least `generation`. */
static enum err_code matching_snapshot(struct matching *matching, uint64_t generation, struct watchset **out,
                                       struct err *why)
{
    struct watchset *set = matching_pin(matching);
    enum err_code code = ERR_OK;

    if (watchset_generation(set) < generation) {
        watchset_unpin(set);
        thread_lock(&matching->load_lock);
        set = matching_pin(matching);
        if (watchset_generation(set) < generation) {
            watchset_unpin(set);
            code = matching_load(matching, why);
            set = matching_pin(matching);
        }
        thread_unlock(&matching->load_lock);
        if (code == ERR_OK && watchset_generation(set) < generation)
            code = err_set(why, ERR_DB, "the registered domains of generation %llu can not be seen yet",
                           (unsigned long long)generation);
    }
    *out = set;
    return code;
}

static void matching_prove(void *arg, struct batch *batch, struct entry *entry)
{
    (void)arg;
    (void)batch;
    examine_prove_issuer(entry, entry->chain_count > 0 ? entry->unverified_chain[0] : SPAN_NONE);
}

static enum err_code matching_run(void *arg, struct batch *batch, uint64_t generation, struct err *why)
{
    struct matching *matching = arg;
    const struct match_prove prove = {.prove = matching_prove};
    struct watchset *set = NULL;
    enum err_code code = matching_snapshot(matching, generation, &set, why);

    if (code == ERR_OK) {
        if (generation != 0)
            metric_add(METRIC_REMATCHES_TOTAL, 1);
        code = match_batch(set, batch, &prove, why);
    }
    /* Texts of alerts are copies in the batch's arena, so the snapshot may go. */
    watchset_unpin(set);
    return code;
}

struct pipe_stage matching_hook(struct matching *matching)
{
    return (struct pipe_stage){.run = matching_run, .arg = matching};
}
