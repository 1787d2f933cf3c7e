#include "cli/partkeeper.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/say.h"
#include "base/text.h"
#include "cli/chore.h"
#include "cli/prune.h"
#include "cli/suffixes.h"
#include "db/db_load.h"
#include "db/db_place.h"

#define PARTKEEPER_WAIT_MS  600000 /* between two looks */
#define PARTKEEPER_FIRST_MS 60000  /* whoever has just started has better things to do */
#define PARTKEEPER_HOUR_MS  3600000

struct partkeeper {
    char *dsn;
    struct db_part_rules rules;
    struct partkeeper_hours hours;
    bool begun;
    struct chore chore;
};

enum err_code partkeeper_read_hours(const char *text, struct partkeeper_hours *hours, struct err *why)
{
    const char *dash = strchr(text, '-');
    uint64_t from = 24;
    uint64_t until = 25;

    *hours = (struct partkeeper_hours){0};
    if (text[0] == '\0')
        return ERR_OK;
    if (dash == NULL || !text_uint(span_of(text, (size_t)(dash - text)), &from) ||
        !text_uint(span_str(dash + 1), &until) || from > 23 || until > 24 || from == until)
        return err_set(why, ERR_CONFIG, "db.maintain_hours: '%s' is not a span of hours (UTC) such as 22-4",
                       text);
    *hours = (struct partkeeper_hours){(unsigned)from, (unsigned)until};
    return ERR_OK;
}

bool partkeeper_is_hour(const struct partkeeper_hours *hours, int64_t wall_ms)
{
    unsigned hour = (unsigned)(wall_ms / PARTKEEPER_HOUR_MS % 24);

    if (hours->from == hours->until)
        return true;
    if (hours->from < hours->until)
        return hour >= hours->from && hour < hours->until;
    return hour >= hours->from || hour < hours->until;
}

/* Months and what is no longer to be kept do not wait for the hour; rewriting does. */
static bool partkeeper_may(const struct partkeeper *keeper, const struct db_part_todo *todo)
{
    return todo->act == DB_PART_DROP || todo->act == DB_PART_SPLIT ||
           partkeeper_is_hour(&keeper->hours, clock_wall_ms());
}

/* What an import that was killed has left. What can not be put in its place is told at the end: nothing else
 * waits for it. */
static enum err_code partkeeper_seal(struct pgconn *conn, const struct partkeeper *keeper,
                                     struct err *sealing, struct err *why)
{
    const struct db_load_how how = {.stop = &keeper->chore.stop, .idle_only = true};
    enum err_code code = db_load_seal(conn, &how, sealing);

    return code == ERR_CLOSED || code == ERR_DB_DOWN ? err_set(why, code, "%s", sealing->text) : ERR_OK;
}

static enum err_code partkeeper_work(struct pgconn *conn, const struct partkeeper *keeper, struct err *why)
{
    struct db_part_todo *todo = NULL;
    struct db_part_done done;
    size_t count = 0;
    uint64_t tiles = 0;
    struct err sealing = {0};
    bool found = false;
    char text[PRUNE_TEXT_MAX];
    enum err_code code = db_part_resume(conn, &keeper->chore.stop, &found, &done, why);

    if (code == ERR_OK)
        code = partkeeper_seal(conn, keeper, &sealing, why);
    if (code == ERR_OK)
        code = db_load_tidy(conn, why);
    if (code == ERR_OK)
        code = suffixes_look(conn, &keeper->chore.stop, why);
    if (code == ERR_OK)
        code = db_place_mend(conn, &keeper->chore.stop, LIMIT_PLACE_MENDS, &tiles, why);
    if (code == ERR_OK && tiles != 0)
        say_info("db", "damaged rows of place_block: %" PRIu64 " tiles read for what they held", tiles);
    if (code == ERR_OK)
        code = db_part_note(conn, why);
    if (code == ERR_OK)
        code = db_part_plan(conn, &keeper->rules, &todo, &count, why);
    for (size_t i = 0; code == ERR_OK && i < count; i++) {
        if (!partkeeper_may(keeper, &todo[i]))
            continue;
        code = db_part_work(conn, &todo[i], &keeper->chore.stop, &done, why);
        if (code == ERR_OK && !done.nothing)
            say_info("db", "partitions: %s: done, %" PRId64 " bytes left", prune_text(&todo[i], text),
                     done.bytes);
    }
    free(todo);
    return code == ERR_OK && sealing.code != ERR_OK ? err_set(why, sealing.code, "%s", sealing.text) : code;
}

enum err_code partkeeper_look(const struct partkeeper *keeper, struct err *why)
{
    struct pgconn *conn = NULL;
    bool taken = false;
    enum err_code code = pgconn_open(keeper->dsn, &conn, why);

    if (code == ERR_OK)
        code = db_part_lock(conn, &taken, why);
    if (code == ERR_OK && taken)
        code = partkeeper_work(conn, keeper, why);
    pgconn_free(conn);
    return code;
}

static int64_t partkeeper_main(void *arg)
{
    struct partkeeper *keeper = arg;
    struct err why = {0};

    if (!keeper->begun) {
        keeper->begun = true;
        return PARTKEEPER_FIRST_MS;
    }
    enum err_code code = partkeeper_look(keeper, &why);
    /* An outage is said by whoever reads. */
    if (code == ERR_DB_DOWN || code == ERR_DB_CONFLICT)
        say_debug("db", "partitions: %s", why.text);
    else if (code != ERR_OK && code != ERR_CLOSED)
        say_warn("db", "partitions can not be looked after: %s", why.text);
    return PARTKEEPER_WAIT_MS;
}

enum err_code partkeeper_ahead(struct pgconn *conn, const struct conf *conf, struct err *why)
{
    struct db_part_rules rules;
    struct db_part_todo *todo = NULL;
    struct db_part_done done;
    size_t count = 0;
    bool taken = false;
    bool found;

    prune_rules(conf, false, &rules);
    rules.ahead = true;
    enum err_code code = db_part_plan(conn, &rules, &todo, &count, why);
    if (code == ERR_OK && count != 0)
        code = db_part_lock(conn, &taken, why);
    if (taken) {
        code = db_part_resume(conn, NULL, &found, &done, why);
        for (size_t i = 0; code == ERR_OK && i < count; i++)
            code = db_part_work(conn, &todo[i], NULL, &done, why);
        if (code == ERR_OK)
            code = db_part_unlock(conn, why);
    }
    free(todo);
    if (code != ERR_DB_CONFLICT)
        return code;
    err_clear(why);
    return ERR_OK;
}

enum err_code partkeeper_start(const struct conf *conf, const char *dsn, struct partkeeper **out,
                               struct err *why)
{
    struct partkeeper *keeper = calloc(1, sizeof *keeper);
    enum err_code code;

    *out = NULL;
    must(keeper != NULL);
    keeper->dsn = strdup(dsn);
    must(keeper->dsn != NULL);
    prune_rules(conf, true, &keeper->rules);
    code = partkeeper_read_hours(conf->db.maintain_hours, &keeper->hours, why);
    if (code == ERR_OK)
        code = chore_start(&keeper->chore, "partkeeper", partkeeper_main, keeper, why);
    if (code != ERR_OK) {
        partkeeper_stop(keeper);
        return code;
    }
    *out = keeper;
    return ERR_OK;
}

void partkeeper_stop(struct partkeeper *keeper)
{
    if (keeper == NULL)
        return;
    chore_stop(&keeper->chore);
    free(keeper->dsn);
    free(keeper);
}
