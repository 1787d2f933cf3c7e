#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "ingest/host.h"

/* Times begin at 5000: nobody fills these budgets, so they have gone on alone by then. */
#define BEGIN (INT64_C(5000))

static struct sources one_source = {.count = 1};
static struct sources two_sources = {.name = {"127.0.0.2", "127.0.0.3"}, .count = 2};

static struct host_table table_new(const struct sources *sources)
{
    const struct pacer_options options = {.store_open = NULL};
    return (struct host_table){.pacer = pacer_new(&options),
                               .sources = sources,
                               .connections = 4,
                               .http2 = "h2.example, other",
                               .no_keepalive = ""};
}

static void table_end(struct host_table *table)
{
    host_free_all(table);
    pacer_free(table->pacer);
}

static struct host *host_at(struct host_table *table, const char *url, const char *operator_key)
{
    struct ctlog log = {.id = 1};
    (void)snprintf(log.url, sizeof(log.url), "%s", url);
    (void)snprintf(log.operator_key, sizeof(log.operator_key), "%s", operator_key);
    struct host *host = host_of(table, &log, BEGIN);
    assert_non_null(host);
    for (size_t i = 0; i < host->source_count; i++)
        host->source[i].budget->made_ms = 0;
    return host;
}

static void test_same_host(void **state)
{
    (void)state;
    struct host_table table = table_new(&one_source);
    struct host *a = host_at(&table, "https://ct.example/2026/ct/v1", "");
    assert_ptr_equal(a, host_at(&table, "https://CT.example/2027", ""));
    assert_ptr_equal(a, host_at(&table, "https://ct.example", ""));
    assert_ptr_not_equal(a, host_at(&table, "https://ct.example:444/2026", ""));
    assert_ptr_not_equal(a, host_at(&table, "http://ct.example/2026", ""));
    assert_ptr_not_equal(a, host_at(&table, "https://ct.example.org/2026", ""));
    /* One operator, one budget, whatever its servers are called. */
    struct host *b = host_at(&table, "https://one.example/", "somebody");
    struct host *c = host_at(&table, "http://127.0.0.1:4711/log", "somebody");
    assert_ptr_not_equal(b, c);
    assert_ptr_equal(b->source[0].budget, c->source[0].budget);
    assert_ptr_not_equal(a->source[0].budget, b->source[0].budget);
    table_end(&table);
}

static bool send(struct host *host, struct host_permit *permit, struct wire_ask *ask, int64_t now_ms)
{
    *ask = (struct wire_ask){.url = "x"};
    if (host_wait(host, false, now_ms) > 0)
        return false;
    host_send(host, ask, false, permit, now_ms);
    return true;
}

static int64_t answered(struct host *host, struct host_permit *permit, enum err_code code, long status,
                        int64_t retry_after_ms, int64_t now_ms)
{
    const struct wire_reply reply = {
        .code = code, .status = status, .retry_after_ms = retry_after_ms, .etag = ""};
    host_answer(permit, &reply, now_ms);
    return host_hold_until(host);
}

/* Retry-After holds everybody who asks the operator, is never shortened, and "at once" or "in ten years" is
 * not taken at its word. */
static void test_hold(void **state)
{
    (void)state;
    struct host_table table = table_new(&one_source);
    struct host *host = host_at(&table, "https://a.example/", "x");
    struct host *other = host_at(&table, "https://b.example/", "x");
    struct host_permit permit[3];
    struct wire_ask ask;
    int64_t now_ms = BEGIN;
    for (size_t i = 0; i < 3; i++, now_ms += 1000)
        assert_true(send(host, &permit[i], &ask, now_ms));
    assert_int_equal(answered(host, &permit[0], ERR_HTTP_BUSY, 429, 20000, now_ms), now_ms + 20000);
    assert_int_equal(answered(host, &permit[1], ERR_HTTP_BUSY, 429, 1000, now_ms), now_ms + 20000);
    assert_int_equal(host_wait(other, false, now_ms), 20000);
    assert_int_equal(host_wait_head(other, now_ms + 1), 19999);
    assert_int_equal(answered(host, &permit[2], ERR_HTTP_BUSY, 503, INT64_C(315360000000), now_ms),
                     now_ms + LIMIT_RETRY_AFTER_MS);
    table_end(&table);

    table = table_new(&one_source);
    host = host_at(&table, "https://a.example/", "x");
    unsigned refusals = 0;
    for (now_ms = BEGIN; now_ms < BEGIN + 60000; now_ms += 10) {
        if (!send(host, permit, &ask, now_ms))
            continue;
        (void)answered(host, permit, ERR_HTTP_BUSY, 429, 0, now_ms);
        refusals++;
    }
    assert_in_range(refusals, 3, 10);
    table_end(&table);
}

static void test_connections(void **state)
{
    (void)state;
    struct host_table table = table_new(&one_source);
    struct host *host = host_at(&table, "http://127.0.0.1:1/", "");
    struct host_permit permit[64];
    struct wire_ask ask;
    unsigned open = 0;
    int64_t now_ms = BEGIN;
    /* As many as configured; slow answers let it have more, one by one, up to four times as many. */
    while (send(host, &permit[open], &ask, now_ms))
        open++;
    assert_int_equal(open, 4);
    assert_int_equal(host_wait_head(host, now_ms), 0);
    for (; now_ms < BEGIN + 120000; now_ms += 100)
        if (send(host, &permit[open], &ask, now_ms))
            open++;
    assert_int_equal(open, 16);
    /* One answers, the next is refused while it lives: half as many. */
    (void)answered(host, &permit[--open], ERR_OK, 200, -1, now_ms);
    (void)answered(host, &permit[--open], ERR_NETWORK, 0, -1, now_ms);
    assert_int_equal(host->connections, 8);
    /* A reply that breaks off in the middle says nothing about connections; nor does what we give up. */
    (void)answered(host, &permit[--open], ERR_NETWORK, 200, -1, now_ms);
    const struct wire_reply dropped = {
        .code = ERR_TIMEOUT, .given_up = true, .retry_after_ms = -1, .etag = ""};
    host_answer(&permit[--open], &dropped, now_ms);
    assert_int_equal(host->connections, 8);
    while (open > 0)
        host_unsent(&permit[--open]);
    assert_int_equal(host->busy, 0);
    table_end(&table);
}

/* Who takes no second connection is asked over HTTP/2, where there is TLS. */
static void test_http2(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        bool http2;
    } rows[] = {{"https://a.example/", true}, {"http://127.0.0.1:2/", false}};
    for (size_t i = 0; i < countof(rows); i++) {
        struct host_table table = table_new(&one_source);
        struct host *host = host_at(&table, rows[i].url, "");
        struct host_permit first, second;
        struct wire_ask ask;
        int64_t now_ms = BEGIN;
        for (unsigned j = 0; j < 5; j++, now_ms += 5000) {
            assert_true(send(host, &first, &ask, now_ms));
            (void)answered(host, &first, ERR_OK, 200, -1, now_ms);
            host_send(host, &ask, true, &first, now_ms);
            host_send(host, &ask, false, &second, now_ms);
            (void)answered(host, &second, ERR_NETWORK, 0, -1, now_ms);
            (void)answered(host, &first, ERR_OK, 200, -1, now_ms);
        }
        assert_int_equal(host->connections, 1);
        host_send(host, &ask, false, &first, now_ms);
        assert_int_equal(ask.http2, rows[i].http2);
        host_unsent(&first);
        host = host_at(&table, "https://h2.example/", "h2.example");
        host_send(host, &ask, false, &first, now_ms);
        assert_true(ask.http2);
        host_unsent(&first);
        table_end(&table);
    }
}

/* Each address has its own budget; one from which the server is not reached is left for later. */
static void test_sources(void **state)
{
    (void)state;
    struct host_table table = table_new(&two_sources);
    struct host *host = host_at(&table, "https://a.example/", "x");
    struct host_permit permit[2];
    struct wire_ask ask;
    assert_ptr_not_equal(host->source[0].budget, host->source[1].budget);
    assert_true(send(host, &permit[0], &ask, BEGIN));
    const char *first = ask.source;
    assert_true(send(host, &permit[1], &ask, BEGIN));
    assert_string_not_equal(first, ask.source);
    /* The first is refused, the second goes on. */
    (void)answered(host, &permit[0], ERR_HTTP_BUSY, 429, 60000, BEGIN);
    assert_true(host_hold_until(host) <= BEGIN);
    (void)answered(host, &permit[1], ERR_OK, 200, -1, BEGIN);
    for (int64_t now_ms = BEGIN + 1000; now_ms < BEGIN + 30000; now_ms += 1000) {
        assert_true(send(host, &permit[0], &ask, now_ms));
        assert_string_not_equal(first, ask.source);
        (void)answered(host, &permit[0], ERR_OK, 200, -1, now_ms);
    }
    /* After the hold both; then one fails three times and is shunned. */
    unsigned from_first = 0;
    int64_t now_ms = BEGIN + 70000;
    for (unsigned i = 0; i < 40; i++, now_ms += 1000) {
        assert_true(send(host, &permit[0], &ask, now_ms));
        bool is_first = strcmp(first, ask.source) == 0;
        from_first += is_first;
        (void)answered(host, &permit[0], is_first ? ERR_NETWORK : ERR_OK, is_first ? 0 : 200, -1, now_ms);
    }
    assert_int_equal(from_first, 3);
    table_end(&table);
}

/* Operators that are known to want no kept connections. */
static void test_fresh(void **state)
{
    (void)state;
    struct host_table table = table_new(&one_source);
    table.no_keepalive = "some.example";
    struct host_permit permit;
    struct wire_ask ask = {.url = "x"};
    host_send(host_at(&table, "https://a.example/", "digicert.com"), &ask, false, &permit, BEGIN);
    assert_true(ask.fresh);
    host_unsent(&permit);
    ask = (struct wire_ask){.url = "x"};
    host_send(host_at(&table, "https://a.example/", "some.example"), &ask, false, &permit, BEGIN);
    assert_true(ask.fresh);
    host_unsent(&permit);
    ask = (struct wire_ask){.url = "x"};
    host_send(host_at(&table, "https://a.example/", "sectigo.com"), &ask, false, &permit, BEGIN);
    assert_false(ask.fresh);
    host_unsent(&permit);
    table_end(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_host), cmocka_unit_test(test_hold),    cmocka_unit_test(test_connections),
        cmocka_unit_test(test_http2),     cmocka_unit_test(test_sources), cmocka_unit_test(test_fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
