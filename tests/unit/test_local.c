/* Documents that lie here already: answered in the order in which they were asked for, each once, whoever
 * asks or gives up meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "ingest/local.h"

#define CALLS_MAX 64

static struct call {
    unsigned done;
    enum err_code code;
    char body[32];
    bool more; /* asks for one more when it is told */
} calls[CALLS_MAX];

static struct local local;
static char order[CALLS_MAX + 1];

static void ask(size_t at, const char *path);

static void done(void *arg, const struct wire_reply *reply)
{
    struct call *call = arg;
    call->done++;
    call->code = reply->code;
    (void)snprintf(call->body, sizeof call->body, "%.*s", (int)reply->body.len, (const char *)reply->body.at);
    size_t len = strlen(order);
    order[len] = (char)('0' + (call - calls));
    order[len + 1] = '\0';
    if (call->more)
        ask((size_t)(call - calls) + 1, "later");
}

static void get(void *arg, const char *path, const struct wire_ask *wanted, struct wire_reply *reply)
{
    (void)wanted;
    assert_ptr_equal(arg, &local);
    if (strcmp(path, "nothing") == 0) {
        reply->status = 404;
        return;
    }
    reply->status = 200;
    reply->body = span_str(path);
}

static void start(void)
{
    memset(calls, 0, sizeof calls);
    order[0] = '\0';
    local = (struct local){.source = {"archive://log.example/", get, &local}};
}

/* The address is the caller's only until the call is back. */
static void ask(size_t at, const char *path)
{
    struct err why = {.code = ERR_OK};
    char url[64];
    (void)snprintf(url, sizeof url, "archive://log.example/%s", path);
    struct wire_ask one = {.url = url, .done = done, .arg = &calls[at]};
    assert_int_equal(local_get(&local, &one, &why), ERR_OK);
    memset(url, 0, sizeof url);
}

static void test_serves(void **state)
{
    (void)state;
    start();
    assert_true(local_serves(&local, "archive://log.example/checkpoint"));
    assert_false(local_serves(&local, "archive://log.example.org/checkpoint"));
    assert_false(local_serves(&local, "https://log.example/checkpoint"));
    local.source.prefix = NULL;
    assert_false(local_serves(&local, "archive://log.example/checkpoint"));
}

static void test_order(void **state)
{
    (void)state;
    start();
    calls[1].more = true;
    ask(0, "one");
    ask(1, "nothing");
    ask(3, "");
    assert_int_equal(local_turn(&local), 3);
    assert_string_equal(order, "013"); /* what was asked for by who was told waits for the next turn */
    assert_string_equal(calls[0].body, "one");
    assert_int_equal(calls[1].code, ERR_OK);
    assert_string_equal(calls[3].body, "");
    assert_int_equal(local_turn(&local), 1);
    assert_string_equal(calls[2].body, "later");
    assert_int_equal(local_turn(&local), 0);
    assert_null(local.first);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(calls[i].done, 1);
}

/* One gives up: first, in the middle, last, with others around it. */
static void test_given_up(void **state)
{
    (void)state;
    for (size_t who = 0; who < 5; who++) {
        start();
        for (size_t i = 0; i < 5; i++)
            ask(i, "page");
        local_end(&local, &calls[who], ERR_CLOSED);
        assert_int_equal(calls[who].code, ERR_CLOSED);
        assert_int_equal(local.count, 4);
        ask(5, "behind");
        assert_int_equal(local_turn(&local), 5);
        for (size_t i = 0; i < 6; i++) {
            assert_int_equal(calls[i].done, 1);
            assert_int_equal(calls[i].code, i == who ? ERR_CLOSED : ERR_OK);
        }
    }
}

/* The end of all: also of what is asked for by who is told of it. */
static void test_end(void **state)
{
    (void)state;
    start();
    calls[0].more = true;
    ask(0, "one");
    ask(2, "two");
    local_end(&local, NULL, ERR_CLOSED);
    assert_int_equal(local.count, 0);
    assert_null(local.first);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(calls[i].done, 1);
        assert_int_equal(calls[i].code, ERR_CLOSED);
    }
    local_end(&local, NULL, ERR_CLOSED);
    assert_int_equal(local_turn(&local), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_serves),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_given_up),
        cmocka_unit_test(test_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
