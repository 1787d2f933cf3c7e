#include "cli/backfill.h"

#include <stdio.h>

#include "db/db_load.h"

#define BACKFILL_WAIT_MS 600000

bool backfill_is(const struct conf *conf, uint64_t entries)
{
    return conf->db.backfill_entries != 0 && entries >= (uint64_t)conf->db.backfill_entries;
}

void backfill_say(struct pgconn *conn)
{
    int64_t rows = 0;

    if (db_load_waiting(conn, &rows, NULL) == ERR_OK && rows != 0)
        fprintf(stderr,
                "ctvigil: a backfill is under way: about %" PRId64
                " expired certificates that were read are not found"
                " yet\n",
                rows);
}

static void backfill_told(void *arg, const char *partition, int64_t rows)
{
    (void)arg;
    fprintf(stderr, "ctvigil: putting %" PRId64 " certificates into the partition %s\n", rows, partition);
}

enum err_code backfill_end(struct pgconn *conn, const atomic_bool *stop, struct err *why)
{
    const struct db_load_how how = {.stop = stop, .told = backfill_told, .wait_ms = BACKFILL_WAIT_MS};

    return db_load_seal(conn, &how, why);
}

enum err_code backfill_rest(struct pgconn *conn, const atomic_bool *stop, struct err *why)
{
    const struct db_load_how how = {
        .stop = stop, .told = backfill_told, .wait_ms = BACKFILL_WAIT_MS, .idle_only = true};

    return db_load_seal(conn, &how, why);
}
