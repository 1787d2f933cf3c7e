#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/coverview.h"

static FILE *caught;
static int kept;

static void catch_begin(void)
{
    caught = tmpfile();
    kept = dup(STDOUT_FILENO);
    must(caught != NULL && kept >= 0);
    (void)fflush(stdout);
    must(dup2(fileno(caught), STDOUT_FILENO) == STDOUT_FILENO);
}

static char *catch_end(void)
{
    char *text = calloc(1, 4096);
    must(text != NULL);
    (void)fflush(stdout);
    must(dup2(kept, STDOUT_FILENO) == STDOUT_FILENO && close(kept) == 0);
    rewind(caught);
    must(fread(text, 1, 4095, caught) < 4095 && fclose(caught) == 0);
    return text;
}

/* What `log status` writes below a log, as text; the caller frees. */
static char *lines(const struct db_coverage_part *part, size_t count, const struct db_log_status *row)
{
    struct coverview_parts parts = {.count = count};

    parts.parts = calloc(count + 1, sizeof *part);
    must(parts.parts != NULL);
    if (count > 0)
        memcpy(parts.parts, part, count * sizeof *part);
    catch_begin();
    coverview_log(&parts, row);
    free(parts.parts);
    return catch_end();
}

static void gaps_and_backlog(void **state)
{
    static const struct {
        const char *what;
        struct db_coverage_part part;
        bool followed;
        const char *text;
    } rows[] = {
        /* Ranges: [100, 200) read to 150, [200, 300) to 200, [400, open) to 500. */
        {"what was read", {1, "verified", 100, 150, 0, 0, 0}, true, ""},
        {"what is read and not verified", {1, "seen", 400, 500, 0, 0, 0}, true, ""},
        {"the backlog of two ranges", {1, "missing", 150, 300, 0, 0, 0}, true, ""},
        {"the backlog of the last one", {1, "missing", 500, 900, 0, 0, 0}, true, ""},
        {"in front of the first", {1, "missing", 0, 100, 0, 0, 0}, true, "  missing: entries 0 to 99\n"},
        {"backlog, and what no range has",
         {1, "missing", 200, 400, 1000, 5000, 0},
         true,
         "  missing: entries 200 to 399, logged from 1970-01-01T00:00:01Z to 1970-01-01T00:00:05Z\n"},
        {"nobody reads it",
         {1, "missing", 500, 501, 0, 2000, 0},
         false,
         "  missing: entries 500 to 500, logged before 1970-01-01T00:00:02Z\n"},
        {"lost", {1, "lost", 500, 900, 0, 0, 0}, true, "  lost: entries 500 to 899\n"},
        {"another log's", {2, "lost", 500, 900, 0, 0, 0}, true, ""},
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct db_log_status row = {
            .id = 1,
            .followed = rows[i].followed,
            .position = 150,
            .ranges = {{100, 200, 150, 150}, {200, 300, 200, 200}, {400, UINT64_MAX, 500, 400}},
            .range_count = 3,
        };
        char *text = lines(&rows[i].part, 1, &row);
        if (strcmp(text, rows[i].text) != 0)
            fail_msg("%s: '%s'", rows[i].what, text);
        free(text);
    }
}

/* Nothing is promised: it is said why, and what ends that. */
static void why_nothing_is_complete(void **state)
{
    static const char *const reasons[] = {"not_begun", "not_begun", "missing", "list_entries"};
    struct coverview view = {.claim = {.basis = "policy"}, .gaps = json_array()};
    (void)state;
    for (size_t i = 0; i < countof(reasons); i++)
        (void)json_array_append_new(
            view.gaps, json_pack("{s:s, s:s, s:s}", "reason", reasons[i], "log", "x", "why", "y"));
    catch_begin();
    coverview_domains(&view);
    char *text = catch_end();
    assert_non_null(strstr(text, "nothing can be said"));
    assert_non_null(strstr(text, "  2 logs have not said yet"));
    assert_non_null(strstr(text, "  1 stretch is not read: "));
    assert_non_null(strstr(text, "complete up to a time once"));
    assert_null(strstr(text, "not followed"));
    free(text);
    coverview_free(&view);
}

/* For programs, with the ranges. */
static void what_is_not_stored(void **state)
{
    struct db_coverage_part parts[] = {{1, "verified", 0, 10, 0, 0, 0},
                                       {1, "not_stored", 10, 20, 0, 0, 0},
                                       {2, "not_stored", 0, 5, 0, 0, 0},
                                       {1, "not_stored", 30, 31, 0, 0, 0}};
    struct coverview_parts all = {.parts = parts, .count = countof(parts)};
    (void)state;
    json_t *array = coverview_not_stored_json(&all, 1);
    char *text = json_dumps(array, JSON_COMPACT);
    assert_string_equal(text, "[{\"begin\":10,\"end\":20},{\"begin\":30,\"end\":31}]");
    free(text);
    json_decref(array);
}

static void many_gaps_are_counted(void **state)
{
    struct db_coverage_part parts[7];
    struct db_log_status row = {.id = 1, .followed = true};

    (void)state;
    for (size_t i = 0; i < countof(parts); i++)
        parts[i] = (struct db_coverage_part){1, "lost", 10 * i, 10 * i + 5, 0, 0, 0};
    char *text = lines(parts, countof(parts), &row);
    assert_non_null(strstr(text, "  lost: entries 30 to 34\n  and 3 more such stretches"));
    assert_null(strstr(text, "entries 40"));
    free(text);
}

static void a_domain_whose_history_is_pending(void **state)
{
    struct coverview view = {
        .claim = {.basis = "policy", .complete = true, .from_first = true, .until_ms = 1000},
        .gaps = json_array()};
    json_t *done = json_object();
    json_t *pending = json_object();

    (void)state;
    coverview_domain_json(&view, false, done);
    coverview_domain_json(&view, true, pending);
    assert_string_equal(json_string_value(json_object_get(done, "complete_until")), "1970-01-01T00:00:01Z");
    assert_true(json_is_null(json_object_get(done, "complete_since")));
    assert_int_equal(json_array_size(json_object_get(done, "incomplete")), 0);
    assert_true(json_is_null(json_object_get(pending, "complete_until")));
    assert_string_equal(json_string_value(json_object_get(
                            json_array_get(json_object_get(pending, "incomplete"), 0), "reason")),
                        "history_pending");
    assert_int_equal(json_array_size(view.gaps), 0);
    json_decref(done);
    json_decref(pending);
    coverview_free(&view);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gaps_and_backlog),
        cmocka_unit_test(why_nothing_is_complete),
        cmocka_unit_test(what_is_not_stored),
        cmocka_unit_test(many_gaps_are_counted),
        cmocka_unit_test(a_domain_whose_history_is_pending),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
