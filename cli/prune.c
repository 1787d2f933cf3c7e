#include "cli/prune.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/suffixes.h"

static const char *prune_size(int64_t bytes, char out[16])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double value = (double)bytes;
    size_t unit = 0;

    while (value >= 1000 && unit + 1 < countof(units)) {
        value /= 1000;
        unit++;
    }
    (void)snprintf(out, 16, unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return out;
}

void prune_rules(const struct conf *conf, bool patient, struct db_part_rules *rules)
{
    *rules = (struct db_part_rules){
        .keep_days = conf->db.retain_expired_days, .rows_max = conf->db.partition_rows, .patient = patient};
}

static bool prune_several(const struct db_part_todo *todo)
{
    return strcmp(todo->first, todo->last) != 0;
}

const char *prune_text(const struct db_part_todo *todo, char out[PRUNE_TEXT_MAX])
{
    char size[16];

    (void)snprintf(out, PRUNE_TEXT_MAX, "%s %s%s%s (%s%s%s, ~%" PRId64 " rows, %s)",
                   db_part_act_name(todo->act), todo->first, prune_several(todo) ? " to " : "",
                   prune_several(todo) ? todo->last : "", todo->begin,
                   todo->begin[0] != '\0' ? " to " : "until ", todo->end[0] != '\0' ? todo->end : "for ever",
                   todo->rows, prune_size(todo->bytes, size));
    return out;
}

static void prune_json(const struct db_part_todo *todo, const struct db_part_done *done)
{
    json_t *line = json_pack(
        "{s:s, s:s, s:s, s:s, s:s?, s:s?, s:I, s:I, s:b}", "schema", "ctvigil.db.prune.1", "action",
        db_part_act_name(todo->act), "partition", todo->first, "last_partition", todo->last, "from",
        todo->begin[0] != '\0' ? todo->begin : NULL, "until", todo->end[0] != '\0' ? todo->end : NULL, "rows",
        (json_int_t)(done != NULL ? done->rows : todo->rows), "bytes", (json_int_t)todo->bytes, "done",
        done != NULL && !done->nothing);

    if (done != NULL) {
        (void)json_object_set_new(line, "bytes_left", json_integer((json_int_t)done->bytes));
        (void)json_object_set_new(line, "swap_ms", json_integer((json_int_t)done->swap_ms));
    }
    cmd_print_json(line);
}

static void prune_print(const struct cmd *cmd, const struct db_part_todo *todo,
                        const struct db_part_done *done)
{
    char text[PRUNE_TEXT_MAX];
    char size[16];

    if (cmd->json) {
        prune_json(todo, done);
        return;
    }
    printf("%s%s", done == NULL ? "would " : "", prune_text(todo, text));
    if (done != NULL && done->nothing)
        printf(": not done, these partitions are not there any more");
    else if (done != NULL)
        printf(": done, %s left", prune_size(done->bytes, size));
    printf("\n");
    (void)fflush(stdout);
}

/* What somebody had begun is finished first; who is asked to stop leaves it to the next one. */
static enum err_code prune_resume(struct pgconn *conn, const atomic_bool *stop, struct err *why)
{
    struct db_part_done done;
    bool found = false;
    enum err_code code = db_part_resume(conn, stop, &found, &done, why);

    if (code == ERR_OK && found)
        fprintf(stderr, "ctvigil: finished what was begun before: %" PRId64 " rows rewritten\n", done.rows);
    return code;
}

static atomic_bool prune_stop;

static void prune_on_signal(int number)
{
    (void)number;
    atomic_store(&prune_stop, true);
}

static void prune_signals(void)
{
    struct sigaction action = {.sa_handler = prune_on_signal};

    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

static enum err_code prune_all(struct cmd *cmd, struct pgconn *conn, const struct db_part_rules *rules,
                               bool dry_run, struct err *why)
{
    struct db_part_todo *todo = NULL;
    size_t count = 0;
    enum err_code code = db_part_plan(conn, rules, &todo, &count, why);

    for (size_t i = 0; code == ERR_OK && i < count; i++) {
        struct db_part_done done = {0};
        if (!dry_run)
            code = db_part_work(conn, &todo[i], &prune_stop, &done, why);
        if (code == ERR_OK)
            prune_print(cmd, &todo[i], dry_run ? NULL : &done);
    }
    if (code == ERR_OK && count == 0 && !cmd->json)
        printf("nothing to do\n");
    free(todo);
    return code;
}

int prune_run(struct cmd *cmd, bool dry_run)
{
    struct db_part_rules rules;
    struct pgconn *conn;
    struct err why = {0};
    bool taken = true;
    enum err_code code = cmd_db_open(cmd, &conn, &why);

    if (code != ERR_OK)
        return cmd_fail(&why);
    prune_signals();
    prune_rules(cmd->conf, false, &rules);
    if (!dry_run)
        code = db_part_lock(conn, &taken, &why);
    if (code == ERR_OK && !taken)
        code = err_set(&why, ERR_DB_CONFLICT, "another process is looking after the partitions now");
    if (code == ERR_OK && !dry_run)
        code = prune_resume(conn, &prune_stop, &why);
    if (code == ERR_OK && !dry_run)
        code = suffixes_look(conn, &prune_stop, &why);
    if (code == ERR_OK)
        code = prune_all(cmd, conn, &rules, dry_run, &why);
    if (code == ERR_CLOSED) {
        err_clear(&why);
        (void)err_set(&why, ERR_CLOSED,
                      "stopped; what was begun is finished by the next prune, or by ingest");
    }
    cmd_db_close(conn);
    return code == ERR_OK ? CMD_OK : cmd_fail(&why);
}
