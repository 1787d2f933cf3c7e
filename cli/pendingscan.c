#include "cli/pendingscan.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/say.h"
#include "cli/blockset.h"
#include "cli/matching.h"
#include "cli/trustset.h"
#include "db/db_pending.h"
#include "db/db_psl.h"

#define SPOKEN_OF 64 /* so many domains are told of one by one, whatever came of them */

struct look {
    const struct pendingscan *how;
    struct pgconn *conn;
    int64_t until_ms; /* 0: no end */
    int64_t *large;   /* domains whose turn comes when the others are done */
    size_t large_count;
    size_t large_room;
    struct history_all all;
    uint64_t done;
    bool part;          /* something that was put down can not be looked at: they stay pending */
    bool stale;         /* rules of some were changed since: they are for the next look */
    enum err_code code; /* the first failure */
    struct err *why;
};

/* Some domains that share a pass. */
struct group {
    const struct watch **at; /* room for all of a batch */
    size_t count;
    int64_t rows;
    const struct db_history_size *size; /* of the batch */
};

enum err_code pendingscan_run(const struct pendingscan_pass *pass, struct pgconn *conn,
                              const struct watch *const *watches, size_t count,
                              struct history_result *results, struct err *why)
{
    struct pgconn *write = NULL;
    struct cagraph *trust = NULL;
    struct blocklist *blocklist = NULL;
    enum err_code code = pgconn_open(pass->dsn, &write, why);

    if (code == ERR_OK)
        code = trustset_pin(write, &trust, why);
    if (code == ERR_OK)
        code = blockset_pin(&blocklist, why);
    if (code == ERR_OK) {
        /* What is read from its second connection never waits for rows of the first one. */
        struct history_reader reader = matching_reader(write, pass->stop);
        reader.place = pass->place;
        reader.size = pass->size;
        reader.all = pass->all;
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
    /* The next look begins anew with those that stay, so that it would not get beyond them. */
    return !look->part && look->until_ms != 0 && clock_mono_ms() >= look->until_ms;
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

static void say_part(struct look *look, const struct watch *watch, size_t others, const struct err *one)
{
    note(look, ERR_DB_PART, one);
    look->part = true;
    if (others == 0)
        say_warn("watch", "domain=%s its history scan stays pending: %s", watch->name, one->text);
    else
        say_warn("watch", "domain=%s and %zu others: their history scans stay pending: %s", watch->name,
                 others, one->text);
}

static void say_done(struct look *look, const struct watch *watch, const struct history_result *result)
{
    if (result->outdated) {
        look->stale = true;
        say_info("watch",
                 "domain=%s its history scan is done again, if it is still registered: it was changed"
                 " meanwhile, or its row was locked",
                 watch->name);
        return;
    }
    say_info("watch",
             "domain=%s the history scan that was pending is done: %" PRIu64 " stored certificates"
             " concern it, %" PRIu64 " alerts raised, %" PRIu64 " more without a domain, %" PRIu64
             " by an allowed CA by the word of the log alone",
             watch->name, result->concerned, result->raised, result->nobody, result->claimed);
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

/* True: it has to be told of by itself. */
static bool is_news(const struct history_result *result, size_t count)
{
    return count <= SPOKEN_OF || result->outdated || result->concerned != 0 || result->raised != 0;
}

static void say_all(struct look *look, const struct watch *const *watches, size_t count,
                    const struct history_result *results)
{
    size_t quiet = 0;
    for (size_t i = 0; i < count; i++) {
        bool news = is_news(&results[i], count);
        if (news)
            say_done(look, watches[i], &results[i]);
        quiet += !news;
        look->done += !results[i].outdated;
    }
    if (quiet != 0)
        say_info("watch",
                 "domains=%zu their history scans that were pending are done: nothing stored"
                 " concerns them",
                 quiet);
}

/* All in one pass; when that fails its halves by themselves, so that one that fails takes no other one along.
 */
static void scan_these(struct look *look, const struct group *group, size_t begin, size_t count)
{
    const struct pendingscan_pass pass = {
        .dsn = look->how->dsn, .size = group->size, .all = &look->all, .stop = look->how->stop};
    const struct watch *const *watches = group->at + begin;
    struct history_result *results = calloc(count, sizeof *results);
    struct err one = {0};
    must(results != NULL);
    enum err_code code = pendingscan_run(&pass, look->conn, watches, count, results, &one);
    if (code == ERR_OK)
        say_all(look, watches, count, results);
    free(results);
    if (code == ERR_DB_PART) {
        say_part(look, watches[0], count - 1, &one);
        return;
    }
    if (code == ERR_DB_DOWN || (code != ERR_OK && count == 1))
        say_failed(look, watches[0], code, &one);
    if (code == ERR_OK || count == 1 || is_ended(look))
        return;
    scan_these(look, group, begin, count / 2);
    if (!is_ended(look))
        scan_these(look, group, begin + count / 2, count - count / 2);
}

static void scan_group(struct look *look, struct group *group)
{
    if (group->count != 0 && !is_ended(look))
        scan_these(look, group, 0, group->count);
    group->count = 0;
    group->rows = 0;
}

static void put_off(struct look *look, int64_t id)
{
    if (look->large_count == look->large_room) {
        look->large_room = 2 * look->large_room + 64;
        look->large = reallocarray(look->large, look->large_room, sizeof *look->large);
        must(look->large != NULL);
    }
    look->large[look->large_count++] = id;
}

static void add(struct look *look, struct group *group, const struct watch *watch)
{
    struct err one = {0};
    int64_t rows = 0;
    enum err_code code = db_history_size_of(look->conn, group->size, watch, look->how->rows, &rows, &one);
    if (code != ERR_OK)
        say_failed(look, watch, code, &one);
    else if (rows >= look->how->rows)
        put_off(look, watch->id);
    if (code != ERR_OK || rows >= look->how->rows)
        return;
    if (group->rows + rows > look->how->rows)
        scan_group(look, group);
    group->rows += rows;
    group->at[group->count++] = watch;
}

/* True: it is late, and not all had their turn. */
static bool scan_batch(struct look *look, const struct watch *watches, size_t count)
{
    struct db_history_size size = {.count = 0};
    struct group group = {.at = calloc(count + 1, sizeof *group.at), .size = &size};
    struct err one = {0};
    size_t at = 0;
    must(group.at != NULL);
    enum err_code code =
        db_history_size_load(look->conn, watches, count, look->how->rows, look->how->stop, &size, &one);
    note(look, code, &one);
    uint64_t before = look->done;
    while (code == ERR_OK && at < count && !is_ended(look) && !(look->done != before && is_late(look)))
        add(look, &group, &watches[at++]);
    scan_group(look, &group);
    db_history_size_free(&size);
    free(group.at);
    return code == ERR_OK && at < count;
}

/* True: there may be others behind *after. */
static bool scan_some(struct look *look, int64_t *after)
{
    int64_t *ids = calloc(DB_PENDING_MOST, sizeof *ids);
    struct watch *watches = NULL;
    struct err one = {0};
    size_t count = 0;
    size_t loaded = 0;
    bool late = false;
    must(ids != NULL);
    enum err_code code = db_pending_list(look->conn, *after, ids, &count, &one);
    if (code == ERR_OK && count != 0) {
        *after = ids[count - 1];
        code = db_domain_load_some(look->conn, ids, count, &watches, &loaded, &one);
    }
    note(look, code, &one);
    free(ids);
    if (code != ERR_OK || count == 0)
        return false;
    late = scan_batch(look, watches, loaded);
    watch_free(watches, loaded);
    return (late || count == DB_PENDING_MOST) && !is_ended(look);
}

/* True: there is more to do for it. */
static bool scan_piece(struct look *look, const struct watch *watch)
{
    struct db_domain_history_place place = {.part = 0};
    const struct pendingscan_pass pass = {
        .dsn = look->how->dsn, .place = &place, .all = &look->all, .stop = look->how->stop};
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
        code = pendingscan_run(&pass, look->conn, &watch, 1, &result, &one);
    bool more = code == ERR_OK && place.more;
    if (more)
        code = db_pending_keep(look->conn, watch, &place, &one);
    if (code == ERR_DB_PART)
        say_part(look, watch, 0, &one);
    else if (code != ERR_OK)
        say_failed(look, watch, code, &one);
    else if (!more)
        say_done(look, watch, &result);
    let_go(look, watch);
    return more && code == ERR_OK;
}

static bool scan_id(struct look *look, int64_t id)
{
    struct watch *watch = NULL;
    struct err one = {0};
    size_t count = 0;
    enum err_code code = db_domain_load_some(look->conn, &id, 1, &watch, &count, &one);
    note(look, code, &one);
    if (code != ERR_OK)
        return false;
    bool more = count == 1 && scan_piece(look, watch);
    watch_free(watch, count);
    return more;
}

/* One piece each, round and round, and one in any case. True: some are left. */
static bool scan_large(struct look *look)
{
    size_t pieces = 0;
    while (look->large_count != 0 && !is_ended(look)) {
        size_t kept = 0;
        for (size_t i = 0; i < look->large_count; i++) {
            bool waits = is_ended(look) || (pieces != 0 && is_late(look));
            pieces++;
            if (waits || scan_id(look, look->large[i]))
                look->large[kept++] = look->large[i];
        }
        look->large_count = kept;
        if (is_late(look))
            return kept != 0;
    }
    return false;
}

void pendingscan_progress(const struct db_pending_progress *progress, char *text, size_t room)
{
    uint64_t seconds =
        progress->minute == 0 ? 0 : (progress->left * 60 + progress->minute - 1) / progress->minute;
    int len =
        snprintf(text, room, "%" PRIu64 " of %" PRIu64 " registered domains wait for their history scan",
                 progress->left, progress->all);
    if (len < 0 || (size_t)len >= room)
        return;
    if (seconds == 0)
        (void)snprintf(text + len, room - (size_t)len, "; none was done in the last minute");
    else
        (void)snprintf(text + len, room - (size_t)len,
                       "; %" PRIu64 " were done in the last minute, so it takes about %" PRIu64 " %s more",
                       progress->minute, seconds < 100 ? seconds : (seconds + 59) / 60,
                       seconds < 100 ? "seconds" : "minutes");
}

static void say_progress(struct look *look)
{
    struct db_pending_progress progress;
    char text[PENDINGSCAN_PROGRESS_MAX];
    struct err one = {0};
    note(look, db_pending_progress(look->conn, &progress, &one), &one);
    if (one.code != ERR_OK || progress.left == 0)
        return;
    pendingscan_progress(&progress, text, sizeof text);
    say_info("watch", "%s", text);
}

/* True: some are left, which this process may do. */
static bool scan_lists(struct look *look)
{
    const struct pendingscan *how = look->how;
    unsigned never = 0;
    unsigned *missed = how->missed != NULL ? how->missed : &never;
    struct err one = {0};
    int64_t after = 0;
    bool taken = false;
    bool others = true;
    enum err_code code = db_pending_lock(look->conn, DB_PENDING_MANY, false, &taken, &one);
    note(look, code, &one);
    /* Who has had it for so long may have been stopped. Work that is done twice does no harm. */
    *missed = taken ? 0 : *missed + 1;
    if (code != ERR_OK || (!taken && *missed < PENDINGSCAN_MISSED))
        return false;
    others = scan_some(look, &after);
    while (others && !is_late(look))
        others = scan_some(look, &after);
    if (taken)
        note(look, db_pending_unlock(look->conn, DB_PENDING_MANY, &one), &one);
    return others;
}

/* What stays pending is not looked through again each minute, unless somebody was registered. */
static bool is_resting(const struct pendingscan_rest *rest, uint64_t generation)
{
    return rest != NULL && rest->until_ms > clock_mono_ms() && rest->generation == generation;
}

enum err_code pendingscan_look(const struct pendingscan *how, struct pgconn *conn, bool *more,
                               struct err *why)
{
    struct look look = {.how = how, .conn = conn, .why = why};
    bool any = false;
    uint64_t generation = 0;
    *more = false;
    enum err_code code = db_pending_any(conn, &any, why);
    if (code == ERR_OK && any)
        code = db_domain_generation(conn, &generation, why);
    if (code == ERR_OK && any && is_resting(how->rest, generation))
        return ERR_OK;
    if (code == ERR_OK && any)
        code = db_psl_follow(conn, why);
    if (code != ERR_OK || !any)
        return code;
    look.until_ms = how->most_ms == 0 ? 0 : clock_mono_ms() + how->most_ms;
    bool others = scan_lists(&look);
    *more = others || scan_large(&look);
    *more = *more || look.stale;
    if ((others || look.done > SPOKEN_OF) && !is_ended(&look))
        say_progress(&look);
    if (look.part && how->rest != NULL)
        *how->rest = (struct pendingscan_rest){clock_mono_ms() + LIMIT_PENDING_REST_MS, generation};
    history_all_free(&look.all);
    free(look.large);
    return look.code;
}
