#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/suffix.h"
#include "cli/paceview.h"

#define NOW INT64_C(1767323045000) /* 2026-01-02T03:04:05Z */

static struct db_pace_operator operators[] = {
    {.key = "sectigo.com", .rate = 29.5, .refused = 0.004, .updated_ms = NOW - 1000},
    {.key = "google", .rate = 12, .refused = 0.031, .updated_ms = NOW - 1000},
    {.key = "held.example",
     .rate = 1,
     .refused = 0.5,
     .hold_until_ms = NOW + 60000,
     .updated_ms = NOW - 1000},
    {.key = "mass", .rate = 2184, .refused = 0.031, .updated_ms = NOW - 1000},
    {.key = "old.example", .rate = 1, .refused = 0.5, .hold_until_ms = NOW - 1, .updated_ms = NOW - 7200000},
};
static struct db_pace_given given[] = {{1, ""}, {2, "google"}, {3, ""}, {4, ""}, {5, ""}, {6, "mass"}};
static const struct db_pace pace = {operators, countof(operators), given, countof(given)};

static const struct {
    int32_t id;
    const char *url;
    const char *operator_key;
    bool known;
    const char *line;
} rows[] = {
    {1, "https://elephant2026h1.ct.sectigo.com", "sectigo.com", true, ""},
    {2, "https://ct.googleapis.com/logs/us1/argon2026h1", "google", true,
     "  operator google: asked 12 times a second; 3.1 % of the last requests were refused\n"},
    {3, "https://log.held.example/x", "held.example", true,
     "  operator held.example: nothing is asked before 2026-01-02T03:05:05Z, because it said so or refused;"
     " 50.0 % of the last requests were refused\n"},
    {4, "https://old.example", "old.example", true, ""},
    {5, "http://127.0.0.1:8080/rfc6962", "127.0.0.1:8080", false, ""},
    {6, "https://mass.example/log", "mass", true,
     "  operator mass: asked 2184 times a second; 3.1 % of the last requests were refused\n"},
};

static void row_of(size_t at, struct db_log_status *row)
{
    *row = (struct db_log_status){.id = rows[at].id, .followed = true};
    (void)snprintf(row->url, sizeof row->url, "%s", rows[at].url);
}

static void json(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct db_log_status row;
        row_of(i, &row);
        json_t *object = paceview_json(&pace, &row);
        assert_string_equal(json_string_value(json_object_get(object, "operator")), rows[i].operator_key);
        assert_int_equal(json_object_get(object, "requests_per_s") != NULL, rows[i].known);
        json_decref(object);
    }
    struct db_log_status held;
    row_of(2, &held);
    json_t *object = paceview_json(&pace, &held);
    assert_string_equal(json_string_value(json_object_get(object, "hold_until")), "2026-01-02T03:05:05Z");
    assert_true(json_real_value(json_object_get(object, "refused")) == 0.5);
    json_decref(object);
}

/* What is written to standard output for this row. */
static void line_of(const struct db_log_status *row, char out[512])
{
    FILE *file = tmpfile();
    (void)fflush(stdout);
    int kept = dup(STDOUT_FILENO);
    must(file != NULL && kept >= 0 && dup2(fileno(file), STDOUT_FILENO) == STDOUT_FILENO);
    paceview_log(&pace, row, NOW);
    (void)fflush(stdout);
    must(dup2(kept, STDOUT_FILENO) == STDOUT_FILENO && close(kept) == 0);
    rewind(file);
    out[fread(out, 1, 511, file)] = '\0';
    must(fclose(file) == 0);
}

static void lines(void **state)
{
    char text[512];

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct db_log_status row;
        row_of(i, &row);
        line_of(&row, text);
        assert_string_equal(text, rows[i].line);
        row.followed = false;
        line_of(&row, text);
        assert_string_equal(text, "");
    }
}

int main(void)
{
    must(suffix_load(SPAN_LIT("com\nexample\n"), NULL) == ERR_OK);
    const struct CMUnitTest tests[] = {cmocka_unit_test(json), cmocka_unit_test(lines)};
    return cmocka_run_group_tests_name("paceview", tests, NULL, NULL);
}
