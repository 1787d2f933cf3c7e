#include "db/db_alert_raise.h"

#include "db/alertjson.h"
#include "db/pgexec.h"
#include "db/stage.h"
#include "db/store_alert.h"

#define JSON_MAX (1u << 20)

/* Staging tables live as long as the connection. */
static enum err_code ready(struct pgconn *conn, struct err *why)
{
    PGresult *res = NULL;
    enum err_code code =
        pgexec_cached(conn, "SELECT to_regclass('pg_temp.stage_alert') IS NULL", &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    bool missing = pgexec_get_bool(res, 0, 0);
    PQclear(res);
    return missing ? pgexec_script(conn, stage_tables, why) : ERR_OK;
}

/* An alert that was seen nowhere (a test) has its time. */
static enum err_code stage_all(struct pgconn *conn, const struct alert *alert,
                               const struct sighting *sightings, size_t count, const char *dedup,
                               struct err *why)
{
    const struct sighting nowhere = {.timestamp_ms = alert->sighting.timestamp_ms};
    struct copy copy;
    struct buf scratch;
    copy_init(&copy);
    buf_init(&scratch, JSON_MAX);
    store_alert_begin(&copy, conn, why);
    for (size_t i = 0; i < count || i == 0; i++) {
        const struct store_alert_place place = {dedup, count == 0 ? &nowhere : &sightings[i]};
        store_alert_put(&copy, &scratch, alert, &place, (int32_t)i);
    }
    enum err_code code = copy_end(&copy);
    buf_fini(&scratch);
    copy_fini(&copy);
    return code;
}

/* *id 0: its domain was removed meanwhile. */
static enum err_code look(struct pgconn *conn, int64_t *id, bool *raised, struct err *why)
{
    PGresult *res = NULL;
    enum err_code code = pgexec_cached(conn,
                                       "SELECT a.id, a.created_at = now() FROM alert AS a"
                                       " WHERE a.id IN (SELECT s.alert FROM stage_alert AS s)",
                                       &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    bool found = PQntuples(res) != 0;
    *id = found ? pgexec_get_int(res, 0, 0) : 0;
    *raised = found && pgexec_get_bool(res, 0, 1);
    PQclear(res);
    return ERR_OK;
}

enum err_code db_alert_raise(struct pgconn *conn, const struct alert *alert, const struct sighting *sightings,
                             size_t sighting_count, const char *dedup, int64_t *id, bool *raised,
                             struct err *why)
{
    int64_t alert_id = 0;
    must(alert->finding_count != 0);
    must(dedup != NULL || (alert->domain_id != ALERT_DOMAINS_NONE && alertjson_has_fp(alert)));
    *raised = false;
    enum err_code code = ready(conn, why);
    if (code == ERR_OK)
        code = pgexec_begin(conn, why);
    if (code != ERR_OK)
        return code;
    code = stage_all(conn, alert, sightings, sighting_count, dedup, why);
    if (code == ERR_OK)
        code = store_alert_write(conn, why);
    if (code == ERR_OK)
        code = look(conn, &alert_id, raised, why);
    if (code == ERR_OK)
        code = pgexec_commit(conn, why);
    else
        pgexec_rollback(conn);
    if (id != NULL)
        *id = alert_id;
    return code;
}
