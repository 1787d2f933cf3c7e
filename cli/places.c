#include "cli/places.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>

#include "db/db_place.h"

static atomic_bool places_stop;

static void places_on_signal(int number)
{
    (void)number;
    atomic_store(&places_stop, true);
}

static void places_print(const struct cmd *cmd, uint64_t rows, uint64_t bad, uint64_t tiles)
{
    if (cmd->json) {
        cmd_print_json(json_pack("{s:s, s:I, s:I, s:I}", "schema", "ctvigil.db.places.1", "blocks",
                                 (json_int_t)rows, "damaged", (json_int_t)bad, "tiles_read",
                                 (json_int_t)tiles));
        return;
    }
    printf("%" PRIu64 " blocks looked at, %" PRIu64 " of them damaged", rows, bad);
    if (tiles != 0)
        printf("; what was missing is made anew from %" PRIu64 " tiles", tiles);
    printf("\n");
}

int places_run(struct cmd *cmd, bool anew)
{
    struct sigaction action = {.sa_handler = places_on_signal};
    struct pgconn *conn;
    struct err why = {0};
    uint64_t rows = 0;
    uint64_t bad = 0;
    uint64_t tiles = 0;
    enum err_code code = cmd_db_open(cmd, &conn, &why);

    if (code != ERR_OK)
        return cmd_fail(&why);
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    code = db_place_check(conn, &places_stop, &rows, &bad, &why);
    if (code == ERR_OK && bad != 0)
        fprintf(stderr, "ctvigil: %" PRIu64 " damaged blocks: making anew what they held\n", bad);
    if (code == ERR_OK && anew)
        code = db_place_doubt(conn, &why);
    if (code == ERR_OK)
        code = db_place_mend(conn, &places_stop, UINT64_MAX, &tiles, &why);
    if (code == ERR_CLOSED) {
        err_clear(&why);
        (void)err_set(&why, ERR_CLOSED,
                      "stopped; the same command goes on from here, and so do run and ingest");
    }
    if (code == ERR_OK)
        places_print(cmd, rows, bad, tiles);
    cmd_db_close(conn);
    return code == ERR_OK ? CMD_OK : cmd_fail(&why);
}

void places_say(struct pgconn *conn)
{
    int64_t buckets = 0;

    if (db_place_bad(conn, &buckets, NULL) == ERR_OK && buckets != 0)
        fprintf(stderr, "ctvigil: damaged rows of place_block are being made anew: until then a hash may not "
                        "be found, and entries in logs may be missing (see `ctvigil db status`)\n");
}
