#include "cli/domainapply.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "cli/caretaker.h"
#include "cli/coverview.h"
#include "cli/horizon.h"
#include "cli/policyfile.h"
#include "cli/watchname.h"
#include "db/db_domain.h"
#include "db/db_pending.h"

struct domainapply_doing {
    const struct cmd *cmd;
    const struct domainapply *apply;
    size_t count[3]; /* by enum db_domain_change */
    size_t others;
    struct pgconn *conn;
    struct coverview coverage;
    bool matched; /* some domain was held against what is stored */
};

static const char *const domainapply_words[] = {"unchanged", "added", "changed"};

static void domainapply_say(struct domainapply_doing *doing, const char *what, const char *name, int64_t id,
                            const struct history_result *result)
{
    doing->matched = doing->matched || result != NULL;
    if (doing->cmd->json) {
        json_t *line =
            json_pack("{s:s, s:s, s:s}", "schema", "ctvigil.domain.applied.1", "name", name, "action", what);
        must(line != NULL);
        if (result != NULL)
            coverview_matched_json(doing->conn, &doing->coverage, id, line);
        if (result != NULL)
            must(json_object_update_new(line, json_pack("{s:I, s:I, s:I}", "id", (json_int_t)id, "concerned",
                                                        (json_int_t)result->concerned, "alerts",
                                                        (json_int_t)result->raised)) == 0);
        cmd_print_json(line);
        return;
    }
    if (result == NULL)
        printf("%s %s\n", what, name);
    else
        printf("%s %s (id %" PRId64 "): %" PRIu64 " stored certificate%s concern%s it, %" PRIu64
               " alert%s raised\n",
               what, name, id, result->concerned, result->concerned == 1 ? "" : "s",
               result->concerned == 1 ? "s" : "", result->raised, result->raised == 1 ? "" : "s");
}

static void domainapply_other(void *arg, const char *name)
{
    struct domainapply_doing *doing = arg;
    doing->others++;
    if (doing->apply->prune)
        domainapply_say(doing, "removed", name, 0, NULL);
}

static void domainapply_warn(const struct watch *watches, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *warning = watchname_warning(&watches[i], watches[i].name);
        if (warning != NULL)
            fprintf(stderr, "ctvigil: warning: %s: %s\n", watches[i].name, warning);
    }
}

/* A place in the file, and what its history scan said. */
struct domainapply_one {
    const struct watch *watch;
    struct history_result result;
    bool failed;
};

/* All that are scanned, and the first that failed. */
struct domainapply_scanning {
    struct pgconn *conn;
    struct history_all all;
    const struct watch *failed;
    struct err why;
};

static int domainapply_by_name(const void *a, const void *b)
{
    const struct domainapply_one *const *left = a;
    const struct domainapply_one *const *right = b;
    return strcmp((*left)->watch->name, (*right)->watch->name);
}

static void domainapply_failed(struct domainapply_scanning *scanning, struct domainapply_one *one,
                               const struct err *why)
{
    one->failed = true;
    if (scanning->failed != NULL)
        return;
    scanning->failed = one->watch;
    scanning->why = *why;
}

static void domainapply_alone(struct domainapply_scanning *scanning, struct domainapply_one *one)
{
    struct err why = {0};
    if (caretaker_scan(cmd_db_dsn(), scanning->conn, one->watch, &one->result, &why) != ERR_OK)
        domainapply_failed(scanning, one, &why);
}

static bool domainapply_in_one(struct domainapply_scanning *scanning, struct domainapply_one *const *ones,
                               size_t count, struct err *why)
{
    const struct watch **watches = calloc(count, sizeof *watches);
    struct history_result *results = calloc(count, sizeof *results);
    must(watches != NULL && results != NULL);
    for (size_t i = 0; i < count; i++)
        watches[i] = ones[i]->watch;
    bool done = caretaker_scan_all(cmd_db_dsn(), scanning->conn, watches, count, &scanning->all, results,
                                   why) == ERR_OK;
    for (size_t i = 0; done && i < count; i++) {
        ones[i]->result = results[i];
        if (results[i].outdated)
            domainapply_alone(scanning, ones[i]);
    }
    free(watches);
    free(results);
    return done;
}

/* All of them in one pass; when that fails its halves by themselves. One that fails stays pending, and the
 * others have their turn. */
static void domainapply_together(struct domainapply_scanning *scanning, struct domainapply_one *const *ones,
                                 size_t count)
{
    struct err why = {0};
    if (domainapply_in_one(scanning, ones, count, &why))
        return;
    if (count > 1 && why.code != ERR_DB_DOWN) {
        domainapply_together(scanning, ones, count / 2);
        domainapply_together(scanning, ones + count / 2, count - count / 2);
        return;
    }
    for (size_t i = 0; i < count; i++)
        domainapply_failed(scanning, ones[i], &why);
}

static void domainapply_history(struct domainapply_scanning *scanning, struct domainapply_one *all,
                                size_t count)
{
    struct domainapply_one **sorted = calloc(count + 1, sizeof *sorted);
    int64_t begun_ms = clock_mono_ms();
    must(sorted != NULL);
    for (size_t i = 0; i < count; i++)
        sorted[i] = &all[i];
    qsort(sorted, count, sizeof *sorted, domainapply_by_name);
    for (size_t at = 0; at < count; at += HISTORY_TOGETHER_MAX) {
        size_t some = count - at < HISTORY_TOGETHER_MAX ? count - at : HISTORY_TOGETHER_MAX;
        domainapply_together(scanning, &sorted[at], some);
        int64_t ms = clock_mono_ms() - begun_ms;
        if (at + some < count)
            fprintf(stderr,
                    "ctvigil: the histories of %zu of %zu domains are scanned, about %" PRId64
                    " seconds more\n",
                    at + some, count, (int64_t)(count - at - some) * ms / (int64_t)(at + some) / 1000 + 1);
    }
    free(sorted);
}

static enum err_code domainapply_scan(struct domainapply_doing *doing, struct pgconn *conn,
                                      const struct db_domain_apply *done, struct err *why)
{
    struct domainapply_one *all = calloc(done->count + 1, sizeof *all);
    struct domainapply_scanning scanning = {.conn = conn};
    enum err_code code = ERR_OK;
    size_t count = 0;
    must(all != NULL);
    for (size_t i = 0; i < done->count; i++) {
        enum db_domain_change change = done->changes[i];
        doing->count[change]++;
        if (change != DB_DOMAIN_SAME && doing->apply->dry_run)
            domainapply_say(doing, domainapply_words[change], done->watches[i].name, 0, NULL);
        else if (change != DB_DOMAIN_SAME)
            all[count++].watch = &done->watches[i];
    }
    domainapply_history(&scanning, all, count);
    for (size_t i = 0; i < count; i++) {
        const struct watch *watch = all[i].watch;
        enum db_domain_change change = done->changes[watch - done->watches];
        if (!all[i].failed)
            domainapply_say(doing, domainapply_words[change], watch->name, watch->id, &all[i].result);
    }
    if (scanning.failed != NULL)
        code = err_set(why, scanning.why.code,
                       "%s is registered, but the stored certificates were not all looked at; `run`, `watch`"
                       " and `ingest` do it again, and so does 'ctvigil domain history %s': %s",
                       scanning.failed->name, scanning.failed->name, scanning.why.text);
    history_all_free(&scanning.all);
    free(all);
    return code;
}

static void domainapply_sum(const struct domainapply_doing *doing)
{
    bool prune = doing->apply->prune;
    fprintf(stderr, "ctvigil: %s%zu added, %zu changed, %zu unchanged, %zu %s\n",
            doing->apply->dry_run ? "nothing done; it would be " : "", doing->count[DB_DOMAIN_ADDED],
            doing->count[DB_DOMAIN_CHANGED], doing->count[DB_DOMAIN_SAME], doing->others,
            prune ? "removed" : "not in the file and kept (--prune removes them)");
}

int domainapply_run(const struct cmd *cmd, const struct domainapply *apply)
{
    struct domainapply_doing doing = {.cmd = cmd, .apply = apply};
    struct db_domain_apply what = {.prune = apply->prune, .dry_run = apply->dry_run};
    struct pgconn *conn = NULL;
    struct err why = {0};
    enum err_code code = cmd_db_open(cmd, &conn, &why); /* the public suffix list is that of the database */

    if (code == ERR_OK)
        code = policyfile_load(cmd, apply->path, &what.watches, &what.count, &why);
    if (code == ERR_OK) {
        domainapply_warn(what.watches, what.count);
        what.other = domainapply_other;
        what.arg = &doing;
        what.changes = calloc(what.count, sizeof *what.changes);
        must(what.changes != NULL);
        if (!apply->dry_run)
            code = caretaker_claim(conn, DB_PENDING_MANY, &why);
        if (code == ERR_OK)
            code = db_domain_apply(conn, &what, &why);
    }
    doing.conn = conn;
    if (code == ERR_OK)
        code = domainapply_scan(&doing, conn, &what, &why);
    if (code == ERR_OK) {
        if (doing.matched && !cmd->json)
            coverview_matched(conn, 0);
        domainapply_sum(&doing);
        horizon_say_when(conn);
    }
    coverview_free(&doing.coverage);
    free(what.changes);
    watch_free(what.watches, what.count);
    if (conn != NULL)
        cmd_db_close(conn);
    return code == ERR_OK ? CMD_OK : cmd_fail(&why);
}
