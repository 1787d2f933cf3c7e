#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/beginning.h"
#include "ingest/proto.h"
#include "parser/base64.h"
#include "tests/fixture/simrun.h"

#define ENTRIES 300
#define MIDDLE  200

static struct simrun sim;
static const struct sources any = {.count = 1};
static const struct courtesy courtesy = {.user_agent = "test", .sources = &any};

static void fetch(const char *url, struct ask *ask)
{
    *ask = (struct ask){.url = url, .ceiling = 1u << 20};
    assert_int_equal(ask_all("test", ask, 1, 20000, NULL, NULL), ERR_OK);
}

/* When the log took entry MIDDLE. */
static int64_t middle_ms(const struct ctlog *log)
{
    char url[PROTO_URL_MAX];
    struct ask ask;
    uint8_t leaf[64] = {0};
    int64_t ms = 0;
    (void)snprintf(url, sizeof url, "%s/ct/v1/get-entries?start=%d&end=%d", log->url, MIDDLE, MIDDLE);
    fetch(url, &ask);
    json_t *root = json_loadb((const char *)ask.body.at, ask.body.len, 0, NULL);
    const char *text =
        json_string_value(json_object_get(json_array_get(json_object_get(root, "entries"), 0), "leaf_input"));
    assert_non_null(text);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(base64_decode_group((const uint8_t *)text + 4 * i, leaf + 3 * i), 3);
    for (size_t i = 2; i < 10; i++)
        ms = ms << 8 | leaf[i];
    json_decref(root);
    ask_fini(&ask, 1);
    return ms;
}

static void where_it_stood_then(void **state)
{
    static const struct {
        const char *what;
        int64_t added_after; /* milliseconds after entry MIDDLE, beyond the margin */
        int64_t now_after;   /* after that */
        uint64_t least, most;
    } rows[] = {
        {"it answers at once", 0, 1000, ENTRIES, ENTRIES},
        {"it was busy for a minute", 0, 60000, ENTRIES, ENTRIES},
        {"it was silent for long", 0, 2 * BEGINNING_SILENT_MS, MIDDLE - 9, MIDDLE},
        {"and all it has came before", 3600000, 2 * BEGINNING_SILENT_MS, ENTRIES, ENTRIES},
        {"and all it has came since", -7200000, 2 * BEGINNING_SILENT_MS, 0, 0},
    };
    struct ctlog log;
    char url[PROTO_URL_MAX];

    (void)state;
    simrun_log(&sim, CTLOG_RFC6962, 1, &log);
    int64_t middle = middle_ms(&log);
    proto_of(log.protocol)->head_url(&log, url);
    for (size_t i = 0; i < countof(rows); i++) {
        int64_t added_ms = middle + BEGINNING_BEFORE_MS + rows[i].added_after;
        uint64_t begin = 0;
        struct err why = {0};
        struct ask ask;
        fetch(url, &ask);
        struct beginning beginning = {&log, &ask, added_ms, added_ms + rows[i].now_after};
        if (beginning_find(&courtesy, &beginning, NULL, &begin, &why) != ERR_OK)
            fail_msg("%s: %s", rows[i].what, why.text);
        ask_fini(&ask, 1);
        if (begin < rows[i].least || begin > rows[i].most)
            fail_msg("%s: %d", rows[i].what, (int)begin);
    }
}

static void what_does_not_answer_begins_nowhere(void **state)
{
    struct ask refused = {.code = ERR_NETWORK};
    struct ask other = {.body = SPAN_LIT("{\"tree_size\":1}")};
    struct ctlog log;
    uint64_t begin = 0;

    (void)state;
    simrun_log(&sim, CTLOG_RFC6962, 1, &log);
    struct beginning silent = {&log, &refused, 0, 1}, unsigned_head = {&log, &other, 0, 1};
    assert_int_equal(beginning_find(&courtesy, &silent, NULL, &begin, NULL), ERR_NETWORK);
    assert_int_not_equal(beginning_find(&courtesy, &unsigned_head, NULL, &begin, NULL), ERR_OK);
}

int main(void)
{
    static const char *const args[] = {"--entries", "300", NULL};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_it_stood_then),
        cmocka_unit_test(what_does_not_answer_begins_nowhere),
    };
    if (simrun_path() == NULL)
        return 77;
    simrun_start(&sim, args);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    simrun_stop(&sim);
    return failed;
}
