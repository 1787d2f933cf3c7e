#include "cli/listkeeper.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/metric.h"
#include "base/say.h"
#include "cli/beginning.h"
#include "cli/chore.h"
#include "cli/contact.h"
#include "cli/ending.h"
#include "cli/manners.h"
#include "cli/roles.h"
#include "cli/tileprobe.h"
#include "ingest/finalhead.h"
#include "ingest/listfetch.h"
#include "ingest/proto.h"

#define LISTKEEPER_WAIT_MS  15000 /* between two looks; half of the interval when that is shorter */
#define LISTKEEPER_RETRY_MS 60000 /* after a failure, then twice as long each time */
#define LISTKEEPER_RETRIES  9     /* doublings: half a day */
#define LISTKEEPER_HEAD_MS  30000
#define LISTKEEPER_TURN_MS  10000 /* by hand: how long to wait for another process to be done */
#define LISTKEEPER_TELL_MAX 16    /* entries without use that are named */

/* A log that does not say where it is, or does not prove its end, is not asked every time. */
struct listkeeper_patience {
    int32_t log_id;
    int64_t due_ms;
    int64_t wait_ms;
};

struct listkeeper {
    const struct conf *conf;
    char *dsn;
    char user_agent[300];
    char said[ERR_TEXT_MAX]; /* of the list, last */
    int64_t stale_said_ms;
    bool none_said;
    size_t refused_said; /* logs that may not be asked, the last time */
    struct listkeeper_patience patience[LIMIT_LOGS];
    size_t patience_count;
    struct chore chore;
};

static struct listkeeper *listkeeper_new(const struct conf *conf, const char *dsn)
{
    struct listkeeper *keeper = calloc(1, sizeof *keeper);

    must(keeper != NULL);
    keeper->conf = conf;
    keeper->dsn = strdup(dsn);
    must(keeper->dsn != NULL);
    (void)roles_user_agent(conf, keeper->user_agent, sizeof keeper->user_agent);
    return keeper;
}

/* `ms` give or take a tenth, so that not all the world asks at once. */
static int64_t listkeeper_jitter(int64_t ms)
{
    uint32_t random;

    hash_random(&random, sizeof random);
    return ms - ms / 10 + (int64_t)random % (ms / 5 + 1);
}

enum err_code listkeeper_check(const struct conf *conf, struct err *why)
{
    const char *named = conf->ingest.log_list;
    struct listfetch_source source;

    if (strcmp(conf->ingest.log_list_from, "now") != 0 && strcmp(conf->ingest.log_list_from, "0") != 0)
        return err_set(why, ERR_CONFIG, "ingest.log_list_from: '%s' is neither now nor 0",
                       conf->ingest.log_list_from);
    if (named[0] == '\0' || strcmp(named, "none") == 0)
        return ERR_OK;
    return listfetch_source(named, conf->ingest.log_list_key, &source, why);
}

/* The list -------------------------------------------------------------------------------------------------
 */

enum err_code listkeeper_named(const struct conf *conf, struct pgconn *conn, const char **named,
                               struct err *why)
{
    const char *text = conf->ingest.log_list;
    bool applied = false;
    bool by_hand = false;
    enum err_code code = ERR_OK;

    *named = strcmp(text, "none") == 0 ? NULL : text;
    if (text[0] != '\0')
        return ERR_OK;
    code = db_loglist_any(conn, &applied, &by_hand, why);
    *named = by_hand && !applied ? NULL : "google";
    return code;
}

static int64_t listkeeper_interval_ms(const struct listkeeper *keeper)
{
    return keeper->conf->ingest.log_list_s * 1000;
}

/* Once for each thing that goes wrong, not at every try. */
static void listkeeper_say(struct listkeeper *keeper, bool refused, const char *text)
{
    if (strcmp(keeper->said, text) == 0)
        return;
    (void)snprintf(keeper->said, sizeof keeper->said, "%s", text);
    if (text[0] == '\0')
        return;
    if (refused)
        say_error("log list", "refused, the logs that are known go on: %s", text);
    else
        say_warn("log list", "it can not be had now, the logs that are known go on: %s", text);
}

static enum err_code listkeeper_failed(struct listkeeper *keeper, struct pgconn *conn,
                                       const struct db_loglist *kept, const char *source,
                                       const struct err *failure, bool refused)
{
    unsigned doublings = kept->failures < LISTKEEPER_RETRIES ? kept->failures : LISTKEEPER_RETRIES;
    int64_t wait_ms = (int64_t)LISTKEEPER_RETRY_MS << doublings;
    int64_t most_ms = listkeeper_interval_ms(keeper);
    struct err why = {0};

    metric_add(refused ? METRIC_LOG_LISTS_REFUSED_TOTAL : METRIC_LOG_LISTS_FAILED_TOTAL, 1);
    listkeeper_say(keeper, refused, failure->text);
    wait_ms = listkeeper_jitter(wait_ms < most_ms ? wait_ms : most_ms);
    if (db_loglist_failed(conn, source, failure->text, refused, clock_wall_ms() + wait_ms, &why) != ERR_OK)
        say_debug("log list", "%s", why.text);
    return failure->code;
}

static void listkeeper_tell(const struct loglist *list, const struct listkeeper_report *report)
{
    uint32_t told = 0;

    for (size_t i = 0; i < list->count && told < LISTKEEPER_TELL_MAX; i++) {
        if (list->logs[i].refused[0] == '\0')
            continue;
        told++;
        say_warn("log list", "operator=%s log=%s entry not used: %s", list->logs[i].operator_name,
                 list->logs[i].description, list->logs[i].refused);
    }
    say_info("log list",
             "version=%s logs=%zu followed=%" PRIu32 " added=%" PRIu32 " changed=%" PRIu32 " left=%" PRIu32
             " by_hand=%" PRIu32 " unusable=%zu",
             list->version, list->count, report->change.followed, report->change.added,
             report->change.changed, report->change.left, report->change.by_hand, list->refused);
    if (report->change.new_operators[0] != '\0')
        say_warn("log list", "operators=\"%s\" never stood in a list before: are their logs known elsewhere?",
                 report->change.new_operators);
}

/* What came is read, judged and applied. *refused: it is the list that is wrong, not the world. */
static enum err_code listkeeper_take(struct listkeeper *keeper, struct pgconn *conn,
                                     const struct db_loglist *kept, const struct listfetch_source *source,
                                     const struct listfetch *got, struct listkeeper_report *report,
                                     bool *refused, struct err *why)
{
    struct loglist *list = NULL;
    enum err_code code = loglist_parse(span_of(got->bytes, got->len), &list, why);

    if (code == ERR_OK)
        code = listfetch_newer(list, kept->version, kept->made_ms, clock_wall_ms(), why);
    *refused = code != ERR_OK;
    if (code == ERR_OK) {
        struct db_loglist_news news = {
            .source = source->place,
            .version = list->version,
            .made_ms = list->timestamp_ms,
            .etag = got->etag,
            .bytes = span_of(got->bytes, got->len),
            .next_ms = clock_wall_ms() + listkeeper_jitter(listkeeper_interval_ms(keeper)),
            .unusable = (uint32_t)list->refused,
            .all_logs = list->all_logs,
            .follow_pending = keeper->conf->ingest.follow_pending,
            .from = keeper->conf->ingest.log_list_from,
        };
        code = db_loglist_apply(conn, &news, list->logs, list->count, &report->change, why);
        report->refused = (uint32_t)list->refused;
    }
    if (code == ERR_OK)
        listkeeper_tell(list, report);
    loglist_free(list);
    return code;
}

static enum err_code listkeeper_fetch(struct listkeeper *keeper, struct pgconn *conn, const char *named,
                                      bool force, struct listkeeper_report *report, struct err *why)
{
    struct listfetch_source source;
    struct db_loglist kept;
    struct listfetch got = {.len = 0};
    struct err failure = {0};
    bool found = false;
    bool refused = false;
    int64_t now_ms = clock_wall_ms();
    enum err_code code = listfetch_source(named, keeper->conf->ingest.log_list_key, &source, why);

    if (code != ERR_OK)
        return code;
    if ((code = db_loglist_load(conn, source.place, &kept, &found, why)) != ERR_OK)
        return code;
    report->list = kept;
    /* An interval that was made shorter counts from the last look. */
    int64_t soonest_ms = kept.failures == 0 ? kept.tried_ms + listkeeper_interval_ms(keeper) : kept.next_ms;
    if (!force && found && now_ms < kept.next_ms && now_ms < soonest_ms && now_ms >= kept.tried_ms)
        return ERR_OK;
    code = listfetch_get(&source, keeper->user_agent, kept.etag, &keeper->chore.stop, &got, &failure);
    if (atomic_load(&keeper->chore.stop))
        return ERR_OK;
    report->unchanged = code == ERR_OK && got.unchanged;
    if (report->unchanged) {
        int64_t next_ms = now_ms + listkeeper_jitter(listkeeper_interval_ms(keeper));
        code = db_loglist_unchanged(conn, source.place, next_ms, &failure);
    } else if (code == ERR_OK) {
        code = listkeeper_take(keeper, conn, &kept, &source, &got, report, &refused, &failure);
    } else {
        refused = code == ERR_SIGNATURE || code == ERR_TOO_BIG;
    }
    listfetch_free(&got);
    if (code != ERR_OK) {
        (void)listkeeper_failed(keeper, conn, &kept, source.place, &failure, refused);
        return err_set(why, failure.code, "%s", failure.text);
    }
    metric_add(METRIC_LOG_LISTS_TOTAL, 1);
    listkeeper_say(keeper, false, "");
    return db_loglist_load(conn, source.place, &report->list, &found, why);
}

static void listkeeper_age(struct listkeeper *keeper, const struct db_loglist *list)
{
    int64_t now_ms = clock_wall_ms();
    int64_t made_ms = list->made_ms != 0 ? list->made_ms : list->fetched_ms;
    bool stale = list->revision > 0 && now_ms - made_ms > LISTFETCH_STALE_MS;

    metric_set(METRIC_LOG_LIST_STALE, stale ? 1 : 0);
    if (!stale || (keeper->stale_said_ms != 0 && now_ms - keeper->stale_said_ms < INT64_C(86400000)))
        return;
    keeper->stale_said_ms = now_ms;
    say_warn("log list", "it is %" PRId64 " days old: newer logs may be unknown",
             (now_ms - made_ms) / INT64_C(86400000));
}

/* Patience -------------------------------------------------------------------------------------------------
 */

static struct listkeeper_patience *listkeeper_patience_of(struct listkeeper *keeper, int32_t log_id)
{
    for (size_t i = 0; i < keeper->patience_count; i++)
        if (keeper->patience[i].log_id == log_id)
            return &keeper->patience[i];
    if (keeper->patience_count == LIMIT_LOGS)
        keeper->patience_count = 0; /* those who are still tried come again */
    struct listkeeper_patience *patience = &keeper->patience[keeper->patience_count++];
    *patience = (struct listkeeper_patience){.log_id = log_id};
    return patience;
}

static void listkeeper_later(struct listkeeper *keeper, int32_t log_id)
{
    struct listkeeper_patience *patience = listkeeper_patience_of(keeper, log_id);

    patience->wait_ms = patience->wait_ms == 0 ? 5000 : 2 * patience->wait_ms;
    if (patience->wait_ms > 3600000)
        patience->wait_ms = 3600000;
    patience->due_ms = clock_mono_ms() + listkeeper_jitter(patience->wait_ms);
}

/* Beginning ------------------------------------------------------------------------------------------------
 */

/* A log to be begun "now", which was when it was registered. */
struct listkeeper_birth {
    struct ctlog log;
    int64_t added_ms;
};

static void listkeeper_ask_heads(struct listkeeper *keeper, struct pgconn *conn,
                                 const struct listkeeper_birth *births, size_t count)
{
    struct ask *asks = calloc(count, sizeof *asks);
    char(*urls)[PROTO_URL_MAX] = calloc(count, sizeof *urls);
    const struct ctlog **logs = calloc(count, sizeof *logs);
    struct manners manners;
    struct err why = {0};

    must(asks != NULL && urls != NULL && logs != NULL);
    const atomic_bool *stop = &keeper->chore.stop;
    for (size_t i = 0; i < count; i++) {
        logs[i] = &births[i].log;
        proto_of(births[i].log.protocol)->head_url(&births[i].log, urls[i]);
        asks[i] = (struct ask){.url = urls[i], .ceiling = LIMIT_SMALL_BYTES};
    }
    if (manners_open(&manners, keeper->conf, keeper->dsn, &why) == ERR_OK) {
        bool asked =
            courtesy_ask_all(&manners.courtesy, logs, asks, count, LISTKEEPER_HEAD_MS, stop, &why) == ERR_OK;
        for (size_t i = 0; asked && i < count && !atomic_load(stop); i++) {
            struct beginning birth = {logs[i], &asks[i], births[i].added_ms, clock_wall_ms()};
            struct err one = {0};
            uint64_t begin = 0;
            enum err_code code = beginning_find(&manners.courtesy, &birth, stop, &begin, &one);
            if (code == ERR_OK)
                code = db_loglist_begin(conn, births[i].log.id, begin, &one);
            if (code == ERR_OK)
                continue;
            (void)!db_loglist_note(conn, births[i].log.id, one.text, NULL);
            say_debug(births[i].log.name, "where it begins is not known yet: %s", one.text);
            listkeeper_later(keeper, births[i].log.id);
        }
        manners_close(&manners);
    }
    if (why.code != ERR_OK && !atomic_load(stop))
        say_warn("log list", "logs can not be asked where they begin: %s", why.text);
    ask_fini(asks, count);
    free(asks);
    free(urls);
    free(logs);
}

/* Nobody is asked without saying who asks. People see why it waits. */
static void listkeeper_unasked(struct listkeeper *keeper, struct pgconn *conn, const struct ctlog *log)
{
    struct err ignored = {0};

    if (listkeeper_patience_of(keeper, log->id)->due_ms > clock_mono_ms())
        return;
    (void)!db_loglist_note(conn, log->id, contact_missing(), &ignored);
    listkeeper_later(keeper, log->id);
}

/* Finds out where followed logs begin that have no range yet. */
static enum err_code listkeeper_begin(struct listkeeper *keeper, struct pgconn *conn,
                                      struct listkeeper_report *report, struct err *why)
{
    struct ctlog *logs = NULL;
    struct db_loglist_from *from = NULL;
    size_t count = 0;
    size_t asked = 0;
    const char *first = "";
    enum err_code code = db_loglist_unstarted(conn, &logs, &from, &count, why);
    struct listkeeper_birth *births = calloc(count + 1, sizeof *births);

    must(births != NULL);
    for (size_t i = 0; code == ERR_OK && i < count; i++) {
        if (!contact_allows(keeper->conf, logs[i].url)) {
            first = report->unasked++ == 0 ? logs[i].name : first;
            listkeeper_unasked(keeper, conn, &logs[i]);
        } else if (strcmp(from[i].spec, "0") == 0)
            code = db_loglist_begin(conn, logs[i].id, 0, why);
        else if (listkeeper_patience_of(keeper, logs[i].id)->due_ms <= clock_mono_ms())
            births[asked++] = (struct listkeeper_birth){.log = logs[i], .added_ms = from[i].added_ms};
    }
    if (code == ERR_OK && asked > 0)
        listkeeper_ask_heads(keeper, conn, births, asked);
    if (code == ERR_OK)
        contact_say(first, report->unasked, &keeper->refused_said);
    free(births);
    free(logs);
    free(from);
    if (code != ERR_OK)
        return code;
    code = db_loglist_unstarted(conn, &logs, &from, &count, why);
    report->unstarted = (uint32_t)count;
    free(logs);
    free(from);
    return code;
}

/* Ending ---------------------------------------------------------------------------------------------------
 */

/* Does the log serve more than was read? Its last word that we heard may be old, and after the end nobody
 * listens. */
static enum err_code listkeeper_more(const struct courtesy *courtesy, const struct ctlog *log,
                                     uint64_t position, const atomic_bool *stop, bool *more, struct err *why)
{
    struct head head = {0};
    enum err_code code = manners_head(courtesy, log, LISTKEEPER_HEAD_MS, stop, &head, why);

    *more = code == ERR_OK && head.size > position;
    return code;
}

static enum err_code listkeeper_prove(struct listkeeper *keeper, struct pgconn *conn, const struct ctlog *log,
                                      const struct db_log_status *row, struct err *why)
{
    struct head head;
    const atomic_bool *stop = &keeper->chore.stop;
    struct manners manners;
    struct err doubt = {0};
    bool found = false;
    bool more = false;
    enum err_code code = db_loglist_head(conn, row->id, row->verified_size, &head, &found, why);

    if (code != ERR_OK || !found)
        return code;
    code = manners_open(&manners, keeper->conf, keeper->dsn, why);
    if (code != ERR_OK)
        return code;
    code = listkeeper_more(&manners.courtesy, log, row->position, stop, &more, &doubt);
    if (code == ERR_OK && !more)
        code = finalhead_check(&manners.courtesy, log, row->final_size, row->final_root, &head, stop, &doubt);
    manners_close(&manners);
    if (more)
        return ERR_OK;
    if (code == ERR_OK) {
        say_info(row->name,
                 "complete: read, verified, and its final tree of %" PRIu64 " entries is a part of it",
                 row->final_size);
        return db_loglist_ended(conn, row->id, DB_LOGLIST_COMPLETE, 0, 0, "", why);
    }
    if (atomic_load(&keeper->chore.stop))
        return ERR_OK;
    listkeeper_later(keeper, row->id);
    if (strcmp(row->final_error, doubt.text) != 0)
        say_error(row->name, "its final tree of %" PRIu64 " entries is not proven: %s", row->final_size,
                  doubt.text);
    return db_loglist_doubt(conn, row->id, row->final_size, doubt.text, code == ERR_INCONSISTENT, why);
}

static enum err_code listkeeper_lost(struct pgconn *conn, const struct db_log_status *row, struct err *why)
{
    char text[256];

    (void)snprintf(text, sizeof text,
                   "%s has not answered for %d hours and is not expected back: entries %" PRIu64
                   " to %" PRIu64 " were never seen",
                   row->name, (int)(ENDING_SILENT_MS / 3600000), row->position, row->head_size - 1);
    say_error(row->name, "%s", text);
    return db_loglist_ended(conn, row->id, DB_LOGLIST_LOST, row->position, row->head_size, text, why);
}

static const struct ctlog *listkeeper_find(const struct ctlog *logs, size_t count, int32_t id)
{
    for (size_t i = 0; i < count; i++)
        if (logs[i].id == id)
            return &logs[i];
    return NULL;
}

static enum err_code listkeeper_end(struct listkeeper *keeper, struct pgconn *conn, const struct ctlog *logs,
                                    size_t log_count, const struct db_log_status *row, struct err *why)
{
    const struct ctlog *log = listkeeper_find(logs, log_count, row->id);

    switch (ending_of(row, clock_wall_ms())) {
    case ENDING_PROVE:
        if (log == NULL || !contact_allows(keeper->conf, log->url) ||
            listkeeper_patience_of(keeper, row->id)->due_ms > clock_mono_ms())
            return ERR_OK;
        return listkeeper_prove(keeper, conn, log, row, why);
    case ENDING_DONE:
        say_info(row->name, "read to its last known head; it is not followed any more");
        return db_loglist_ended(conn, row->id, DB_LOGLIST_ENDED, 0, 0, "", why);
    case ENDING_LOST:
        return listkeeper_lost(conn, row, why);
    default:
        return ERR_OK;
    }
}

static enum err_code listkeeper_ends(struct listkeeper *keeper, struct pgconn *conn, struct err *why)
{
    struct db_log_status *rows = NULL;
    struct ctlog *logs = NULL;
    size_t count = 0;
    size_t log_count = 0;
    enum err_code code = db_log_status(conn, &rows, &count, why);

    if (code == ERR_OK)
        code = db_log_load(conn, &logs, &log_count, why);
    for (size_t i = 0; code == ERR_OK && i < count && !atomic_load(&keeper->chore.stop); i++)
        code = listkeeper_end(keeper, conn, logs, log_count, &rows[i], why);
    free(rows);
    free(logs);
    return code;
}

/* Rounds ---------------------------------------------------------------------------------------------------
 */

/* A list that can not be had keeps nobody from looking after the logs that are known. */
static enum err_code listkeeper_round(struct listkeeper *keeper, struct pgconn *conn, bool force,
                                      struct listkeeper_report *report, struct err *why)
{
    const char *named = NULL;
    struct err rest = {0};
    enum err_code code = listkeeper_named(keeper->conf, conn, &named, why);

    report->none = named == NULL;
    if (code != ERR_OK)
        return code;
    if (named != NULL) {
        code = listkeeper_fetch(keeper, conn, named, force, report, why);
        listkeeper_age(keeper, &report->list);
    } else if (!keeper->none_said && keeper->conf->ingest.log_list[0] == '\0') {
        keeper->none_said = true;
        say_info("log list",
                 "none is followed, because logs were added by hand; ingest.log_list=google follows all");
    }
    enum err_code after = db_loglist_follow(conn, keeper->conf->ingest.follow_pending, &rest);
    if (after == ERR_OK)
        after = listkeeper_begin(keeper, conn, report, &rest);
    if (after == ERR_OK)
        after = listkeeper_ends(keeper, conn, &rest);
    if (after == ERR_OK)
        after = tileprobe_look(keeper->conf, conn, keeper->dsn, &keeper->chore.stop, &rest);
    return code == ERR_OK && after != ERR_OK ? err_set(why, after, "%s", rest.text) : code;
}

/* The same, when nobody else is at it. */
static enum err_code listkeeper_alone(struct listkeeper *keeper, struct pgconn *conn, bool force,
                                      struct listkeeper_report *report, bool *taken, struct err *why)
{
    struct err ignored = {0};
    enum err_code code = db_loglist_lock(conn, taken, why);

    if (code != ERR_OK || !*taken)
        return code;
    code = listkeeper_round(keeper, conn, force, report, why);
    (void)!db_loglist_unlock(conn, &ignored);
    return code;
}

enum err_code listkeeper_update(const struct conf *conf, const char *dsn, struct pgconn *conn,
                                struct listkeeper_report *report, struct err *why)
{
    struct listkeeper *keeper;
    bool taken = false;
    int64_t until_ms = clock_mono_ms() + LISTKEEPER_TURN_MS;
    enum err_code code;

    *report = (struct listkeeper_report){.none = false};
    if ((code = listkeeper_check(conf, why)) != ERR_OK)
        return code;
    keeper = listkeeper_new(conf, dsn);
    do {
        code = listkeeper_alone(keeper, conn, true, report, &taken, why);
        if (code == ERR_OK && !taken)
            clock_sleep_ms(100);
    } while (code == ERR_OK && !taken && clock_mono_ms() < until_ms);
    if (code == ERR_OK && !taken)
        code = err_set(why, ERR_DB_CONFLICT, "log list: another process is fetching it at this moment");
    free(keeper->dsn);
    free(keeper);
    return code;
}

static int64_t listkeeper_look(void *arg)
{
    struct listkeeper *keeper = arg;
    int64_t half_ms = listkeeper_interval_ms(keeper) / 2;
    struct listkeeper_report report = {.none = false};
    struct pgconn *conn = NULL;
    struct err why = {0};
    bool taken = false;
    enum err_code code = pgconn_open(keeper->dsn, &conn, &why);

    if (code == ERR_OK)
        code = db_log_pace(conn, &why);
    if (code == ERR_OK)
        code = listkeeper_alone(keeper, conn, false, &report, &taken, &why);
    if (code == ERR_CONFIG)
        listkeeper_say(keeper, false, why.text);
    else if (code != ERR_OK && !atomic_load(&keeper->chore.stop))
        say_debug("log list", "%s",
                  why.text); /* an outage is said by whoever reads, a bad list by who refused it */
    if (conn != NULL)
        pgconn_free(conn);
    return half_ms < LISTKEEPER_WAIT_MS ? half_ms : LISTKEEPER_WAIT_MS;
}

enum err_code listkeeper_start(const struct conf *conf, const char *dsn, struct listkeeper **out,
                               struct err *why)
{
    struct listkeeper *keeper = listkeeper_new(conf, dsn);

    *out = NULL;
    enum err_code code = chore_start(&keeper->chore, "listkeeper", listkeeper_look, keeper, why);
    if (code != ERR_OK)
        listkeeper_stop(keeper);
    else
        *out = keeper;
    return code;
}

void listkeeper_stop(struct listkeeper *keeper)
{
    if (keeper == NULL)
        return;
    chore_stop(&keeper->chore);
    free(keeper->dsn);
    free(keeper);
}
