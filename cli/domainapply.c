#include "cli/domainapply.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/caretaker.h"
#include "cli/coverview.h"
#include "cli/horizon.h"
#include "cli/policyfile.h"
#include "cli/watchname.h"
#include "db/db_domain.h"

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
    struct err why;
};

static int domainapply_by_name(const void *a, const void *b)
{
    const struct domainapply_one *const *left = a;
    const struct domainapply_one *const *right = b;
    return strcmp((*left)->watch->name, (*right)->watch->name);
}

/* All of them in one pass; when that fails each by itself. One that fails stays pending, and the others have
 * their turn. */
static void domainapply_together(struct pgconn *conn, struct domainapply_one *const *ones, size_t count)
{
    const struct watch *watches[HISTORY_TOGETHER_MAX];
    struct history_result results[HISTORY_TOGETHER_MAX];
    struct err why = {0};
    for (size_t i = 0; i < count; i++)
        watches[i] = ones[i]->watch;
    bool done = caretaker_scan_all(cmd_db_dsn(), conn, watches, count, results, &why) == ERR_OK;
    for (size_t i = 0; i < count; i++) {
        if (done)
            ones[i]->result = results[i];
        else if (caretaker_scan(cmd_db_dsn(), conn, ones[i]->watch, &ones[i]->result, &ones[i]->why) !=
                 ERR_OK)
            must(ones[i]->why.code != ERR_OK);
    }
}

static void domainapply_history(struct pgconn *conn, struct domainapply_one *all, size_t count)
{
    struct domainapply_one **sorted = calloc(count + 1, sizeof *sorted);
    must(sorted != NULL);
    for (size_t i = 0; i < count; i++)
        sorted[i] = &all[i];
    qsort(sorted, count, sizeof *sorted, domainapply_by_name);
    for (size_t at = 0; at < count; at += HISTORY_TOGETHER_MAX)
        domainapply_together(conn, &sorted[at],
                             count - at < HISTORY_TOGETHER_MAX ? count - at : HISTORY_TOGETHER_MAX);
    free(sorted);
}

static enum err_code domainapply_scan(struct domainapply_doing *doing, struct pgconn *conn,
                                      const struct db_domain_apply *done, struct err *why)
{
    struct domainapply_one *all = calloc(done->count + 1, sizeof *all);
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
    domainapply_history(conn, all, count);
    for (size_t i = 0; i < count; i++) {
        const struct watch *watch = all[i].watch;
        enum db_domain_change change = done->changes[watch - done->watches];
        if (all[i].why.code == ERR_OK)
            domainapply_say(doing, domainapply_words[change], watch->name, watch->id, &all[i].result);
        else if (code == ERR_OK)
            code =
                err_set(why, all[i].why.code,
                        "%s is registered, but the stored certificates were not all looked at; `run`, `watch`"
                        " and `ingest` do it again, and so does 'ctvigil domain history %s': %s",
                        watch->name, watch->name, all[i].why.text);
    }
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
