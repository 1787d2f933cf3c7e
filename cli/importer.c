#include "cli/importer.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/backfill.h"
#include "cli/importplan.h"
#include "cli/matching.h"
#include "cli/roles.h"
#include "db/db_import.h"
#include "db/db_load.h"
#include "db/diskguard.h"
#include "db/store_pg.h"
#include "ingest/archive.h"

#define IMPORTER_TURN_MS  200
#define IMPORTER_TELL_MS  10000 /* between two lines of progress; on a terminal the line is written anew */
#define IMPORTER_LINE_MS  500
#define IMPORTER_LOST_MAX 256 /* stretches that are named */
#define IMPORTER_LOCK_MS  10000
#define IMPORTER_BATCHES  32

/* What is not there, and why. */
struct importer_lost {
    uint64_t begin;
    uint64_t end;
    char reason[ERR_TEXT_MAX];
};

struct importer {
    const struct cmd *cmd;
    struct pgconn *conn;
    struct archive *archive;
    struct matching *matching;
    struct ctlog log; /* as the pipeline reads it */
    struct db_import_log row;
    const char *vouched; /* what says that the key is right: option, database, archive */
    char evidence_dir[4200];
    char user_agent[300];
    uint64_t read;
    int64_t told_ms;
    bool terminal;
    bool line;     /* an unfinished one stands on the terminal */
    bool broken;   /* a file, or a part of one, is of no use */
    bool backfill; /* so much that rows go without indexes at first */
    bool unproven; /* what was read is not what was signed */
    bool full;     /* there is no room in the database */
    struct diskguard guard;
    struct importer_lost lost[IMPORTER_LOST_MAX];
    size_t lost_count;
};

/* What the pipeline may see: one range, and that no further than the files go. A process imports one log. */
static struct {
    int64_t range;
    uint64_t stop;
    struct store_ops ops;
    enum err_code (*ranges)(struct store *store, int32_t log_id, struct store_range *out, size_t max,
                            size_t *count, struct err *why);
    enum err_code (*take)(struct store *store, struct store_range *range, bool *taken, struct err *why);
} importer_view;

static enum err_code importer_ranges(struct store *store, int32_t log_id, struct store_range *out, size_t max,
                                     size_t *count, struct err *why)
{
    size_t kept = 0;
    enum err_code code = importer_view.ranges(store, log_id, out, max, count, why);

    for (size_t i = 0; code == ERR_OK && i < *count && i < max; i++) {
        if (out[i].id != importer_view.range)
            continue;
        out[kept] = out[i];
        out[kept++].end = importer_view.stop;
    }
    *count = kept;
    return code;
}

static enum err_code importer_take(struct store *store, struct store_range *range, bool *taken,
                                   struct err *why)
{
    enum err_code code = importer_view.take(store, range, taken, why);

    range->end = importer_view.stop;
    return code;
}

static enum err_code importer_store(void *arg, struct store **store, struct err *why)
{
    enum err_code code = store_pg_open(cmd_db_dsn(), store, why);

    if (code != ERR_OK)
        return code;
    roles_keep_set(((const struct importer *)arg)->cmd->conf, *store);
    if (((const struct importer *)arg)->backfill)
        code = store_pg_load(*store, why);
    if (code != ERR_OK) {
        (*store)->ops->free(*store);
        *store = NULL;
        return code;
    }
    importer_view.ops = *(*store)->ops;
    importer_view.ranges = importer_view.ops.ranges;
    importer_view.take = importer_view.ops.range_take;
    importer_view.ops.ranges = importer_ranges;
    importer_view.ops.range_take = importer_take;
    (*store)->ops = &importer_view.ops;
    return ERR_OK;
}

/* Talk --------------------------------------------------------------------------------------------------- */

static void importer_break(struct importer *importer)
{
    if (importer->line)
        fputc('\n', stderr);
    importer->line = false;
}

static void importer_lose(struct importer *importer, uint64_t begin, uint64_t end, const char *reason)
{
    importer->broken = true;
    importer_break(importer);
    fprintf(stderr, "ctvigil: entries %" PRIu64 " to %" PRIu64 " are missing: %s\n", begin, end - 1, reason);
    if (importer->lost_count == IMPORTER_LOST_MAX)
        return;
    struct importer_lost *lost = &importer->lost[importer->lost_count++];
    *lost = (struct importer_lost){.begin = begin, .end = end};
    (void)snprintf(lost->reason, sizeof lost->reason, "%s", reason);
}

static void importer_progress(struct importer *importer, uint64_t next, uint64_t stop)
{
    int64_t now_ms = clock_mono_ms();
    int64_t pause_ms = importer->terminal && !importer->cmd->json ? IMPORTER_LINE_MS : IMPORTER_TELL_MS;

    if (now_ms - importer->told_ms < pause_ms)
        return;
    importer->told_ms = now_ms;
    uint64_t size = archive_head(importer->archive)->size;
    if (importer->cmd->json) {
        cmd_print_json(json_pack("{s:s, s:s, s:I, s:I, s:I}", "schema", "ctvigil.log.importing.1", "name",
                                 importer->log.name, "position", (json_int_t)next, "end", (json_int_t)stop,
                                 "size", (json_int_t)size));
        (void)fflush(stdout);
        return;
    }
    fprintf(stderr, "%sctvigil: %s: %" PRIu64 " of %" PRIu64 " entries (%d %%)%s",
            importer->terminal ? "\r" : "", importer->log.name, next, size,
            size == 0 ? 100 : (int)(100.0 * (double)next / (double)size),
            importer->terminal ? "\033[K" : "\n");
    importer->line = importer->terminal;
}

/* Interrupted, or nearly out of room. What a log sends goes into a ledger then (db/store_gap.h); the files of
 * an archive wait. */
static bool importer_stops(struct importer *importer)
{
    if (!importer->full && diskguard_short(&importer->guard, importer->conn, clock_mono_ms()))
        importer->full = true;
    return importer->full || roles_stopping();
}

static enum err_code importer_stopped(const struct importer *importer, const struct importplan *plan,
                                      struct err *why)
{
    if (!importer->full)
        return err_set(why, ERR_CLOSED, "%s: interrupted; the same command goes on from here",
                       importer->log.name);
    return err_set(why, ERR_SYSTEM,
                   "%s: stopped at %" PRIu64 " of %" PRIu64
                   " entries: less than %u %% of the file system of %s"
                   " are free (db.disk_guard_percent); when there is room the same command goes on from here",
                   importer->log.name, importplan_stored(plan), plan->size, importer->guard.percent,
                   importer->guard.place);
}

/* One range ---------------------------------------------------------------------------------------------- */

static enum err_code importer_pipe(struct importer *importer, const struct importplan_work *work,
                                   struct err *why)
{
    const struct conf *conf = importer->cmd->conf;
    struct pipe_options options = {
        .workers = (unsigned)conf->ingest.workers,
        .settlers = 1,
        .batches = IMPORTER_BATCHES,
        .user_agent = importer->user_agent,
        .evidence_dir = importer->evidence_dir,
        .once = true,
        .stage = matching_hook(importer->matching),
        .source = archive_source(importer->archive),
        .store_open = importer_store,
        .store_arg = importer,
    };
    struct pipe *pipe = NULL;
    struct pipe_result result = {0};

    importer_view.range = work->range;
    importer_view.stop = work->stop;
    enum err_code code = pipe_start(&options, &importer->log, 1, &pipe, why);
    if (code != ERR_OK)
        return code;
    while (!pipe_wait(pipe, IMPORTER_TURN_MS, &result)) {
        if (importer_stops(importer))
            pipe_stop(pipe);
        importer_progress(importer, work->next + result.entries, work->stop);
    }
    pipe_free(pipe);
    importer->read += result.entries;
    return ERR_OK;
}

static enum err_code importer_load(struct importer *importer, struct importplan *plan, struct err *why)
{
    return db_import_ranges(importer->conn, importer->row.id, plan->range, IMPORTPLAN_RANGES_MAX,
                            &plan->range_count, why);
}

/* What was read up to the end of its stretch, is it what was signed? */
static enum err_code importer_check(struct importer *importer, const struct db_import_range *range,
                                    struct err *why)
{
    struct compact proven;
    struct err doubt = {0};

    if (range->verified == range->next)
        return ERR_OK;
    enum err_code code = archive_frontier(importer->archive, range->next, &proven, &doubt);
    bool same = code == ERR_OK && range->frontier.size == range->next &&
                memcmp(proven.hash, range->frontier.hash, 32 * compact_count(&proven)) == 0;
    if (same)
        return db_import_verified(importer->conn, range, &proven, why);
    importer->unproven = true;
    importer_break(importer);
    fprintf(stderr, "ctvigil: %s: entries %" PRIu64 " to %" PRIu64 " are stored, but not verified: %s\n",
            importer->log.name, range->begin, range->next - 1,
            code == ERR_OK ? "what was stored before is not of the signed tree" : doubt.text);
    return ERR_OK;
}

/* The range goes on behind a tile that is of no use, if the log may have one more. */
static enum err_code importer_cut(struct importer *importer, const struct importplan *plan,
                                  const struct db_import_range *range, const char *reason, struct err *why)
{
    struct compact proven;
    struct err doubt = {0};
    uint64_t behind = importplan_behind(range->next, range->end);
    enum err_code code = ERR_OK;
    size_t parts = plan->range_count - (range->next == range->begin ? 1 : 0);

    importer_lose(importer, range->next, behind, reason);
    if (behind < range->end && parts >= IMPORTPLAN_RANGES_MAX) {
        importer_lose(importer, behind, range->end,
                      "too many tiles in front of them are damaged; import the log again with better files");
        behind = range->end;
    }
    if (behind < range->end && archive_frontier(importer->archive, behind, &proven, &doubt) != ERR_OK) {
        importer_lose(importer, behind, range->end, doubt.text);
        behind = range->end;
    }
    code = db_import_end(importer->conn, range, range->next, why);
    if (code == ERR_OK && behind < range->end)
        code = db_import_add(importer->conn, importer->row.id, behind, range->end, &proven, why);
    return code;
}

static const struct db_import_range *importer_find(const struct importplan *plan, int64_t id)
{
    for (size_t i = 0; i < plan->range_count; i++)
        if (plan->range[i].id == id)
            return &plan->range[i];
    return NULL;
}

/* Reads one stretch. *stuck: it can not go on, and that has been said. */
static enum err_code importer_one(struct importer *importer, struct importplan *plan,
                                  const struct importplan_work *work, bool *stuck, struct err *why)
{
    char reason[ERR_TEXT_MAX];
    enum err_code code = importer_pipe(importer, work, why);

    if (code == ERR_OK)
        code = importer_load(importer, plan, why);
    if (code != ERR_OK)
        return code;
    const struct db_import_range *range = importer_find(plan, work->range);
    if (range == NULL || importer_stops(importer)) {
        *stuck = true;
        return ERR_OK;
    }
    if (range->next >= work->stop) {
        code = importer_check(importer, range, why);
        return code == ERR_OK ? importer_load(importer, plan, why) : code;
    }
    if (archive_bad(importer->archive, range->next, reason, sizeof reason)) {
        code = importer_check(importer, range, why);
        if (code == ERR_OK)
            code = importer_cut(importer, plan, range, reason, why);
        return code == ERR_OK ? importer_load(importer, plan, why) : code;
    }
    if (range->next > work->next)
        return ERR_OK; /* again */
    *stuck = true;
    return err_set(why, ERR_DB_CONFLICT,
                   "%s: entries from %" PRIu64 " on can not be read now; another process reads them, or see"
                   " 'ctvigil log status'",
                   importer->log.name, range->next);
}

/* All of it ---------------------------------------------------------------------------------------------- */

/* New stretches become ranges, or make those before them longer. */
static enum err_code importer_prepare(struct importer *importer, struct importplan *plan, struct err *why)
{
    struct importplan_gap gap;
    struct compact proven;
    enum err_code code = importer_load(importer, plan, why);

    while (code == ERR_OK && importplan_gap(plan, &gap)) {
        struct err doubt = {0};
        if (gap.longer != NULL) {
            code = db_import_end(importer->conn, gap.longer, gap.end, why);
        } else if (archive_frontier(importer->archive, gap.begin, &proven, &doubt) == ERR_OK) {
            code = db_import_add(importer->conn, importer->row.id, gap.begin, gap.end, &proven, why);
        } else {
            importer_lose(importer, gap.begin, gap.end, doubt.text);
            importplan_skip(plan, gap.begin, gap.end);
        }
        if (code == ERR_OK)
            code = importer_load(importer, plan, why);
    }
    return code;
}

/* What the files should hold and do not, unless it came in another way. */
static void importer_torn(struct importer *importer, const struct importplan *plan)
{
    struct archive_stretch torn[IMPORTER_LOST_MAX];
    struct archive_stretch missing;
    size_t count = archive_torn(importer->archive, torn, IMPORTER_LOST_MAX);

    for (size_t i = 0; i < count && i < IMPORTER_LOST_MAX; i++)
        for (uint64_t at = torn[i].begin; importplan_missing(plan, at, torn[i].end, &missing);
             at = missing.end)
            importer_lose(importer, missing.begin, missing.end, "the file that should hold them does not");
}

static enum err_code importer_join(struct importer *importer, struct importplan *plan, struct err *why)
{
    enum err_code code = importer_load(importer, plan, why);

    for (size_t i = 1; code == ERR_OK && i < plan->range_count;) {
        if (!importplan_joins(&plan->range[i - 1], &plan->range[i])) {
            i++;
            continue;
        }
        code = db_import_join(importer->conn, &plan->range[i - 1], &plan->range[i], why);
        if (code == ERR_OK)
            code = importer_load(importer, plan, why);
        i = 1;
    }
    return code;
}

/* What was damaged in the database becomes a range of its own that is to be read (db/store_gap.h). */
static enum err_code importer_unfold(struct importer *importer, struct importplan *plan, struct err *why)
{
    struct store *store = NULL;
    enum err_code code = importer_store(importer, &store, why);
    if (code == ERR_OK) {
        code = importer_view.ranges(store, importer->row.id, NULL, 0, &(size_t){0}, why);
        store->ops->free(store);
    }
    return code == ERR_OK ? importer_load(importer, plan, why) : code;
}

/* Reads what is missing, and puts it into the partitions. */
static enum err_code importer_round(struct importer *importer, struct importplan *plan, struct err *why)
{
    struct importplan_work work;
    uint64_t entries = 0;
    bool stuck = false;
    enum err_code code = importer_prepare(importer, plan, why);

    for (size_t i = 0; i < plan->range_count; i++)
        if (plan->range[i].end != UINT64_MAX)
            entries += plan->range[i].end - plan->range[i].next;
    importer->backfill = backfill_is(importer->cmd->conf, entries);
    if (code == ERR_OK && importer->backfill)
        code = db_load_hold(importer->conn, why);
    while (code == ERR_OK && !stuck && importplan_work(plan, &work) && !importer_stops(importer))
        code = importer_one(importer, plan, &work, &stuck, why);
    struct err late = {0};
    if (importer_join(importer, plan, &late) == ERR_OK) {
        if (code == ERR_OK && !importer->full && !roles_stopping())
            importer_torn(importer, plan);
        (void)!db_import_complete(importer->conn, importer->row.id, importplan_complete(plan, plan->size),
                                  &late);
    }
    /* Also what one before this has left. */
    if (code == ERR_OK && !importer->full && !roles_stopping()) {
        importer_break(importer);
        code = backfill_end(importer->conn, roles_stop_flag(), why);
    }
    return code;
}

/* Of what was put down some could not be read any more: it is read from the files again, once. What is
 * damaged then, too, is named. */
static enum err_code importer_damaged(struct importer *importer, struct importplan *plan, struct err *why)
{
    uint64_t begin = 0;
    uint64_t end = 0;
    enum err_code code = db_load_gap(importer->conn, importer->row.id, 0, &begin, &end, why);
    if (code != ERR_OK || end == 0)
        return code;
    code = importer_unfold(importer, plan, why);
    if (code == ERR_OK)
        code = importer_round(importer, plan, why);
    end = 0;
    while (code == ERR_OK &&
           (code = db_load_gap(importer->conn, importer->row.id, end, &begin, &end, why)) == ERR_OK &&
           end != 0)
        importer_lose(importer, begin, end, "what was stored of them was damaged; import them again");
    if (code == ERR_OK)
        code = importer_unfold(importer, plan, why);
    bool whole = importplan_complete(plan, plan->size);
    return code == ERR_OK ? db_import_complete(importer->conn, importer->row.id, whole, why) : code;
}

static enum err_code importer_all(struct importer *importer, struct importplan *plan, struct err *why)
{
    enum err_code code = importer_unfold(importer, plan, why);
    if (code == ERR_OK)
        code = importer_round(importer, plan, why);
    if (code == ERR_OK && !importer->full && !roles_stopping())
        code = importer_damaged(importer, plan, why);
    if ((code == ERR_OK || code == ERR_CLOSED) && (importer->full || roles_stopping()))
        code = importer_stopped(importer, plan, why);
    return code;
}

/* Files and log ------------------------------------------------------------------------------------------ */

static enum err_code importer_files(struct importer *importer, const struct importer_ask *ask,
                                    struct err *why)
{
    for (size_t i = 0; i < ask->count; i++) {
        struct err one = {0};
        if (archive_add(importer->archive, ask->paths[i], &one) == ERR_OK)
            continue;
        importer->broken = true;
        fprintf(stderr, "ctvigil: %s\n", one.text);
    }
    if (archive_files(importer->archive) == 0)
        return err_set(why, ERR_SYSTEM, "no file of an archive could be read");
    enum err_code code = archive_prove(importer->archive, why);
    return code == ERR_OK ? ERR_OK : err_prefix(why, "%s", archive_log(importer->archive)->origin);
}

static enum err_code importer_log(struct importer *importer, const struct importer_ask *ask, struct err *why)
{
    const struct head *head = archive_head(importer->archive);
    bool found = false;
    bool alone = false;

    importer->log = *archive_log(importer->archive);
    if (ask->key != NULL && memcmp(ask->key->log_id, importer->log.log_id, 32) != 0)
        return err_set(why, ERR_KEY, "%s: --key is not the key of this log", importer->log.origin);
    enum err_code code = ERR_OK;
    /* One that was killed a moment ago still has the lock. */
    for (int64_t until_ms = clock_mono_ms() + IMPORTER_LOCK_MS; code == ERR_OK && !alone;) {
        code = db_import_lock(importer->conn, importer->log.log_id, &alone, why);
        if (alone || roles_stopping() || clock_mono_ms() > until_ms)
            break;
        clock_sleep_ms(IMPORTER_TURN_MS);
    }
    if (code == ERR_OK && !alone)
        return err_set(why, ERR_DB_CONFLICT, "%s: another process is importing this log",
                       importer->log.origin);
    if (code == ERR_OK)
        code = db_import_find(importer->conn, importer->log.log_id, &importer->row, &found, why);
    importer->vouched = ask->key != NULL                  ? "option"
                        : found && !importer->row.archive ? "database"
                                                          : "archive";
    if (ask->name != NULL)
        (void)snprintf(importer->log.name, sizeof importer->log.name, "%s", ask->name);
    if (code == ERR_OK && !found)
        code = db_import_register(importer->conn, &importer->log, head, &importer->row, why);
    else if (code == ERR_OK && importer->row.removed)
        code = db_import_take_up(importer->conn, importer->row.id, &importer->log, head, why);
    if (code != ERR_OK)
        return code;
    if (ask->name != NULL && strcmp(ask->name, importer->row.name) != 0)
        return err_set(why, ERR_EXISTS, "%s: it is known already, under the name %s", importer->log.origin,
                       importer->row.name);
    importer->log.id = importer->row.id;
    (void)snprintf(importer->log.name, sizeof importer->log.name, "%s", importer->row.name);
    if (!found && ask->key == NULL) {
        char hex[65];
        fprintf(
            stderr,
            "ctvigil: warning: nothing but the archive itself says that this is the key of %s (log id %s);"
            " --key says it\n",
            importer->log.origin, text_hex(span_of(importer->log.log_id, 32), hex));
    }
    return ERR_OK;
}

static void importer_report(const struct importer *importer, const struct importplan *plan)
{
    uint64_t size = archive_head(importer->archive)->size;
    uint64_t stored = importplan_stored(plan);
    uint64_t verified = importplan_verified(plan);
    bool complete = importplan_complete(plan, size);

    if (!importer->cmd->json) {
        printf("%s: %" PRIu64 " entries read, %" PRIu64 " of %" PRIu64 " stored, %" PRIu64 " verified%s\n",
               importer->log.name, importer->read, stored, size, verified, complete ? ": complete" : "");
        return;
    }
    json_t *lost = json_array();
    for (size_t i = 0; i < importer->lost_count; i++)
        json_array_append_new(lost, json_pack("{s:I, s:I, s:s}", "begin", (json_int_t)importer->lost[i].begin,
                                              "end", (json_int_t)importer->lost[i].end, "reason",
                                              importer->lost[i].reason));
    cmd_print_json(json_pack("{s:s, s:s, s:i, s:o, s:s, s:I, s:I, s:I, s:I, s:b, s:o}", "schema",
                             "ctvigil.log.imported.1", "name", importer->log.name, "id",
                             (int)importer->log.id, "log_id", cmd_json_hex(span_of(importer->log.log_id, 32)),
                             "key_from", importer->vouched, "size", (json_int_t)size, "read",
                             (json_int_t)importer->read, "stored", (json_int_t)stored, "verified",
                             (json_int_t)verified, "complete", complete ? 1 : 0, "missing", lost));
}

static int importer_work(struct importer *importer, const struct importer_ask *ask, struct err *why)
{
    struct importplan *plan = calloc(1, sizeof *plan);
    const char *state_dir = "";
    enum err_code code = importer_files(importer, ask, why);

    must(plan != NULL);
    if (code == ERR_OK)
        code = cmd_db_open(importer->cmd, &importer->conn, why);
    if (code == ERR_OK)
        code = cmd_state_dir(importer->cmd, &state_dir, why);
    if (code == ERR_OK)
        code = importer_log(importer, ask, why);
    if (code == ERR_OK)
        code = matching_open(cmd_db_dsn(), &importer->matching, why);
    if (code == ERR_OK) {
        (void)snprintf(importer->evidence_dir, sizeof importer->evidence_dir, "%s/evidence", state_dir);
        (void)mkdir(importer->evidence_dir, 0750);
        plan->there_count = archive_there(importer->archive, plan->there, IMPORTPLAN_THERE_MAX);
        plan->followed = importer->row.followed;
        plan->size = archive_head(importer->archive)->size;
        code = importer_all(importer, plan, why);
        importer_break(importer);
        importer_report(importer, plan);
    }
    free(plan);
    if (code != ERR_OK)
        return cmd_fail(why);
    return importer->unproven ? CMD_FINDINGS : importer->broken ? CMD_FAILED : CMD_OK;
}

int importer_run(const struct cmd *cmd, const struct importer_ask *ask)
{
    struct importer *importer = calloc(1, sizeof *importer);
    struct err why = {0};

    must(importer != NULL);
    importer->cmd = cmd;
    importer->archive = archive_new();
    must(importer->archive != NULL);
    importer->terminal = isatty(STDERR_FILENO) == 1;
    importer->told_ms = clock_mono_ms();
    (void)roles_user_agent(cmd->conf, importer->user_agent, sizeof importer->user_agent);
    roles_signals();
    if (diskguard_check(cmd->conf->db.disk_path, &why) != ERR_OK) {
        archive_free(importer->archive);
        free(importer);
        return cmd_fail(&why);
    }
    diskguard_init(&importer->guard, (unsigned)cmd->conf->db.disk_guard_percent, cmd->conf->db.disk_path);
    int status = importer_work(importer, ask, &why);
    if (status == CMD_USAGE && why.code != ERR_KEY && why.code != ERR_EXISTS)
        status = CMD_FAILED;
    if (importer->matching != NULL)
        matching_close(importer->matching);
    archive_free(importer->archive);
    if (importer->conn != NULL)
        cmd_db_close(importer->conn);
    free(importer);
    return status;
}
