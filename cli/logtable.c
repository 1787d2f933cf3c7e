#include "cli/logtable.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/logcheck.h"
#include "cli/paceview.h"
#include "ingest/listfetch.h"

#define LOGTABLE_PAGE        256                      /* entries that one request brings */
#define LOGTABLE_LOOK_S      60                       /* a log is looked at each minute */
#define LOGTABLE_WIDE        117                      /* columns of the whole table of log status */
#define LOGTABLE_URLS        160                      /* columns of log list with the URL of every log */
#define LOGTABLE_BEFORE_FROM 99                       /* columns in front of FROM, */
#define LOGTABLE_FROM        6                        /* and of it at least */
#define LOGTABLE_TIME_MAX_MS INT64_C(253402300799999) /* the last moment of the year 9999 */

const char *logtable_state(const struct db_log_status *row)
{
    if (strcmp(row->state, "inconsistent") == 0)
        return row->state;
    if (row->ended[0] != '\0')
        return row->ended;
    if (!row->followed)
        return row->unfollowed;
    if (row->range_count == 0)
        return "waiting";
    if (row->left_ms != 0)
        return "leaving";
    return row->list_state[0] != '\0' ? row->list_state : row->state;
}

int64_t logtable_eta_s(const struct db_log_status *row)
{
    double gain = row->rate - row->growth;

    if (row->head_time_ms == 0)
        return -1;
    if (row->backlog == 0)
        return 0;
    if (!row->has_rate || (row->backlog <= LOGTABLE_PAGE ? row->rate : gain) <= 0)
        return -1;
    /* A log that is kept up with is as fast as it grows; what came since the last look comes with the next.
     */
    if (row->backlog <= LOGTABLE_PAGE && (gain <= 0 || (double)row->backlog / gain > LOGTABLE_LOOK_S))
        return LOGTABLE_LOOK_S;
    double seconds = (double)row->backlog / gain;
    return seconds < 1e12 ? (int64_t)seconds : -1;
}

int64_t logtable_head_age_s(const struct db_log_status *row, int64_t now_ms)
{
    if (row->head_time_ms == 0)
        return -1;
    return row->head_time_ms > now_ms ? 0 : (now_ms - row->head_time_ms) / 1000;
}

char *logtable_duration(int64_t seconds, char out[24])
{
    static const struct {
        int64_t below; /* seconds */
        int64_t unit;
        const char *name;
    } rows[] = {{120, 1, "s"}, {7200, 60, "min"}, {172800, 3600, "h"}, {INT64_C(63072000), 86400, "days"}};

    (void)snprintf(out, 24, "-");
    for (size_t i = 0; seconds >= 0 && i < countof(rows); i++) {
        if (seconds >= rows[i].below)
            continue;
        (void)snprintf(out, 24, "%" PRId64 " %s", seconds / rows[i].unit, rows[i].name);
        return out;
    }
    if (seconds >= 0)
        (void)snprintf(out, 24, "%" PRId64 " years", seconds / INT64_C(31536000) % 100000);
    return out;
}

/* JSON -----------------------------------------------------------------------------------------------------
 */

static void logtable_set(json_t *object, const char *name, json_t *value)
{
    must(json_object_set_new(object, name, value) == 0);
}

static json_t *logtable_time(int64_t unix_ms)
{
    /* RFC 3339 ends with the year 9999. */
    return unix_ms == 0 || unix_ms > LOGTABLE_TIME_MAX_MS ? json_null() : cmd_json_time(unix_ms);
}

static json_t *logtable_text(const char *text)
{
    return text[0] == '\0' ? json_null() : cmd_json_latin1(span_str(text));
}

/* Did it ever show a head? Before that nobody knows how much there is. */
static bool logtable_asked(const struct db_log_status *row)
{
    return row->head_time_ms != 0 || row->head_size != 0;
}

static json_t *logtable_number(bool known, uint64_t number)
{
    return known ? json_integer((json_int_t)number) : json_null();
}

static json_t *logtable_ranges(const struct db_log_status *row)
{
    json_t *ranges = json_array();

    for (size_t i = 0; i < row->range_count; i++) {
        const struct db_log_range *range = &row->ranges[i];
        (void)json_array_append_new(
            ranges, json_pack("{s:I, s:o, s:I, s:I}", "begin", (json_int_t)range->begin, "end",
                              range->end == UINT64_MAX ? json_null() : json_integer((json_int_t)range->end),
                              "next", (json_int_t)range->next, "verified", (json_int_t)range->verified));
    }
    return ranges;
}

/* What the log list says of it. */
static void logtable_listed(const struct db_log_status *row, json_t *object)
{
    logtable_set(object, "listed", json_boolean(row->listed));
    logtable_set(object, "followed", json_boolean(row->followed));
    logtable_set(object, "unfollowed", logtable_text(row->unfollowed));
    logtable_set(object, "ended", logtable_text(row->ended));
    logtable_set(object, "ended_at", logtable_time(row->ended_ms));
    logtable_set(object, "operator", logtable_text(row->operator_name));
    logtable_set(object, "description", logtable_text(row->description));
    logtable_set(object, "list_state", logtable_text(row->list_state));
    logtable_set(object, "list_state_since", logtable_time(row->list_state_ms));
    logtable_set(object, "left_at", logtable_time(row->left_ms));
    logtable_set(object, "mmd_s", row->mmd_s == 0 ? json_null() : json_integer(row->mmd_s));
    logtable_set(object, "interval_begin", logtable_time(row->begin_ms));
    logtable_set(object, "interval_end", logtable_time(row->end_ms));
    logtable_set(object, "final_size",
                 row->has_final ? json_integer((json_int_t)row->final_size) : json_null());
    logtable_set(object, "final_error", logtable_text(row->final_error));
}

static void logtable_heads_json(const struct db_log_status *row, json_t *object)
{
    logtable_set(object, "head_timestamp_ms",
                 row->head_time_ms == 0 ? json_null() : json_integer(row->head_time_ms));
    logtable_set(object, "head_in_future", json_boolean(logtable_in_future(row, clock_wall_ms())));
    logtable_set(object, "head_since", logtable_time(row->head_since_ms));
    logtable_set(object, "head_seen", logtable_time(row->head_seen_ms));
    logtable_set(object, "served_size", logtable_number(logtable_asked(row), row->served_size));
    logtable_set(object, "unproven_heads", json_integer((json_int_t)row->unproven));
    logtable_set(object, "mmd_exceeded", json_integer((json_int_t)row->mmd_exceeded));
    logtable_set(object, "merge_delay_max_s", json_integer(row->merge_delay_s));
}

json_t *logtable_json(const struct db_log_status *row, const struct logtable_more *more)
{
    int64_t eta_s = logtable_eta_s(row);
    int64_t age_s = logtable_head_age_s(row, clock_wall_ms());
    json_t *object = json_pack("{s:s, s:s, s:s, s:s}", "schema", "ctvigil.log.1", "name", row->name,
                               "protocol", row->protocol, "url", row->url);
    bool begun = row->range_count != 0;
    bool asked = logtable_asked(row);

    must(object != NULL);
    logtable_set(object, "position", logtable_number(begun, row->position));
    logtable_set(object, "verified_size", logtable_number(begun, row->verified_size));
    logtable_set(object, "head_size", logtable_number(asked, row->head_size));
    logtable_set(object, "head_time", logtable_time(row->head_time_ms));
    logtable_set(object, "head_age_s", age_s < 0 ? json_null() : json_integer(age_s));
    logtable_set(object, "stale", json_boolean(logcheck_of(row, clock_wall_ms()) != 0));
    logtable_heads_json(row, object);
    logtable_set(object, "backlog", logtable_number(asked && begun, row->backlog));
    logtable_set(object, "overdue", logtable_number(asked && begun, row->overdue));
    logtable_set(object, "rate", row->has_rate ? json_real(row->rate) : json_null());
    logtable_set(object, "eta_s", eta_s < 0 ? json_null() : json_integer(eta_s));
    logtable_set(object, "state", json_string(row->state));
    logtable_set(object, "last_error", cmd_json_latin1(span_str(row->last_error)));
    if (strcmp(row->state, "inconsistent") == 0) {
        logtable_set(object, "reason", cmd_json_latin1(span_str(row->reason)));
        logtable_set(object, "evidence", logtable_text(row->evidence));
    }
    logtable_set(object, "last_contact", logtable_time(row->last_contact_ms));
    logtable_set(object, "entries", json_integer((json_int_t)row->entries));
    logtable_set(object, "malformed", json_integer((json_int_t)row->malformed));
    logtable_set(object, "not_stored", json_integer((json_int_t)row->not_stored));
    logtable_set(object, "put_down", json_boolean(row->put_down));
    logtable_set(object, "not_stored_ranges", coverview_not_stored_json(&more->parts, row->id));
    logtable_set(object, "ranges", logtable_ranges(row));
    logtable_set(object, "coverage", coverview_log_json(&more->parts, row->id));
    logtable_set(object, "pace", paceview_json(&more->pace, row));
    logtable_listed(row, object);
    return object;
}

bool logtable_list_wrong(const struct db_loglist *list, int64_t now_ms)
{
    return list->last_error[0] != '\0' || logtable_list_stale(list, now_ms);
}

json_t *logtable_list_json(const struct db_loglist *list, int64_t now_ms)
{
    json_t *object = json_pack("{s:s}", "schema", "ctvigil.log.list.error.1");

    must(object != NULL);
    logtable_set(object, "source", logtable_text(list->source));
    logtable_set(object, "version", logtable_text(list->version));
    logtable_set(object, "made_at", logtable_time(list->made_ms));
    logtable_set(object, "fetched_at", logtable_time(list->fetched_ms));
    logtable_set(object, "tried_at", logtable_time(list->tried_ms));
    logtable_set(object, "refused", json_boolean(list->refused));
    logtable_set(object, "stale", json_boolean(logtable_list_stale(list, now_ms)));
    logtable_set(object, "error", logtable_text(list->last_error));
    return object;
}

/* Tables ---------------------------------------------------------------------------------------------------
 */

static void logtable_cell(const char *text, int width)
{
    cmd_print_visible(span_str(text[0] == '\0' ? "-" : text), width);
    printf(" ");
}

/* The same, and what is too long is cut and ends in "~". */
static void logtable_cut(const char *text, size_t width)
{
    char cut[LISTED_TEXT_MAX];

    if (strlen(text) <= width) {
        logtable_cell(text, (int)width);
        return;
    }
    (void)snprintf(cut, sizeof cut, "%.*s~", (int)width - 1, text);
    logtable_cell(cut, (int)width);
}

static void logtable_day(int64_t unix_ms, char out[TEXT_TIME_MAX])
{
    (void)text_time(unix_ms, false, out);
    out[10] = '\0';
}

/* "2027-01-01 to 2027-07-01": what certificates it takes, by the day on which they expire. */
static void logtable_interval(const struct db_log_status *row)
{
    char begin[TEXT_TIME_MAX];
    char end[TEXT_TIME_MAX];
    char both[2 * TEXT_TIME_MAX + 8];

    if (row->begin_ms == row->end_ms) {
        logtable_cell("", 24);
        return;
    }
    logtable_day(row->begin_ms, begin);
    logtable_day(row->end_ms, end);
    (void)snprintf(both, sizeof both, "%s to %s", begin, end);
    logtable_cell(both, 24);
}

static const char *logtable_followed(const struct db_log_status *row)
{
    return row->followed ? "yes" : row->unfollowed;
}

/* What a terminal of 80 columns has room for: without the URL, and with the last day of expiry alone. */
static void logtable_list_narrow(const struct db_log_status *rows, size_t count)
{
    printf("%-14s %-24s %-9s %-9s %-10s %s\n", "OPERATOR", "LOG", "PROTOCOL", "STATE", "EXPIRES BY",
           "FOLLOWED");
    for (size_t i = 0; i < count; i++) {
        const struct db_log_status *row = &rows[i];
        char end[TEXT_TIME_MAX] = "";
        if (row->begin_ms != row->end_ms)
            logtable_day(row->end_ms, end);
        logtable_cut(row->listed ? row->operator_name : "(by hand)", 14);
        logtable_cut(row->name, 24);
        printf("%-9s ", row->protocol);
        logtable_cell(row->left_ms != 0 ? "left" : row->list_state, 9);
        logtable_cell(end, 10);
        cmd_print_visible(span_str(logtable_followed(row)), 0);
        printf("\n");
    }
}

/* A time is longer than "now". */
static size_t logtable_from_width(const struct db_log_status *rows, size_t count, size_t columns)
{
    size_t most = columns == 0 ? sizeof rows->from_spec : columns - LOGTABLE_BEFORE_FROM;
    size_t width = LOGTABLE_FROM;

    for (size_t i = 0; i < count; i++)
        if (strlen(rows[i].from_spec) > width)
            width = strlen(rows[i].from_spec);
    return width < most ? width : most;
}

void logtable_list(const struct db_log_status *rows, size_t count, size_t columns)
{
    if (columns != 0 && columns < LOGTABLE_WIDE) {
        logtable_list_narrow(rows, count);
        return;
    }
    bool urls = columns == 0 || columns >= LOGTABLE_URLS;
    size_t from = logtable_from_width(rows, count, columns);
    printf("%-16s %-24s %-10s %-10s %-24s %-9s %-*s%s\n", "OPERATOR", "LOG", "PROTOCOL", "STATE", "EXPIRY",
           "FOLLOWED", (int)from, "FROM", urls ? " URL" : "");
    for (size_t i = 0; i < count; i++) {
        const struct db_log_status *row = &rows[i];
        logtable_cell(row->listed ? row->operator_name : "(by hand)", 16);
        logtable_cell(row->name, 24);
        printf("%-10s ", row->protocol);
        logtable_cell(row->left_ms != 0 ? "left" : row->list_state, 10);
        logtable_interval(row);
        logtable_cell(logtable_followed(row), 9);
        logtable_cut(row->from_spec, from);
        if (urls)
            cmd_print_visible(span_str(row->url), 0);
        printf("\n");
    }
}

static void logtable_pace(const struct db_log_status *row)
{
    char rate[24] = "-";
    char eta[24];

    if (row->has_rate)
        (void)snprintf(rate, sizeof rate, row->rate < 10 ? "%.1f/s" : "%.0f/s", row->rate);
    (void)logtable_duration(row->backlog == 0 ? -1 : logtable_eta_s(row), eta);
    printf("%7s %8s ", rate, eta);
}

/* What is odd about its heads. */
static void logtable_heads(const struct db_log_status *row)
{
    char when[TEXT_TIME_MAX];
    char delay[24];

    if (logtable_in_future(row, clock_wall_ms()))
        printf("  head in the future: the log signed it for %s\n",
               row->head_time_ms > LOGTABLE_TIME_MAX_MS ? "a time beyond the year 9999"
                                                        : text_time(row->head_time_ms, false, when));
    if (row->served_size < row->head_size)
        printf("  smaller head: the log shows %" PRIu64 " entries now; its head of %" PRIu64
               " was last seen at %s\n",
               row->served_size, row->head_size, text_time(row->head_seen_ms, false, when));
    if (row->mmd_exceeded != 0)
        printf("  late: %" PRIu64 " entr%s taken in later than its merge delay allows, after %s and more\n",
               row->mmd_exceeded, row->mmd_exceeded == 1 ? "y" : "ies",
               logtable_duration(row->merge_delay_s, delay));
    if (row->unproven != 0)
        printf("  unproven: %" PRIu64 " smaller signed head%s not proven yet to be of this tree\n",
               row->unproven, row->unproven == 1 ? "" : "s");
}

static void logtable_error(const struct db_log_status *row)
{
    if (row->last_error[0] == '\0')
        return;
    printf("  last error: ");
    cmd_print_visible(span_str(row->last_error), 0);
    printf("\n");
}

static void logtable_reason(const struct db_log_status *row)
{
    if (row->reason[0] != '\0') {
        printf("  inconsistent: ");
        cmd_print_visible(span_str(row->reason), 0);
        printf("; evidence: ");
        cmd_print_visible(span_str(row->evidence[0] != '\0' ? row->evidence : "table evidence"), 0);
        printf("\n");
    }
    if (row->malformed != 0)
        printf("  unreadable: %" PRIu64 " %s, kept raw; `ctvigil alert list` tells of them\n", row->malformed,
               row->malformed == 1 ? "entry" : "entries");
    if (row->put_down)
        printf(
            "  backfill: expired certificates of it are put down and not in their partitions yet: no search "
            "finds them\n");
    if (row->final_error[0] != '\0') {
        printf("  final tree head: ");
        cmd_print_visible(span_str(row->final_error), 0);
        printf("\n");
    }
}

static void logtable_age(const struct db_log_status *row, char out[24])
{
    (void)logtable_duration(logtable_head_age_s(row, clock_wall_ms()), out);
}

/* How much of what its head promises is read, in percent; never rounded up to all of it. */
static void logtable_share(const struct db_log_status *row, char out[16])
{
    uint64_t begun = row->range_count > 0 ? row->ranges[0].begin : 0;
    double whole = row->head_size > begun ? (double)(row->head_size - begun) : 0;
    double share = whole > 0 ? 100 * (1 - (double)row->backlog / whole) : 0;

    if (row->head_time_ms == 0)
        (void)snprintf(out, 16, "-");
    else if (row->backlog == 0)
        (void)snprintf(out, 16, "100 %%");
    else
        (void)snprintf(out, 16, "%.1f %%", share > 99.9 ? 99.9 : share < 0 ? 0 : share);
}

/* Right-aligned; "-" when nobody knows. */
static void logtable_count(bool known, uint64_t number, int width)
{
    char text[24] = "-";

    if (known)
        (void)snprintf(text, sizeof text, "%" PRIu64, number);
    printf("%*s ", width, text);
}

/* What a terminal of 80 columns has room for. */
static void logtable_row_narrow(const struct db_log_status *row)
{
    char age[24];
    char share[16];

    logtable_age(row, age);
    logtable_share(row, share);
    logtable_cut(row->name, 22);
    printf("%-12s %6s ", logtable_state(row), share);
    logtable_count(logtable_asked(row) && row->range_count != 0, row->backlog, 10);
    logtable_pace(row);
    printf("%8s\n", age);
}

static void logtable_row(const struct db_log_status *row)
{
    char age[24];

    logtable_age(row, age);
    cmd_print_visible(span_str(row->name), 24);
    bool begun = row->range_count != 0;
    printf(" %-12s ", logtable_state(row));
    logtable_count(begun, row->position, 12);
    logtable_count(logtable_asked(row), row->head_size, 12);
    logtable_count(logtable_asked(row) && begun, row->backlog, 11);
    logtable_pace(row);
    printf("%8s ", age);
    logtable_count(begun, row->verified_size, 12);
    printf("\n");
}

void logtable_status(const struct db_log_status *rows, size_t count, const struct logtable_more *more,
                     size_t columns)
{
    bool narrow = columns != 0 && columns < LOGTABLE_WIDE;

    if (narrow)
        printf("%-22s %-12s %6s %10s %7s %8s %8s\n", "LOG", "STATE", "READ", "BACKLOG", "RATE", "ETA",
               "HEAD AGE");
    else
        printf("%-24s %-12s %12s %12s %11s %7s %8s %8s %12s\n", "LOG", "STATE", "POSITION", "HEAD", "BACKLOG",
               "RATE", "ETA", "HEAD AGE", "VERIFIED");
    for (size_t i = 0; i < count; i++) {
        const struct db_log_status *row = &rows[i];
        if (!row->followed && row->range_count == 0)
            continue; /* merely known: log list shows it */
        if (narrow)
            logtable_row_narrow(row);
        else
            logtable_row(row);
        logtable_error(row);
        logtable_reason(row);
        logtable_heads(row);
        coverview_log(&more->parts, row);
        paceview_log(&more->pace, row, clock_wall_ms());
    }
}

void logtable_source(const struct db_loglist *list, int64_t now_ms)
{
    char made[TEXT_TIME_MAX];
    char age[24];

    if (list->revision > 0) {
        logtable_day(list->made_ms != 0 ? list->made_ms : list->fetched_ms, made);
        (void)logtable_duration(list->fetched_ms > now_ms ? 0 : (now_ms - list->fetched_ms) / 1000, age);
        printf("log list ");
        cmd_print_visible(span_str(list->source), 0);
        printf(": version %s of %s, %" PRIu32 " logs, fetched %s ago%s\n",
               list->version[0] == '\0' ? "unknown" : list->version, made, list->logs, age,
               now_ms - (list->made_ms != 0 ? list->made_ms : list->fetched_ms) > LISTFETCH_STALE_MS
                   ? " (STALE)"
                   : "");
    }
    if (list->last_error[0] == '\0')
        return;
    printf("log list %s: ", list->refused ? "REFUSED" : "not to be had");
    cmd_print_visible(span_str(list->last_error), 0);
    printf("\n");
}

/* Judging --------------------------------------------------------------------------------------------------
 */

bool logtable_in_future(const struct db_log_status *row, int64_t now_ms)
{
    return row->head_time_ms - LIMIT_HEAD_FUTURE_MS > now_ms;
}

bool logtable_list_stale(const struct db_loglist *list, int64_t now_ms)
{
    int64_t made_ms = list->made_ms != 0 ? list->made_ms : list->fetched_ms;

    return list->refused || (list->revision > 0 && now_ms - made_ms > LISTFETCH_STALE_MS);
}
