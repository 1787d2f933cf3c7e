#include "cli/readerwatch.h"

#include <stdlib.h>
#include <string.h>

#include "base/metric.h"
#include "base/say.h"
#include "cli/chore.h"
#include "db/db_reader.h"

#define READERWATCH_WAIT_MS 10000

struct readerwatch {
    char *dsn;
    struct chore chore;
};

static void readerwatch_said(void *arg, const char *line)
{
    (void)arg;
    say_warn("db", "%s", line);
}

/* A connection of its own for each look: an idle one would cost the server more. */
static int64_t readerwatch_look(void *arg)
{
    struct readerwatch *watch = arg;
    struct pgconn *conn = NULL;
    struct err why = {0};
    uint64_t ended = 0;
    enum err_code code = pgconn_open(watch->dsn, &conn, &why);

    if (code == ERR_OK)
        code = db_reader_watch(conn, readerwatch_said, NULL, &ended, &why);
    if (code != ERR_OK && !atomic_load(&watch->chore.stop))
        say_debug("db", "looking after readers: %s",
                  why.text); /* an outage is said by whoever reads or delivers */
    metric_add(METRIC_READERS_ENDED_TOTAL, ended);
    pgconn_free(conn);
    return READERWATCH_WAIT_MS;
}

enum err_code readerwatch_start(const char *dsn, struct readerwatch **out, struct err *why)
{
    struct readerwatch *watch = calloc(1, sizeof *watch);

    *out = NULL;
    must(watch != NULL);
    watch->dsn = strdup(dsn);
    must(watch->dsn != NULL);
    enum err_code code = chore_start(&watch->chore, "readerwatch", readerwatch_look, watch, why);
    if (code != ERR_OK)
        readerwatch_stop(watch);
    else
        *out = watch;
    return code;
}

void readerwatch_stop(struct readerwatch *watch)
{
    if (watch == NULL)
        return;
    chore_stop(&watch->chore);
    free(watch->dsn);
    free(watch);
}
