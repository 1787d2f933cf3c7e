/* Servers as they come: what they may do to us, and what is said of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/limits.h"
#include "ingest/wire.h"
#include "tests/fixture/canned.h"

struct told {
    unsigned calls;
    struct wire_reply reply;
};

static void done(void *arg, const struct wire_reply *reply)
{
    struct told *told = arg;
    told->calls++;
    told->reply = *reply;
}

static enum err_code ask(struct wire *wire, const struct canned *canned, const char *path, size_t ceiling,
                         struct arena *arena, struct told *told)
{
    char url[256];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", canned->port, path);
    *told = (struct told){.calls = 0};
    struct wire_ask ask = {.url = url, .arena = arena, .ceiling = ceiling, .done = done, .arg = told};
    arena_reset(arena, 0);
    return wire_get(wire, &ask, NULL);
}

static void test_answers(void **state)
{
    static const struct {
        const char *path;
        enum err_code code;
        long status;
        int64_t retry_after_ms;
        const char *text; /* must stand in what is said; NULL: nothing is */
    } rows[] = {
        {"/ok", ERR_OK, 200, -1, NULL},
        {"/zeros/1000", ERR_OK, 200, -1, NULL},
        {"/zeros/67108864", ERR_TOO_BIG, 200, -1, "larger than"},
        {"/to/elsewhere", ERR_HTTP, 302, -1, "HTTP status 302"},
        {"/busy/7", ERR_HTTP_BUSY, 429, 7000, "Retry-After \"7\""},
        {"/busy/315360000", ERR_HTTP_BUSY, 429, LIMIT_RETRY_AFTER_MS, "\"315360000\" (one hour at most)"},
        {"/busy/99999999999999999999999", ERR_HTTP_BUSY, 429, LIMIT_RETRY_AFTER_MS, "(one hour at most)"},
        {"/busy/Sat,%2001%20Jan%202999%2000:00:00%20GMT", ERR_HTTP_BUSY, 429, LIMIT_RETRY_AFTER_MS,
         "2999 00:00:00 GMT\" (one hour at most)"},
        {"/busy/-5", ERR_HTTP_BUSY, 429, -1, "\"-5\" (unreadable)"},
        {"/busy/so%1Bon%FF", ERR_HTTP_BUSY, 429, -1, "\"so?on?\" (unreadable)"},
    };
    (void)state;
    struct canned canned;
    struct arena arena;
    struct wire *wire = NULL;
    canned_start(&canned);
    assert_true(arena_init(&arena, 1 << 20));
    assert_int_equal(wire_new("ctvigil-test", 4, &wire, NULL), ERR_OK);
    for (size_t i = 0; i < countof(rows); i++) {
        struct told told;
        unsigned before = atomic_load(&canned.requests);
        assert_int_equal(ask(wire, &canned, rows[i].path, 1 << 19, &arena, &told), ERR_OK);
        while (told.calls == 0)
            wire_turn(wire, 1000);
        if (told.reply.code != rows[i].code)
            fail_msg("%s: %s", rows[i].path, told.reply.why.text);
        assert_int_equal(told.reply.status, rows[i].status);
        assert_int_equal(told.reply.retry_after_ms, rows[i].retry_after_ms);
        if (rows[i].text != NULL && strstr(told.reply.why.text, rows[i].text) == NULL)
            fail_msg("%s: %s", rows[i].path, told.reply.why.text);
        /* Where a reply points to elsewhere nobody goes. */
        assert_int_equal(atomic_load(&canned.requests), before + 1);
    }
    wire_free(wire);
    arena_fini(&arena);
    canned_stop(&canned);
}

/* One request is given up, at once and alone. */
static void test_drop(void **state)
{
    (void)state;
    struct canned canned;
    struct arena arena[3];
    struct told told[3];
    struct wire *wire = NULL;
    canned_start(&canned);
    assert_int_equal(wire_new("ctvigil-test", 4, &wire, NULL), ERR_OK);
    for (size_t i = 0; i < 3; i++) {
        assert_true(arena_init(&arena[i], 1 << 20));
        assert_int_equal(ask(wire, &canned, i == 1 ? "/drip" : "/hang", 1 << 19, &arena[i], &told[i]),
                         ERR_OK);
    }
    while (atomic_load(&canned.requests) < 3)
        wire_turn(wire, 10);
    wire_drop(wire, &told[1]);
    assert_int_equal(told[1].calls, 1);
    assert_int_equal(told[1].reply.code, ERR_TIMEOUT);
    assert_int_equal(told[0].calls + told[2].calls, 0);
    assert_int_equal(wire_count(wire), 2);
    wire_drop(wire, &told[1]);
    assert_int_equal(told[1].calls, 1);
    wire_cancel(wire);
    assert_int_equal(told[0].reply.code, ERR_CLOSED);
    assert_int_equal(told[2].reply.code, ERR_CLOSED);
    wire_free(wire);
    for (size_t i = 0; i < 3; i++)
        arena_fini(&arena[i]);
    canned_stop(&canned);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
