#include "cli/pendingscan.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/say.h"
#include "cli/blockset.h"
#include "cli/matching.h"
#include "cli/trustset.h"
#include "db/db_pending.h"
#include "db/db_psl.h"

struct look {
    const struct pendingscan *how;
    struct pgconn *conn;
    struct watch *watches; /* by id */
    size_t watch_count;
    int64_t until_ms; /* 0: no end */
    int64_t *large;   /* domains whose turn comes when the others are done */
    size_t large_count;
    bool stale;         /* rules of some were changed since: they are for the next look */
    enum err_code code; /* the first failure */
    struct err *why;
};

/* Some domains that share a pass; their locks are held. */
struct group {
    const struct watch *at[HISTORY_TOGETHER_MAX];
    size_t count;
    int64_t rows;
};

enum err_code pendingscan_run(const char *dsn, struct pgconn *conn, const struct watch *const *watches,
                              size_t count, struct db_domain_history_place *place, const atomic_bool *stop,
                              struct history_result *results, struct err *why)
{
    struct pgconn *write = NULL;
    struct cagraph *trust = NULL;
    struct blocklist *blocklist = NULL;
    enum err_code code = pgconn_open(dsn, &write, why);

    if (code == ERR_OK)
        code = trustset_pin(write, &trust, why);
    if (code == ERR_OK)
        code = blockset_pin(&blocklist, why);
    if (code == ERR_OK) {
        /* What is read from its second connection never waits for rows of the first one. */
        struct history_reader reader = matching_reader(write, stop);
        reader.place = place;
        reader.prove.trust = trust;
        reader.prove.blocklist = blocklist;
        reader.prove.now_ms = clock_wall_ms();
        reader.prove.settled = true;
        code = history_run_all(conn, write, watches, count, &reader, results, why);
    }
    cagraph_unpin(trust);
    blocklist_unpin(blocklist);
    if (write != NULL)
        pgconn_free(write);
    return code;
}

static bool is_ended(const struct look *look)
{
    return (look->how->stop != NULL && atomic_load(look->how->stop)) || look->code == ERR_DB_DOWN;
}

static bool is_late(const struct look *look)
{
    return look->until_ms != 0 && clock_mono_ms() >= look->until_ms;
}

static void note(struct look *look, enum err_code code, const struct err *one)
{
    if (code != ERR_OK && (look->code == ERR_OK || code == ERR_DB_DOWN))
        look->code = err_set(look->why, code, "%s", one->text);
}

static void say_failed(struct look *look, const struct watch *watch, enum err_code code,
                       const struct err *one)
{
    note(look, code, one);
    if (!is_ended(look))
        say_warn("watch", "domain=%s its history could not be scanned: %s", watch->name, one->text);
}

static void say_done(struct look *look, const struct watch *watch, const struct history_result *result)
{
    if (result->outdated) {
        look->stale = true;
        say_info("watch", "domain=%s its rules were changed during its history scan, which begins anew",
                 watch->name);
        return;
    }
    say_info("watch",
             "domain=%s the history scan that was pending is done: %" PRIu64 " stored certificates"
             " concern it, %" PRIu64 " alerts raised, %" PRIu64 " more without a domain, %" PRIu64
             " by an allowed CA by the word of the log alone",
             watch->name, result->concerned, result->raised, result->nobody, result->claimed);
}

static int by_id(const void *left, const void *right)
{
    const struct watch *a = left;
    const struct watch *b = right;
    return a->id < b->id ? -1 : a->id > b->id;
}

static const struct watch *find(const struct look *look, int64_t id)
{
    const struct watch key = {.id = id};
    return bsearch(&key, look->watches, look->watch_count, sizeof key, by_id);
}

static void let_go(struct look *look, const struct watch *watch)
{
    struct err one = {0};
    note(look, db_pending_unlock(look->conn, watch->name, &one), &one);
}

/* False: somebody else is at it, or was until now, or changed its rules, or the database did not answer. */
static bool take(struct look *look, const struct watch *watch)
{
    struct err one = {0};
    bool taken = false;
    enum db_pending_state state = DB_PENDING_NOT;
    enum err_code code = db_pending_lock(look->conn, watch->name, false, &taken, &one);
    if (code == ERR_OK && taken)
        code = db_pending_is(look->conn, watch, &state, &one);
    if (code != ERR_OK)
        say_failed(look, watch, code, &one);
    look->stale = look->stale || (taken && state == DB_PENDING_CHANGED);
    if (taken && state != DB_PENDING_YES)
        let_go(look, watch);
    return taken && state == DB_PENDING_YES;
}

/* All in one pass; when that fails each by itself, so that one that fails takes no other one along. */
static void scan_group(struct look *look, struct group *group)
{
    struct history_result results[HISTORY_TOGETHER_MAX];
    struct err why = {0};
    bool done = group->count != 0 && pendingscan_run(look->how->dsn, look->conn, group->at, group->count,
                                                     NULL, look->how->stop, results, &why) == ERR_OK;
    for (size_t i = 0; i < group->count; i++) {
        struct err one = {0};
        enum err_code code = ERR_OK;
        if (!done && !is_ended(look))
            code = pendingscan_run(look->how->dsn, look->conn, &group->at[i], 1, NULL, look->how->stop,
                                   &results[i], &one);
        if (code != ERR_OK)
            say_failed(look, group->at[i], code, &one);
        else if (done || !is_ended(look))
            say_done(look, group->at[i], &results[i]);
        let_go(look, group->at[i]);
    }
    *group = (struct group){.count = 0};
}

static void add(struct look *look, struct group *group, const struct watch *watch)
{
    struct err one = {0};
    int64_t rows = 0;
    if (!take(look, watch))
        return;
    enum err_code code = db_domain_history_size(look->conn, watch, look->how->rows, &rows, &one);
    if (code != ERR_OK)
        say_failed(look, watch, code, &one);
    if (code != ERR_OK || rows >= look->how->rows) {
        let_go(look, watch);
        if (code == ERR_OK)
            look->large[look->large_count++] = watch->id;
        return;
    }
    if (group->rows + rows > look->how->rows)
        scan_group(look, group);
    group->rows += rows;
    group->at[group->count++] = watch;
    if (group->count == HISTORY_TOGETHER_MAX)
        scan_group(look, group);
}

/* True: there may be others behind *after. */
static bool scan_some(struct look *look, int64_t *after)
{
    int64_t ids[DB_PENDING_MOST];
    struct group group = {.count = 0};
    struct err one = {0};
    size_t count = 0;
    enum err_code code = db_pending_list(look->conn, *after, ids, &count, &one);
    note(look, code, &one);
    for (size_t i = 0; i < count && !is_ended(look); i++) {
        const struct watch *watch = find(look, ids[i]);
        if (watch != NULL)
            add(look, &group, watch);
        *after = ids[i];
    }
    scan_group(look, &group);
    return count == DB_PENDING_MOST && !is_ended(look);
}

/* True: there is more to do for it. */
static bool scan_piece(struct look *look, const struct watch *watch)
{
    struct db_domain_history_place place = {.part = 0};
    struct history_result result = {0};
    struct err one = {0};
    if (!take(look, watch))
        return false;
    /* A place is one in the parts of the list of before or of now. */
    enum err_code code = db_psl_follow(look->conn, &one);
    if (code == ERR_OK)
        code = db_pending_place(look->conn, watch->id, &place, &one);
    place.until_ms = clock_mono_ms() + look->how->piece_ms;
    if (code == ERR_OK)
        code = pendingscan_run(look->how->dsn, look->conn, &watch, 1, &place, look->how->stop, &result, &one);
    bool more = code == ERR_OK && place.more;
    if (more)
        code = db_pending_keep(look->conn, watch, &place, &one);
    if (code != ERR_OK)
        say_failed(look, watch, code, &one);
    else if (!more)
        say_done(look, watch, &result);
    let_go(look, watch);
    return more && code == ERR_OK;
}

/* One piece each, round and round, and one in any case. True: some are left. */
static bool scan_large(struct look *look)
{
    size_t pieces = 0;
    while (look->large_count != 0 && !is_ended(look)) {
        size_t kept = 0;
        for (size_t i = 0; i < look->large_count; i++) {
            const struct watch *watch = find(look, look->large[i]);
            bool waits = is_ended(look) || (pieces != 0 && is_late(look));
            pieces++;
            if (waits || (watch != NULL && scan_piece(look, watch)))
                look->large[kept++] = look->large[i];
        }
        look->large_count = kept;
        if (is_late(look))
            return kept != 0;
    }
    return false;
}

static enum err_code load(struct look *look, struct err *why)
{
    uint64_t generation = 0;
    enum err_code code = db_psl_follow(look->conn, why);
    if (code == ERR_OK)
        code = db_domain_load(look->conn, &look->watches, &look->watch_count, &generation, why);
    if (code != ERR_OK)
        return code;
    qsort(look->watches, look->watch_count, sizeof *look->watches, by_id);
    look->large = calloc(look->watch_count + 1, sizeof *look->large);
    must(look->large != NULL);
    return ERR_OK;
}

enum err_code pendingscan_look(const struct pendingscan *how, struct pgconn *conn, bool *more,
                               struct err *why)
{
    struct look look = {.how = how, .conn = conn, .why = why};
    int64_t ids[DB_PENDING_MOST];
    int64_t after = 0;
    size_t count = 0;
    *more = false;
    enum err_code code = db_pending_list(conn, 0, ids, &count, why);
    if (code != ERR_OK || count == 0)
        return code;
    look.until_ms = how->most_ms == 0 ? 0 : clock_mono_ms() + how->most_ms;
    code = load(&look, why);
    if (code != ERR_OK)
        return code;
    bool others = scan_some(&look, &after);
    while (others && !is_late(&look))
        others = scan_some(&look, &after);
    *more = others || scan_large(&look);
    *more = *more || look.stale;
    watch_free(look.watches, look.watch_count);
    free(look.large);
    return look.code;
}
