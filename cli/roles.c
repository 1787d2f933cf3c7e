#include "cli/roles.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/say.h"
#include "cli/caretaker.h"
#include "cli/contact.h"
#include "cli/listkeeper.h"
#include "cli/matching.h"
#include "cli/opt.h"
#include "cli/partkeeper.h"
#include "cli/rootkeeper.h"
#include "db/db_log.h"
#include "db/db_loglist.h"
#include "db/diskguard.h"
#include "db/store_pg.h"

struct roles_ingest {
    struct pipe *pipe;
    struct pipe_options pipe_options; /* its own */
    size_t places;                    /* of its logs, also of those that are gone */
    const struct conf *conf;          /* for as long as it runs */
    size_t unasked_said;              /* see contact_keep */
    struct matching *matching;
    struct caretaker *caretaker;
    struct partkeeper *partkeeper;
    struct rootkeeper *rootkeeper; /* NULL: reads once, or the logs are our own */
    struct listkeeper *listkeeper; /* NULL: the logs are those that are known */
    struct ctlog *logs;
    size_t log_count;
    char user_agent[300];
    char evidence_dir[4200];
    char *dsn;
    struct fpcache *memory;  /* what all settlers have stored (db/store_pg.h) */
    unsigned guard_percent;  /* see store_pg_guard */
    const char *guard_path;  /* of the configuration, which lives as long */
    const char *const *only; /* as in roles_options: part of the command line, so it lives as long */
    size_t only_count;
    bool ended;
    bool waiting;   /* reads once, and a log has not said yet where it begins */
    bool list_lost; /* the list of logs could not be read the last time */
    struct pipe_result result;
};

static atomic_bool roles_stop_asked; /* lock-free, so a handler may write it */

static void roles_on_signal(int number)
{
    if (atomic_exchange(&roles_stop_asked, true))
        _exit(128 + number);
}

void roles_signals(void)
{
    struct sigaction action = {.sa_handler = roles_on_signal};

    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

bool roles_stopping(void)
{
    return atomic_load(&roles_stop_asked);
}

const atomic_bool *roles_stop_flag(void)
{
    return &roles_stop_asked;
}

int roles_begin(const struct cmd *cmd, const struct opt *options, struct pgconn **conn)
{
    struct err why = {0};
    int operands;

    *conn = NULL;
    if (!opt_parse(options, "", cmd->argc, cmd->argv, &operands))
        return CMD_USAGE;
    roles_signals();
    return cmd_db_open(cmd, conn, &why) == ERR_OK ? CMD_OK : cmd_fail(&why);
}

const char *roles_user_agent(const struct conf *conf, char *out, size_t out_cap)
{
    if (conf->ingest.contact[0] == '\0')
        (void)snprintf(out, out_cap, "ctvigil/%s (CT monitor)", CTVIGIL_VERSION);
    else
        (void)snprintf(out, out_cap, "ctvigil/%s (CT monitor; +%s)", CTVIGIL_VERSION, conf->ingest.contact);
    return out;
}

/* base/conf.c takes no other words. */
void roles_keep_set(const struct conf *conf, struct store *store)
{
    enum store_pg_store rows = strcmp(conf->db.store, "watched") == 0 ? STORE_PG_WATCHED : STORE_PG_ALL;
    enum store_pg_der der = strcmp(conf->db.der, "none") == 0  ? STORE_PG_DER_NONE
                            : strcmp(conf->db.der, "all") == 0 ? STORE_PG_DER_ALL
                                                               : STORE_PG_DER_WATCHED;

    must(store_pg_keep(store, rows, der));
}

static enum err_code roles_store_open(void *arg, struct store **store, struct err *why)
{
    const struct roles_ingest *ingest = arg;
    enum err_code code = store_pg_open(ingest->dsn, store, why);

    if (code != ERR_OK)
        return code;
    store_pg_remember_in(*store, ingest->memory);
    store_pg_guard(*store, ingest->guard_percent, ingest->guard_path);
    roles_keep_set(ingest->conf, *store);
    if (ingest->conf->db.backfill_entries != 0)
        store_pg_past(*store, ingest->conf->db.backfill_past_days,
                      (uint64_t)ingest->conf->db.backfill_entries);
    return ERR_OK;
}

static bool roles_wanted(const struct roles_ingest *ingest, const char *name)
{
    if (ingest->only == NULL)
        return true;
    for (size_t i = 0; i < ingest->only_count; i++)
        if (strcmp(ingest->only[i], name) == 0)
            return true;
    return false;
}

/* Leaves of `logs` those that were asked for; returns how many. */
static size_t roles_keep(const struct roles_ingest *ingest, struct ctlog *logs, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++)
        if (roles_wanted(ingest, logs[i].name))
            logs[kept++] = logs[i];
    return kept;
}

/* Logs of a list that have no range yet, because they were not asked or did not answer when it came: who
 * reads once has not read them, and says so. */
static enum err_code roles_waiting(struct roles_ingest *ingest, struct pgconn *conn, struct err *why)
{
    struct ctlog *logs;
    struct db_loglist_from *from;
    size_t count;
    enum err_code code = db_loglist_unstarted(conn, &logs, &from, &count, why);

    if (code != ERR_OK)
        return code;
    count = roles_keep(ingest, logs, count);
    for (size_t i = 0; code == ERR_OK && i < count; i++)
        code = contact_need(ingest->conf, logs[i].url, why);
    if (code == ERR_OK && count != 0)
        say_warn("ingest",
                 "logs=%zu first=%s not read: where they begin is not known yet, 'ctvigil log update' or"
                 " 'ctvigil run' asks them",
                 count, logs[0].name);
    ingest->waiting = count != 0;
    free(logs);
    free(from);
    return code;
}

static bool roles_named(const struct ctlog *logs, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(logs[i].name, name) == 0)
            return true;
    return false;
}

/* A log that --log names. */
static enum err_code roles_known(const struct roles_ingest *ingest, struct pgconn *conn, const char *name,
                                 struct err *why)
{
    struct ctlog *logs = NULL;
    struct db_loglist_from *from = NULL;
    size_t count = 0;
    enum err_code code = ERR_OK;

    if (roles_named(ingest->logs, ingest->log_count, name))
        return ERR_OK;
    code = db_loglist_unstarted(conn, &logs, &from, &count, why);
    if (code == ERR_OK && !roles_named(logs, count, name))
        code = err_set(why, ERR_NOT_FOUND,
                       "there is no log '%s' that is followed; 'ctvigil log list' shows what there is", name);
    free(logs);
    free(from);
    return code;
}

/* Keeps of the registered logs those that were asked for. */
static enum err_code roles_logs(struct roles_ingest *ingest, struct pgconn *conn,
                                const struct roles_options *options, struct err *why)
{
    enum err_code code = db_log_load(conn, &ingest->logs, &ingest->log_count, why);

    if (code != ERR_OK)
        return code;
    ingest->only = options->only;
    ingest->only_count = options->only_count;
    for (size_t i = 0; code == ERR_OK && options->only != NULL && i < options->only_count; i++)
        code = roles_known(ingest, conn, options->only[i], why);
    if (code == ERR_OK && options->once)
        code = roles_waiting(ingest, conn, why);
    if (code != ERR_OK)
        return code;
    ingest->log_count = roles_keep(ingest, ingest->logs, ingest->log_count);
    return ERR_OK;
}

/* With a list to come there will be more logs than there are now. */
#define ROLES_BATCHES_LISTED 48

static void roles_options_fill(struct roles_ingest *ingest, const struct conf *conf, bool listed,
                               const struct roles_options *options, struct pipe_options *out)
{
    int64_t batches = conf->ingest.batches;

    if (batches == 0 && listed && ingest->log_count < ROLES_BATCHES_LISTED / 2)
        batches = ROLES_BATCHES_LISTED;
    *out = (struct pipe_options){
        .workers = (unsigned)conf->ingest.workers,
        .settlers = (unsigned)conf->ingest.settlers,
        .batches = (unsigned)batches,
        .batch_memory = conf->ingest.batches == 0 ? LIMIT_BATCHES_KEEP : 0,
        .window = (unsigned)conf->ingest.window,
        .page_entries = (unsigned)conf->ingest.page_entries,
        .connections = (unsigned)conf->ingest.connections,
        .requests_per_s = (double)conf->ingest.requests_per_s,
        .bytes_per_s = (double)conf->ingest.bytes_per_s,
        .source_addresses = conf->ingest.source_addresses,
        .http2 = conf->ingest.http2,
        .no_keepalive = conf->ingest.no_keepalive,
        .poll_ms = options->poll_ms > 0 ? options->poll_ms : conf->ingest.poll_ms,
        .partial_wait_ms = options->poll_ms > 0 ? options->poll_ms : conf->ingest.partial_wait_ms,
        .split_entries = (uint64_t)conf->ingest.split_entries,
        .user_agent = roles_user_agent(conf, ingest->user_agent, sizeof ingest->user_agent),
        .evidence_dir = ingest->evidence_dir,
        .once = options->once,
        .stage = matching_hook(ingest->matching),
        .store_open = roles_store_open,
        .store_arg = ingest,
        .told = options->told,
        .told_arg = options->told_arg,
        .logs_max = options->logs_max,
    };
}

static enum err_code roles_pipe(struct roles_ingest *ingest, struct err *why)
{
    ingest->places = ingest->log_count;
    return pipe_start(&ingest->pipe_options, ingest->logs, ingest->log_count, &ingest->pipe, why);
}

/* Who reads once wants to have read all; who goes on reads what it may, unless that is nothing. */
static enum err_code roles_contact(struct roles_ingest *ingest, const struct roles_options *options,
                                   struct err *why)
{
    bool all = options->once || options->only != NULL;
    size_t allowed = 0;
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < ingest->log_count; i++)
        allowed += contact_allows(ingest->conf, ingest->logs[i].url);
    for (size_t i = 0; code == ERR_OK && (all || allowed == 0) && i < ingest->log_count; i++)
        code = contact_need(ingest->conf, ingest->logs[i].url, why);
    if (code == ERR_OK)
        ingest->log_count =
            contact_keep(ingest->conf, ingest->logs, ingest->log_count, &ingest->unasked_said);
    return code;
}

enum err_code roles_ingest_start(const struct cmd *cmd, struct pgconn *conn,
                                 const struct roles_options *options, struct roles_ingest **out,
                                 struct err *why)
{
    struct roles_ingest *ingest = calloc(1, sizeof *ingest);
    const char *state_dir;
    const char *named = NULL;
    bool keeps = !options->once && !options->no_list && options->only == NULL;
    enum err_code code;

    must(ingest != NULL);
    *out = NULL;
    ingest->conf = cmd->conf;
    ingest->dsn = strdup(cmd_db_dsn());
    ingest->memory = store_pg_memory();
    must(ingest->memory != NULL);
    ingest->guard_percent = (unsigned)cmd->conf->db.disk_guard_percent;
    ingest->guard_path = cmd->conf->db.disk_path;
    ingest->conf = cmd->conf;
    if ((code = diskguard_check(ingest->guard_path, why)) != ERR_OK)
        goto out;
    if ((code = roles_logs(ingest, conn, options, why)) != ERR_OK)
        goto out;
    if ((code = cmd_state_dir(cmd, &state_dir, why)) != ERR_OK)
        goto out;
    (void)snprintf(ingest->evidence_dir, sizeof ingest->evidence_dir, "%s/evidence", state_dir);
    (void)mkdir(ingest->evidence_dir, 0750);
    if ((code = matching_open(ingest->dsn, &ingest->matching, why)) != ERR_OK)
        goto out;
    if (keeps && (code = listkeeper_check(cmd->conf, why)) != ERR_OK)
        goto out;
    if (keeps && (code = listkeeper_named(cmd->conf, conn, &named, why)) != ERR_OK)
        goto out;
    code = contact_list(cmd->conf, named, why);
    if (code == ERR_OK)
        code = roles_contact(ingest, options, why);
    if (code != ERR_OK)
        goto out;
    roles_options_fill(ingest, cmd->conf, named != NULL, options, &ingest->pipe_options);
    if ((code = partkeeper_ahead(conn, cmd->conf, why)) != ERR_OK)
        goto out;
    code = roles_pipe(ingest, why);
    if (code == ERR_OK && !options->once)
        code = partkeeper_start(cmd->conf, ingest->dsn, &ingest->partkeeper, why);
    if (code == ERR_OK)
        code = caretaker_start(ingest->dsn, true, &ingest->caretaker, why);
    if (code == ERR_OK && keeps)
        code = listkeeper_start(cmd->conf, ingest->dsn, &ingest->listkeeper, why);
    if (code == ERR_OK && !options->once && !options->no_list)
        code = rootkeeper_start(cmd->conf, ingest->dsn, &ingest->rootkeeper, why);
out:
    if (code != ERR_OK) {
        roles_ingest_stop(ingest, NULL);
        return code;
    }
    *out = ingest;
    return ERR_OK;
}

static const struct ctlog *roles_find(const struct ctlog *logs, size_t count, int32_t id)
{
    for (size_t i = 0; i < count; i++)
        if (logs[i].id == id)
            return &logs[i];
    return NULL;
}

/* Is it read in the same way? The name is for people. */
static bool roles_same(const struct ctlog *a, const struct ctlog *b)
{
    return a->protocol == b->protocol && strcmp(a->url, b->url) == 0 &&
           strcmp(a->submission_url, b->submission_url) == 0 && strcmp(a->origin, b->origin) == 0 &&
           a->key_len == b->key_len && memcmp(a->key, b->key, a->key_len) == 0;
}

/* Leaves logs that are gone or have changed, and keeps in ingest->logs those that go on. */
static void roles_leave(struct roles_ingest *ingest, const struct ctlog *now, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < ingest->log_count; i++) {
        const struct ctlog *log = &ingest->logs[i];
        const struct ctlog *still = roles_find(now, count, log->id);
        if (still != NULL && roles_same(log, still)) {
            ingest->logs[kept++] = *log;
            continue;
        }
        if (still == NULL)
            say_info("ingest", "leaving a log that is not followed any more: %s", log->name);
        else
            say_info("ingest", "the log has changed and is taken up again at the next look: %s", log->name);
        pipe_remove(ingest->pipe, log->id);
    }
    ingest->log_count = kept;
}

/* A pipeline has a place for every log that ever came. When they are used up by logs that came and went, or
 * moved, another one takes over, after this one has finished what it had begun. */
static void roles_afresh(struct roles_ingest *ingest)
{
    struct err why = {0};

    say_info("ingest", "reading starts afresh, because many logs came, went or moved since it began");
    pipe_stop(ingest->pipe);
    (void)pipe_wait(ingest->pipe, -1, NULL);
    pipe_free(ingest->pipe);
    ingest->pipe = NULL;
    if (roles_pipe(ingest, &why) == ERR_OK)
        return;
    say_error("ingest", "it could not: %s", why.text);
    ingest->ended = true; /* the process ends, and whoever looks after it starts it again */
    ingest->result.unread = true;
}

/* False: there is no room for it, but without those that are gone there would be. */
static bool roles_follow(struct roles_ingest *ingest, const struct ctlog *log)
{
    struct err why = {0};
    enum err_code code;

    say_info("ingest", "following a new log: %s", log->name);
    code = pipe_add(ingest->pipe, log, &why);
    if (code == ERR_OK)
        ingest->places++;
    else
        say_error("ingest", "%s: %s", log->name, why.text);
    if (code == ERR_OK || code == ERR_EXISTS)
        ingest->logs[ingest->log_count++] = *log; /* else it is tried again at the next look */
    return code != ERR_EXISTS || ingest->places < ingest->log_count;
}

void roles_ingest_refresh(struct roles_ingest *ingest, struct pgconn *conn)
{
    struct ctlog *now = NULL;
    size_t count = 0;
    struct err why = {0};

    if (db_log_load(conn, &now, &count, &why) != ERR_OK) {
        if (!ingest->list_lost)
            say_warn("ingest", "the list of logs can not be read, the known ones go on: %s", why.text);
        ingest->list_lost = true;
        if (why.code == ERR_DB_DOWN) {
            struct err again = {0};
            (void)!pgconn_reopen(conn, &again);
        }
        return;
    }
    if (ingest->list_lost)
        say_info("ingest", "the list of logs can be read again");
    ingest->list_lost = false;
    count = roles_keep(ingest, now, count);
    count = contact_keep(ingest->conf, now, count, &ingest->unasked_said);
    size_t known = ingest->log_count;
    struct ctlog *all = calloc(known + count + 1, sizeof *all);
    must(all != NULL);
    memcpy(all, ingest->logs, known * sizeof *all);
    free(ingest->logs);
    ingest->logs = all;
    /* One that has changed is let go first: its range must be free before it is taken up again. */
    struct ctlog *before = calloc(known + 1, sizeof *before);
    must(before != NULL);
    memcpy(before, all, known * sizeof *before);
    roles_leave(ingest, now, count);
    bool fits = true;
    for (size_t i = 0; i < count; i++)
        if (roles_find(before, known, now[i].id) == NULL)
            fits = roles_follow(ingest, &now[i]) && fits;
    if (!fits)
        roles_afresh(ingest);
    free(before);
    free(now);
}

bool roles_ingest_wait(struct roles_ingest *ingest, int64_t wait_ms, struct pipe_result *result)
{
    if (!ingest->ended)
        ingest->ended = pipe_wait(ingest->pipe, wait_ms, &ingest->result);
    if (ingest->ended && result != NULL) {
        *result = ingest->result;
        result->unread = result->unread || ingest->waiting;
    }
    return ingest->ended;
}

void roles_ingest_stop(struct roles_ingest *ingest, struct pipe_result *result)
{
    if (ingest == NULL)
        return;
    rootkeeper_stop(ingest->rootkeeper);
    listkeeper_stop(ingest->listkeeper);
    caretaker_stop(ingest->caretaker);
    partkeeper_stop(ingest->partkeeper);
    if (ingest->pipe != NULL) {
        pipe_stop(ingest->pipe);
        (void)roles_ingest_wait(ingest, -1, result);
        pipe_free(ingest->pipe);
    }
    if (ingest->matching != NULL)
        matching_close(ingest->matching);
    store_pg_memory_free(ingest->memory);
    free(ingest->logs);
    free(ingest->dsn);
    free(ingest);
}
