/* Signed heads that are smaller than what is verified. */
#include "tests/fixture/piperig.h"

static const struct fakestore_log *first(struct rig *rig)
{
    return rig_log(rig, 0);
}

/* The log goes on under the same key with another tree. */
static void replace(struct rig *rig, int protocol, const char *const *args)
{
    simrun_stop(&rig->sim);
    simrun_start(&rig->sim, args);
    simrun_log(&rig->sim, (enum ctlog_protocol)protocol, protocol == CTLOG_RFC6962 ? 1 : 2, &rig->log[0]);
}

static void put_fault(struct rig *rig, const char *fault)
{
    char json[128];
    snprintf(json, sizeof(json), "{\"fault\": \"%s\"}", fault);
    simrun_do(&rig->sim, json);
}

/* How many heads below `size` nobody has judged. */
static size_t unjudged(struct rig *rig, uint64_t size)
{
    const struct fakestore_log *log = first(rig);
    size_t count = 0;
    for (size_t i = 0; i < log->head_count; i++)
        count += log->head[i].size > 0 && log->head[i].size < size && !log->fits[i] && !log->denied[i];
    return count;
}

static void test_stale_fits(void **state)
{
    static const int protocols[] = {CTLOG_RFC6962, CTLOG_STATIC_CT};
    static const char *const faults[] = {"stale:1", "stale:50", "stale:444", "stale:699"};
    (void)state;
    for (size_t i = 0; i < countof(protocols); i++) {
        struct rig rig;
        rig_start(&rig, protocols[i], 0, ARGS("--entries", "700"));
        rig_run(&rig);
        for (size_t k = 0; k < countof(faults); k++) {
            put_fault(&rig, faults[k]);
            rig_run(&rig);
            assert_false(rig.result.unverified);
            assert_int_equal(first(&rig)->head_count, k + 2);
            assert_int_equal(unjudged(&rig, 700), 0);
            simrun_do(&rig.sim, "{\"clear\": \"all\"}");
        }
        assert_fine(&rig, 700);
        assert_int_equal(first(&rig)->shrunk, 0);
        rig_end(&rig);
    }
}

/* The same key, a smaller tree of other certificates: evidence with both signed heads, once, however small or
 * cut the new tree is. */
static void test_replaced(void **state)
{
    static const struct {
        int protocol;
        const char *entries;
        uint64_t from;
    } cases[] = {
        {CTLOG_RFC6962, "500", 0}, {CTLOG_STATIC_CT, "500", 0}, {CTLOG_RFC6962, "512", 0},
        {CTLOG_RFC6962, "3", 0},   {CTLOG_STATIC_CT, "256", 0}, {CTLOG_STATIC_CT, "1", 0},
        {CTLOG_RFC6962, "999", 0}, {CTLOG_RFC6962, "900", 600}, {CTLOG_STATIC_CT, "900", 600},
    };
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct rig rig;
        rig_start(&rig, cases[i].protocol, cases[i].from,
                  ARGS("--entries", "1000", "--seed", "77", "--origin", "fork.example/log"));
        rig_run(&rig);
        assert_false(rig.result.unverified);
        assert_int_equal(first(&rig)->range.verified, 1000);
        replace(&rig, cases[i].protocol,
                ARGS("--entries", cases[i].entries, "--seed", "77", "--origin", "fork.example/log"));
        for (int run = 0; run < 2; run++) {
            rig_run(&rig);
            assert_true(rig.result.unverified); /* the head that is shown stays refuted */
            assert_int_equal(first(&rig)->shrunk, 1);
        }
        assert_int_equal(unjudged(&rig, 1000), 0);
        assert_int_equal(first(&rig)->range.next, 1000);
        assert_int_equal(first(&rig)->range.verified, 1000);
        json_t *account = json_loads(first(&rig)->account, 0, NULL);
        assert_non_null(json_object_get(json_object_get(account, "head"), "raw_base64"));
        assert_non_null(json_object_get(json_object_get(account, "other_head"), "raw_base64"));
        assert_true(json_array_size(json_object_get(account, "entries")) > 0);
        json_decref(account);
        rig_end(&rig);
    }
}

/* Honest entries and proofs, and a smaller head that is signed and of no tree: the log proves it wrong
 * itself. Joined later than that head, too. */
static void test_wrong_root(void **state)
{
    static const struct {
        int protocol;
        uint64_t from;
    } cases[] = {{CTLOG_RFC6962, 0}, {CTLOG_STATIC_CT, 0}, {CTLOG_RFC6962, 660}, {CTLOG_STATIC_CT, 660}};
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct rig rig;
        rig_start(&rig, cases[i].protocol, cases[i].from, ARGS("--entries", "700"));
        rig_run(&rig);
        assert_false(rig.result.unverified);
        put_fault(&rig, "stale:100");
        put_fault(&rig, "fork:same");
        rig_run(&rig);
        assert_true(rig.result.unverified);
        assert_int_equal(first(&rig)->shrunk, 1);
        assert_int_equal(first(&rig)->forks, 0);
        assert_int_equal(first(&rig)->range.verified, 700);
        rig_end(&rig);
    }
}

/* A right head that the log can not prove is nobody's fault yet: no evidence, not all is verified, and it is
 * judged once there are proofs again. */
static void test_no_proof(void **state)
{
    static const int protocols[] = {CTLOG_RFC6962, CTLOG_STATIC_CT};
    (void)state;
    for (size_t i = 0; i < countof(protocols); i++) {
        struct rig rig;
        rig_start(&rig, protocols[i], 0, ARGS("--entries", "700"));
        rig_run(&rig);
        put_fault(&rig, "stale:100");
        put_fault(&rig, "badproof");
        rig_run(&rig);
        if (protocols[i] == CTLOG_RFC6962) {
            assert_true(rig.result.unverified);
            assert_int_equal(unjudged(&rig, 700), 1);
        }
        assert_int_equal(first(&rig)->shrunk, 0);
        assert_int_equal(first(&rig)->unproven, 0);
        /* For a day nobody is told; then somebody is, once, and nobody is accused of anything. */
        rig.world->heads_since_ms = clock_wall_ms() - 2 * LIMIT_UNPROVEN_MS;
        rig_run(&rig);
        assert_int_equal(first(&rig)->unproven, protocols[i] == CTLOG_RFC6962);
        assert_int_equal(first(&rig)->shrunk, 0);
        if (protocols[i] == CTLOG_RFC6962)
            assert_non_null(strstr(first(&rig)->account, "does not prove since"));
        simrun_do(&rig.sim, "{\"clear\": \"all\"}");
        rig_run(&rig);
        assert_fine(&rig, 700);
        assert_int_equal(unjudged(&rig, 700), 0);
        rig_end(&rig);
    }
}

static bool wait_shrunk(struct rig *rig, unsigned count)
{
    int64_t until_ms = clock_mono_ms() + PIPERIG_WAIT_MS;
    unsigned shrunk = 0;
    while (shrunk < count && clock_mono_ms() < until_ms) {
        clock_sleep_ms(50);
        thread_lock(&rig->world->lock);
        shrunk = first(rig)->shrunk;
        thread_unlock(&rig->world->lock);
    }
    return shrunk == count;
}

/* While it runs: heads that were passed between two commits need no proof, a stale one is asked about once,
 * each wrong one is told, also of a log that does not grow, and entries go on coming. */
static void test_running(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, CTLOG_RFC6962, 0, ARGS("--entries", "300"));
    rig.options.once = false;
    rig_run(&rig);
    assert_true(wait_verified(&rig, 0, 300));
    put_fault(&rig, "stale:20");
    put_fault(&rig, "fork:same");
    assert_true(wait_shrunk(&rig, 1));
    simrun_do(&rig.sim, "{\"clear\": \"all\"}");
    put_fault(&rig, "stale:30");
    put_fault(&rig, "fork:same");
    assert_true(wait_shrunk(&rig, 2));
    simrun_do(&rig.sim, "{\"clear\": \"all\"}");
    simrun_do(&rig.sim, "{\"append\": 100}");
    assert_true(wait_verified(&rig, 0, 400));
    rig_stop(&rig);
    assert_rows(&rig, 0, 400);
    assert_int_equal(first(&rig)->shrunk, 2);
    assert_int_equal(unjudged(&rig, 400), 0);
    rig_end(&rig);
}

static json_t *member(const json_t *account, const char *name)
{
    return json_object_get(account, name);
}

/* Another process over the same store was shown another tree of 350 entries: the one that reads the log finds
 * it out when its own tree is as large, and what it computed leads to a larger signed tree. */
static void seen_by_another(int protocol, bool proves)
{
    struct rig rig;
    rig_start(&rig, protocol, 0, ARGS("--entries", "300"));
    rig_run(&rig);
    assert_fine(&rig, 300);
    struct fakestore_log *log = rig_log(&rig, 0);
    assert_int_equal(log->head[log->head_count - 1].size, 300);
    log->head[log->head_count++] =
        (struct head){.size = 350, .root = {0x5a}, .timestamp_ms = clock_wall_ms(), .raw = SPAN_LIT("raw")};
    simrun_do(&rig.sim, "{\"append\": 100}");
    if (!proves)
        put_fault(&rig, "badproof");
    rig_run(&rig);
    assert_true(rig.result.unverified);
    assert_rows(&rig, 0, 400);
    assert_int_equal(log->shrunk, 1);
    assert_int_equal(log->mismatches, 0);
    assert_int_equal(unjudged(&rig, 400), 0);
    json_t *account = json_loads(log->account, 0, NULL);
    assert_non_null(account);
    assert_int_equal(json_integer_value(member(member(account, "head"), "size")), 350);
    assert_int_equal(json_integer_value(member(member(account, "other_head"), "size")), 400);
    assert_int_equal(json_integer_value(member(member(account, "base_head"), "size")), 300);
    assert_int_equal(json_integer_value(member(account, "entries_begin")), 300);
    assert_int_equal(json_array_size(member(account, "entries")), 50);
    assert_int_equal(json_array_size(member(account, "path_begin")), 6); /* 256 + 64 + 16 + 8 + 4 + 2 */
    assert_true(json_array_size(member(account, "path")) > 0);
    assert_true(json_array_size(member(account, "answers")) > 1);
    assert_true(json_is_true(member(account, "asked_since")));
    json_decref(account);
    /* Not again. */
    rig_run(&rig);
    assert_int_equal(log->shrunk, 1);
    rig_end(&rig);
}

static void test_seen_by_another(void **state)
{
    (void)state;
    seen_by_another(CTLOG_RFC6962, true);
    seen_by_another(CTLOG_STATIC_CT, true);
    seen_by_another(CTLOG_RFC6962, false);
}

/* There are enough accounts of this log for now: nothing more is written, and nothing is called verified. */
static void test_enough_accounts(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, CTLOG_RFC6962, 0, ARGS("--entries", "100"));
    rig_run(&rig);
    assert_fine(&rig, 100);
    rig.world->accounts_full = true;
    put_fault(&rig, "fork:same");
    rig_run(&rig);
    assert_true(rig.result.unverified);
    assert_int_equal(first(&rig)->forks, 0);
    assert_int_equal(first(&rig)->over, 1);
    assert_int_equal(first(&rig)->head_count, 2); /* the heads themselves are kept */
    assert_int_equal(first(&rig)->account[0], 0);
    rig_end(&rig);
}

int main(int argc, char **argv)
{
    if (!piperig_ready(argc, argv))
        return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stale_fits),      cmocka_unit_test(test_replaced),
        cmocka_unit_test(test_wrong_root),      cmocka_unit_test(test_no_proof),
        cmocka_unit_test(test_running),         cmocka_unit_test(test_seen_by_another),
        cmocka_unit_test(test_enough_accounts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
