/* Documents that come, that do not, and that are still the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ingest/ask.h"
#include "tests/fixture/canned.h"

static void url_of(const struct canned *canned, const char *path, char out[128])
{
    (void)snprintf(out, 128, "http://127.0.0.1:%u%s", canned->port, path);
}

static void all_are_answered(void **state)
{
    static const struct {
        const char *path, *etag;
        enum err_code code;
        long status;
        const char *body, *new_etag;
    } rows[] = {
        {"/ok", NULL, ERR_OK, 200, "ok", ""},
        {"/tagged", "", ERR_OK, 200, "ok", "\"v7\""},
        {"/tagged", "\"v6\"", ERR_OK, 200, "ok", "\"v7\""},
        {"/tagged", "\"v7\"", ERR_OK, 304, "", "\"v7\""},
        {"/busy/9", NULL, ERR_HTTP_BUSY, 429, NULL, ""},
        {"/to/x", NULL, ERR_HTTP, 302, NULL, ""},
        {"/zeros/5000", NULL, ERR_TOO_BIG, 200, NULL, ""},
        {"/hang", NULL, ERR_TIMEOUT, 0, NULL, ""},
    };
    struct ask asks[countof(rows)] = {{.url = NULL}};
    char urls[countof(rows)][128];
    struct canned canned;
    struct err why = {0};

    (void)state;
    canned_start(&canned);
    for (size_t i = 0; i < countof(rows); i++) {
        url_of(&canned, rows[i].path, urls[i]);
        asks[i] = (struct ask){.url = urls[i], .etag = rows[i].etag, .ceiling = 1000};
    }
    assert_int_equal(ask_all("test", asks, countof(rows), 2000, NULL, &why), ERR_OK);
    for (size_t i = 0; i < countof(rows); i++) {
        if (asks[i].code != rows[i].code || asks[i].status != rows[i].status)
            fail_msg("%s: %d %ld %s", rows[i].path, asks[i].code, asks[i].status, asks[i].why.text);
        if (rows[i].body != NULL)
            assert_true(span_eq(asks[i].body, span_str(rows[i].body)));
        if (asks[i].status == 200 || asks[i].status == 304)
            assert_string_equal(asks[i].new_etag, rows[i].new_etag);
    }
    ask_fini(asks, countof(rows));
    canned_stop(&canned);
}

/* More than are sent at once; and none when it is to end. */
static void many_and_none(void **state)
{
    struct ask asks[2 * ASK_TOGETHER + 1] = {{.url = NULL}};
    atomic_bool stop = false;
    struct canned canned;
    char url[128];

    (void)state;
    canned_start(&canned);
    url_of(&canned, "/ok", url);
    for (size_t i = 0; i < countof(asks); i++)
        asks[i] = (struct ask){.url = url, .ceiling = 10};
    assert_int_equal(ask_all("test", asks, countof(asks), 20000, &stop, NULL), ERR_OK);
    for (size_t i = 0; i < countof(asks); i++)
        assert_int_equal(asks[i].code, ERR_OK);
    ask_fini(asks, countof(asks));
    stop = true;
    unsigned before = atomic_load(&canned.requests);
    assert_int_equal(ask_all("test", asks, countof(asks), 20000, &stop, NULL), ERR_OK);
    for (size_t i = 0; i < countof(asks); i++)
        assert_int_equal(asks[i].code, ERR_CLOSED);
    ask_fini(asks, countof(asks));
    assert_int_equal(atomic_load(&canned.requests), before);
    canned_stop(&canned);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_are_answered), cmocka_unit_test(many_and_none)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
