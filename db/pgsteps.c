#include "db/pgsteps.h"

#include <stdio.h>

#include "db/pganswer.h"

/* Behind a pooler a statement that stands alone gets a transaction of its own, and so would a BEGIN. */
static enum err_code one_apart(struct pgconn *conn, struct pgstep *step, struct err *why)
{
    if (conn->pooled && strncmp(step->sql, "BEGIN", 5) == 0)
        return pgexec_begin_as(conn, step->sql, why);
    return pgexec_cached(conn, step->sql, step->args, &step->res, why);
}

static enum err_code apart(struct pgconn *conn, struct pgstep *steps, size_t count, struct err *why)
{
    enum err_code code = ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < count; i++)
        code = one_apart(conn, &steps[i], why);
    return code;
}

/* Behind one that could not be prepared none is. */
static void note_use(struct pgconn *conn, size_t at, const char *sql, bool made)
{
    if (made) {
        must(at == conn->cached_count);
        conn->uses[at] = 0;
        conn->cached[conn->cached_count++] = sql;
    }
    if (at < conn->cached_count)
        conn->uses[at]++;
}

static enum err_code together(struct pgconn *conn, struct pgstep *steps, size_t count, struct err *why)
{
    struct pganswer_step sent[PGSTEPS_MAX];
    char names[PGSTEPS_MAX][16];
    size_t at[PGSTEPS_MAX];
    size_t fresh = conn->cached_count;
    enum err_code code = ERR_OK;
    for (size_t i = 0; i < count; i++) {
        bool make = (at[i] = pgexec_cached_at(conn, steps[i].sql)) == conn->cached_count;
        at[i] = make ? fresh++ : at[i];
        must(at[i] < PGEXEC_CACHED_MAX);
        (void)snprintf(names[i], sizeof names[i], "s%zu", at[i]);
        sent[i] = (struct pganswer_step){
            .name = names[i], .make = make ? steps[i].sql : NULL, .args = steps[i].args};
    }
    pganswer_steps(conn, sent, count);
    for (size_t i = 0; i < count; i++) {
        note_use(conn, at[i], steps[i].sql, sent[i].made);
        if (code == ERR_OK)
            code = pgexec_result(conn, sent[i].res, &steps[i].res, why);
        else
            PQclear(sent[i].res);
    }
    return code;
}

enum err_code pgsteps_run(struct pgconn *conn, struct pgstep *steps, size_t count, struct err *why)
{
    must(count <= PGSTEPS_MAX);
    for (size_t i = 0; i < count; i++)
        steps[i].res = NULL;
    enum err_code code =
        conn->pooled || conn->spread ? apart(conn, steps, count, why) : together(conn, steps, count, why);
    for (size_t i = 0; code != ERR_OK && i < count; i++) {
        PQclear(steps[i].res);
        steps[i].res = NULL;
    }
    return code;
}
