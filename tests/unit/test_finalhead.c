/* The tree that a list calls final, looked for in the one that a log serves: by proof and by tiles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/finalhead.h"
#include "ingest/proto.h"
#include "tests/fixture/simrun.h"

static struct simrun sim;
static const struct sources any = {.count = 1};
static const struct courtesy courtesy = {.user_agent = "test", .sources = &any};

static struct ctlog log_of(enum ctlog_protocol protocol)
{
    struct ctlog log = {.name = "sim", .protocol = protocol};
    (void)snprintf(log.url, sizeof log.url, "%s", protocol == CTLOG_STATIC_CT ? sim.static_url : sim.url);
    (void)snprintf(log.submission_url, sizeof log.submission_url, "%s", sim.submission_url);
    (void)snprintf(log.origin, sizeof log.origin, "%s", strstr(sim.submission_url, "://") + 3);
    assert_int_equal(logkey_set_from_user(&log, span_str(sim.key), NULL), ERR_OK);
    return log;
}

static struct head head_now(void)
{
    struct ctlog log = log_of(CTLOG_RFC6962);
    struct head head = {.size = 0};
    struct err why = {0};
    char url[PROTO_URL_MAX];
    struct ask ask = {.url = url, .ceiling = 4096};
    proto_of(log.protocol)->head_url(&log, url);
    if (ask_all("test", &ask, 1, 20000, NULL, &why) != ERR_OK || ask.code != ERR_OK ||
        proto_of(log.protocol)->head_read(&log, ask.body, &head, &why) != ERR_OK)
        fail_msg("%s %s", ask.why.text, why.text);
    ask_fini(&ask, 1);
    return head;
}

static void within_a_larger_tree(void **state)
{
    static const enum ctlog_protocol protocols[] = {CTLOG_RFC6962, CTLOG_STATIC_CT};
    (void)state;
    if (simrun_path() == NULL)
        skip();
    static const char *const args[] = {"--entries", "300", NULL};
    simrun_start(&sim, args);
    struct head final = head_now();
    simrun_do(&sim, "{\"append\":477}");
    struct head served = head_now();
    assert_int_equal(served.size, 777);
    for (size_t i = 0; i < countof(protocols); i++) {
        struct ctlog log = log_of(protocols[i]);
        struct err why = {0};
        uint8_t other[32];
        memcpy(other, final.root, sizeof other);
        other[7] ^= 1;
        if (finalhead_check(&courtesy, &log, final.size, final.root, &served, NULL, &why) != ERR_OK)
            fail_msg("%s", why.text);
        /* The same size needs no log to say so. */
        assert_int_equal(finalhead_check(&courtesy, &log, served.size, served.root, &served, NULL, NULL),
                         ERR_OK);
        assert_int_equal(finalhead_check(&courtesy, &log, final.size, other, &final, NULL, NULL),
                         ERR_INCONSISTENT);
        /* The log itself shows which tree of that size its own one begins with. */
        assert_int_equal(finalhead_check(&courtesy, &log, final.size, other, &served, NULL, NULL),
                         ERR_INCONSISTENT);
        /* Our own tree is another one than the log's. */
        struct head ours = served;
        ours.root[0] ^= 1;
        assert_int_equal(finalhead_check(&courtesy, &log, final.size, final.root, &ours, NULL, NULL),
                         ERR_PROOF);
    }
    simrun_stop(&sim);
    /* Nobody there: neither yes nor no. */
    for (size_t i = 0; i < countof(protocols); i++) {
        struct ctlog log = log_of(protocols[i]);
        enum err_code code = finalhead_check(&courtesy, &log, final.size, final.root, &served, NULL, NULL);
        assert_int_equal(err_class(code), ERR_CLASS_WORLD);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(within_a_larger_tree)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
