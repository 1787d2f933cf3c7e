#include "cli/coverview.h"

#include <stdio.h>

#include "base/text.h"
#include "cli/cmd.h"
#include "db/db_domain_list.h"

#define COVERVIEW_LINES_MAX 4 /* of one log; all are in the JSON and in the view coverage */

static void coverview_set(json_t *object, const char *name, json_t *value)
{
    must(json_object_set_new(object, name, value) == 0);
}

static json_t *coverview_time(int64_t unix_ms)
{
    return unix_ms == 0 ? json_null() : cmd_json_time(unix_ms);
}

static json_t *coverview_text(const char *text)
{
    return text == NULL || text[0] == '\0' ? json_null() : cmd_json_latin1(span_str(text));
}

/* A log -----------------------------------------------------------------------------------------------------
 */

json_t *coverview_log_json(const struct coverview_parts *parts, int32_t log_id)
{
    json_t *array = json_array();

    for (size_t i = 0; i < parts->count; i++) {
        const struct db_coverage_part *part = &parts->parts[i];
        if (part->log_id != log_id)
            continue;
        json_t *object =
            json_pack("{s:s, s:I, s:I, s:I}", "state", part->state, "begin", (json_int_t)part->begin, "end",
                      (json_int_t)part->end, "entries", (json_int_t)(part->end - part->begin));
        must(object != NULL);
        coverview_set(object, "time_begin", coverview_time(part->begin_ms));
        coverview_set(object, "time_end", coverview_time(part->end_ms));
        coverview_set(object, "thin", json_integer((json_int_t)part->thin));
        (void)json_array_append_new(array, object);
    }
    return array;
}

static bool coverview_is_read(const struct db_coverage_part *part)
{
    return strcmp(part->state, "verified") == 0 || strcmp(part->state, "seen") == 0;
}

json_t *coverview_not_stored_json(const struct coverview_parts *parts, int32_t log_id)
{
    json_t *array = json_array();

    for (size_t i = 0; i < parts->count; i++) {
        const struct db_coverage_part *part = &parts->parts[i];
        if (part->log_id == log_id && strcmp(part->state, "not_stored") == 0)
            (void)json_array_append_new(array, json_pack("{s:I, s:I}", "begin", (json_int_t)part->begin,
                                                         "end", (json_int_t)part->end));
    }
    return array;
}

/* Is all of it part of what is being read? Ranges come by begin. */
static bool coverview_is_backlog(const struct db_coverage_part *part, const struct db_log_status *row)
{
    uint64_t at = part->begin;

    if (!row->followed || strcmp(part->state, "missing") != 0)
        return false;
    for (size_t i = 0; i < row->range_count && at < part->end; i++)
        if (row->ranges[i].begin <= at && row->ranges[i].end > at)
            at = row->ranges[i].end;
    return at >= part->end;
}

void coverview_log(const struct coverview_parts *parts, const struct db_log_status *row)
{
    char when[TEXT_TIME_MAX];
    size_t shown = 0;
    size_t more = 0;

    for (size_t i = 0; i < parts->count; i++) {
        const struct db_coverage_part *part = &parts->parts[i];
        if (part->log_id != row->id || coverview_is_read(part))
            continue;
        if (coverview_is_backlog(part, row))
            continue;
        if (shown == COVERVIEW_LINES_MAX) {
            more++;
            continue;
        }
        shown++;
        printf("  %s: entries %" PRIu64 " to %" PRIu64, part->state, part->begin, part->end - 1);
        if (part->begin_ms != 0)
            printf(", logged from %s", text_time(part->begin_ms, false, when));
        if (part->end_ms != 0)
            printf("%s %s", part->begin_ms != 0 ? " to" : ", logged before",
                   text_time(part->end_ms, false, when));
        printf("\n");
    }
    if (more > 0)
        printf("  and %zu more such stretches; --json has them all\n", more);
}

/* Domains ---------------------------------------------------------------------------------------------------
 */

static void coverview_gap(void *arg, const struct db_coverage_gap *gap)
{
    json_t *object = json_pack("{s:s}", "reason", gap->reason);

    must(object != NULL);
    coverview_set(object, "operator", coverview_text(gap->operator_name));
    coverview_set(object, "log", coverview_text(gap->log));
    coverview_set(object, "begin", gap->has_range ? json_integer((json_int_t)gap->begin) : json_null());
    coverview_set(object, "end", gap->has_range ? json_integer((json_int_t)gap->end) : json_null());
    coverview_set(object, "time_begin", coverview_time(gap->begin_ms));
    coverview_set(object, "time_end", coverview_time(gap->end_ms));
    coverview_set(object, "why", coverview_text(gap->why));
    (void)json_array_append_new(arg, object);
}

enum err_code coverview_load(struct pgconn *conn, struct coverview *view, struct err *why)
{
    *view = (struct coverview){.gaps = json_array()};
    enum err_code code = db_coverage_claim(conn, &view->claim, why);

    return code == ERR_OK ? db_coverage_gaps(conn, coverview_gap, view->gaps, why) : code;
}

void coverview_free(struct coverview *view)
{
    json_decref(view->gaps);
    view->gaps = NULL;
}

/* Null beside an end: nothing in front of it is missing. */
static json_t *coverview_since(bool is, bool first, int64_t unix_ms)
{
    return is && !first ? cmd_json_time(unix_ms) : json_null();
}

void coverview_domain_json(const struct coverview *view, bool pending, json_t *object)
{
    const struct db_coverage_claim *claim = &view->claim;
    bool is = claim->complete && !pending;
    bool unverified = claim->unverified && !pending;
    json_t *gaps = json_copy(view->gaps);

    must(gaps != NULL);
    coverview_set(object, "coverage_basis", json_string(claim->basis));
    coverview_set(object, "complete_since", coverview_since(is, claim->from_first, claim->since_ms));
    coverview_set(object, "complete_until", is ? cmd_json_time(claim->until_ms) : json_null());
    coverview_set(object, "unverified_complete_since",
                  coverview_since(unverified, claim->unverified_first, claim->unverified_since_ms));
    coverview_set(object, "unverified_complete_until",
                  unverified ? cmd_json_time(claim->unverified_until_ms) : json_null());
    coverview_set(object, "left_out", is ? coverview_text(claim->left_out) : json_null());
    if (pending) {
        struct db_coverage_gap gap = {
            .reason = "history_pending",
            .why = "what was stored before the domain was added is not all matched yet",
        };
        coverview_gap(gaps, &gap);
    }
    coverview_set(object, "incomplete", gaps);
}

static void coverview_later(json_t *object, const char *since, const char *until, bool is, int64_t since_ms,
                            int64_t until_ms, int64_t from_ms)
{
    if (!is || json_is_null(json_object_get(object, until)))
        return;
    bool any = until_ms > from_ms;
    coverview_set(object, since, any ? cmd_json_time(since_ms > from_ms ? since_ms : from_ms) : json_null());
    if (!any)
        coverview_set(object, until, json_null());
}

void coverview_domain_thin(const struct coverview *view, uint64_t entries, int64_t thin_until_ms,
                           json_t *object)
{
    const struct db_coverage_claim *claim = &view->claim;
    char text[200];

    if (entries == 0)
        return;
    coverview_later(object, "complete_since", "complete_until", claim->complete,
                    claim->from_first ? 0 : claim->since_ms, claim->until_ms, thin_until_ms);
    coverview_later(object, "unverified_complete_since", "unverified_complete_until", claim->unverified,
                    claim->unverified_first ? 0 : claim->unverified_since_ms, claim->unverified_until_ms,
                    thin_until_ms);
    (void)snprintf(text, sizeof text,
                   "%" PRIu64 " entries were read before the domain was added, and only those stored that "
                   "concerned other domains (db.store: watched)",
                   entries);
    struct db_coverage_gap gap = {.reason = "store_watched", .end_ms = thin_until_ms, .why = text};
    coverview_gap(json_object_get(object, "incomplete"), &gap);
}

static bool coverview_try(struct pgconn *conn, struct coverview *view)
{
    struct err why = {0};
    if (coverview_load(conn, view, &why) == ERR_OK)
        return true;
    fprintf(stderr, "ctvigil: warning: how much of the logs is read can not be said: %s\n", why.text);
    return false;
}

void coverview_matched_json(struct pgconn *conn, struct coverview *once, int64_t domain, json_t *object)
{
    struct err why = {0};
    uint64_t entries = 0;
    int64_t until_ms = 0;
    /* Both or nothing: without what lacks, too much would be promised. */
    if (db_domain_list_thin(conn, domain, &entries, &until_ms, &why) != ERR_OK) {
        fprintf(stderr, "ctvigil: warning: what lacks of its history can not be said: %s\n", why.text);
        return;
    }
    if (once->gaps == NULL && !coverview_try(conn, once)) {
        coverview_free(once);
        return;
    }
    coverview_domain_json(once, false, object);
    coverview_domain_thin(once, entries, until_ms, object);
}

static void coverview_begin_later(bool *is, bool *first, int64_t *since_ms, int64_t until_ms, int64_t from_ms)
{
    *is = *is && until_ms > from_ms;
    if (*first || *since_ms < from_ms)
        *since_ms = from_ms;
    *first = false;
}

void coverview_matched(struct pgconn *conn, int64_t domain)
{
    struct coverview view = {.gaps = NULL};
    struct db_coverage_claim *claim = &view.claim;
    struct err why = {0};
    uint64_t entries = 0;
    int64_t until_ms = 0;
    bool known = coverview_try(conn, &view);
    if (known && db_domain_list_thin(conn, domain, &entries, &until_ms, &why) != ERR_OK) {
        fprintf(stderr, "ctvigil: warning: what lacks of its history can not be said: %s\n", why.text);
        known = false;
    }
    /* As coverview_domain_thin says it in JSON. */
    if (known && entries != 0) {
        coverview_begin_later(&claim->complete, &claim->from_first, &claim->since_ms, claim->until_ms,
                              until_ms);
        coverview_begin_later(&claim->unverified, &claim->unverified_first, &claim->unverified_since_ms,
                              claim->unverified_until_ms, until_ms);
    }
    if (known)
        coverview_domains(&view);
    coverview_free(&view);
}

static void coverview_span(const char *what, bool first, int64_t since_ms, int64_t until_ms)
{
    char when[TEXT_TIME_MAX];

    printf("%s for certificates that logs took in ", what);
    if (first)
        printf("up to ");
    else
        printf("from %s to ", text_time(since_ms, false, when));
    printf("%s", text_time(until_ms, false, when));
}

/* The reasons that are about no log. */
static void coverview_general(const struct coverview *view)
{
    size_t index;
    json_t *gap;

    json_array_foreach(view->gaps, index, gap) if (json_is_null(json_object_get(gap, "log")))
        printf("  %s\n", json_string_value(json_object_get(gap, "why")));
}

/* Why nothing is promised, and what ends that. */
static void coverview_hint(const struct coverview *view)
{
    static const struct {
        const char *reason, *one, *more, *what;
    } rows[] = {
        {"not_begun", "log has", "logs have",
         "not said yet how much there is: 'ctvigil log status' has the last error"},
        {"not_followed", "log is", "logs are", "not followed: 'ctvigil log list' says why"},
        {"missing", "stretch is", "stretches are",
         "not read: 'ctvigil run' reads a backlog, nothing reads what lies in front of --from"},
        {"unverified", "stretch is", "stretches are",
         "read and not verified: that comes with the next head the log signs"},
        {"not_stored", "stretch was", "stretches were",
         "not stored whole: the disk was nearly full, or what was stored was damaged; they are read again"},
        {"lost", "stretch is", "stretches are", "lost: 'ctvigil alert list' has what could be in there"},
    };
    size_t index;
    json_t *gap;

    for (size_t i = 0; i < countof(rows); i++) {
        size_t count = 0;
        json_array_foreach(view->gaps, index, gap) count +=
            strcmp(json_string_value(json_object_get(gap, "reason")), rows[i].reason) == 0;
        if (count != 0)
            printf("  %zu %s %s\n", count, count == 1 ? rows[i].one : rows[i].more, rows[i].what);
    }
    printf("  it is complete up to a time once %s are read and verified up to it\n",
           strcmp(view->claim.basis, "policy") == 0 ? "logs of all operators but one" : "all logs");
}

void coverview_domains(const struct coverview *view)
{
    const struct db_coverage_claim *claim = &view->claim;
    size_t gaps = json_array_size(view->gaps);

    if (claim->complete) {
        coverview_span("complete", claim->from_first, claim->since_ms, claim->until_ms);
        if (strcmp(claim->basis, "policy") == 0) {
            printf("\n  because browsers want them in logs of two operators; not counted on: ");
            cmd_print_visible(span_str(claim->left_out[0] == '\0' ? "unknown" : claim->left_out), 0);
        }
        printf("\n");
    } else if (claim->unverified) {
        coverview_span("read, but not verified,", claim->unverified_first, claim->unverified_since_ms,
                       claim->unverified_until_ms);
        printf("\n");
    } else {
        printf("nothing can be said to be complete yet\n");
        coverview_hint(view);
    }
    coverview_general(view);
    if (gaps > 0)
        printf("  %zu thing%s could have hidden a certificate: 'ctvigil domain list --json', incomplete[]\n",
               gaps, gaps == 1 ? "" : "s");
}
