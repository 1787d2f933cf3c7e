#include "db/replica.h"

#include <time.h>

#include "base/limits.h"
#include "base/say.h"
#include "db/pgexec.h"

enum err_code replica_look(struct pgconn *conn, struct replica_state *state, struct err *why)
{
    /* The clock of the last transaction alone would call a replica late whose primary has nothing to do. */
    static const char sql[] =
        "SELECT r.yes, r.yes AND EXISTS (SELECT FROM pg_stat_wal_receiver AS w WHERE w.pid IS NOT NULL),"
        " pg_last_xact_replay_timestamp(), CASE WHEN r.yes THEN"
        "  coalesce(pg_last_wal_receive_lsn() <= pg_last_wal_replay_lsn(), false) END,"
        " extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8 * 1000"
        " FROM (SELECT pg_is_in_recovery() AS yes) AS r";
    PGresult *res = NULL;
    *state = (struct replica_state){0};
    enum err_code code = pgexec_run(conn, sql, &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    state->replica = pgexec_get_bool(res, 0, 0);
    state->connected = pgexec_get_bool(res, 0, 1);
    state->any = !pgexec_is_null(res, 0, 2);
    state->at_ms = pgexec_get_time(res, 0, 2);
    bool level = state->connected && pgexec_get_bool(res, 0, 3);
    double lag_ms = pgexec_get_real(res, 0, 4);
    state->lag_ms = level || lag_ms < 0 ? 0 : state->any || !state->replica ? (int64_t)lag_ms : -1;
    PQclear(res);
    return ERR_OK;
}

bool replica_again(struct pgconn *conn, unsigned *tries)
{
    struct err ignored = {0};
    /* A session that is ended between two statements is found gone by the next one, without a reason. */
    bool ended = PQstatus(conn->pg) != CONNECTION_OK && conn->sqlstate[0] == '\0';
    bool conflict = strcmp(conn->sqlstate, "40001") == 0;
    if (!conn->reads || !conn->replica || !(ended || conflict) || *tries >= LIMIT_REPLICA_TRIES)
        return false;
    struct timespec pause = {.tv_nsec = (100 << *tries) * 1000000L};
    while (pause.tv_nsec >= 1000000000L) {
        pause.tv_nsec -= 1000000000L;
        pause.tv_sec++;
    }
    ++*tries;
    say_debug("db", "the replica needed what this statement read; it is asked again");
    (void)nanosleep(&pause, NULL);
    return PQstatus(conn->pg) == CONNECTION_OK || pgconn_reopen(conn, &ignored) == ERR_OK;
}
