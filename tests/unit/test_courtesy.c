/* A document beside the pipeline: it takes a turn of the operator's budget, and what is answered counts
 * there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "ingest/courtesy.h"
#include "tests/fixture/canned.h"

/* A store that keeps one record for each of two addresses, by the wall clock. */
struct records {
    struct store store;
    struct pace pace[2];
    bool found[2];
    unsigned conflicts; /* so many answers are: somebody else was quicker */
    char operator_key[PACE_OPERATOR_MAX];
};

static enum err_code pace_move(struct store *store, const char *operator_key, const char *source,
                               void (*step)(void *arg, struct pace *pace, bool found, int64_t now_ms),
                               void *arg, struct err *why)
{
    struct records *records = (struct records *)(void *)store;
    size_t at = strcmp(source, "127.0.0.2") == 0;
    if (records->conflicts > 0) {
        records->conflicts--;
        return err_set(why, ERR_DB_CONFLICT, "quicker");
    }
    (void)snprintf(records->operator_key, sizeof records->operator_key, "%s", operator_key);
    step(arg, &records->pace[at], records->found[at], clock_wall_ms());
    records->found[at] = true;
    return ERR_OK;
}

static const struct store_ops keeps = {.pace = pace_move};
static const struct store_ops keeps_none = {.pace = NULL};
static const struct sources any = {.count = 1};
static const struct sources both = {.name = {"127.0.0.1", "127.0.0.2"}, .count = 2};

struct rig {
    struct records records;
    struct canned canned;
    struct courtesy courtesy;
    struct ctlog log;
    char url[128];
};

static struct rig *rig_new(const struct store_ops *ops, const struct sources *sources)
{
    struct rig *rig = calloc(1, sizeof *rig);
    must(rig != NULL);
    rig->records.store = (struct store){STORE_MAGIC, ops};
    canned_start(&rig->canned);
    rig->courtesy = (struct courtesy){.store = &rig->records.store, .user_agent = "test", .sources = sources};
    (void)snprintf(rig->log.url, sizeof rig->log.url, "http://127.0.0.1:%u/", rig->canned.port);
    /* A name of its own: no manners are for loopback alone. */
    (void)snprintf(rig->log.operator_key, sizeof rig->log.operator_key, "op.test");
    return rig;
}

static void rig_end(struct rig *rig)
{
    canned_stop(&rig->canned);
    free(rig);
}

static struct ask get(struct rig *rig, const char *path, int64_t wait_ms, const atomic_bool *stop)
{
    struct ask ask = {.url = rig->url, .ceiling = 1000};
    struct err why = {.code = ERR_OK};
    (void)snprintf(rig->url, sizeof rig->url, "http://127.0.0.1:%u%s", rig->canned.port, path);
    if (courtesy_ask(&rig->courtesy, &rig->log, &ask, wait_ms, stop, &why) != ERR_OK)
        fail_msg("%s", why.text);
    ask_fini(&ask, 1);
    return ask;
}

static void it_counts(void **state)
{
    struct rig *rig = rig_new(&keeps, &any);
    (void)state;
    assert_int_equal(get(rig, "/ok", 5000, NULL).code, ERR_OK);
    assert_string_equal(rig->records.operator_key, "op.test");
    assert_true(rig->records.pace[0].total == 1 && rig->records.pace[0].refused == 0);
    assert_true(rig->records.pace[0].tokens < 1);
    assert_int_equal(atomic_load(&rig->canned.requests), 1);
    rig_end(rig);
}

/* What Retry-After says holds for the next one, and it is not even sent. */
static void a_hold_is_kept(void **state)
{
    struct rig *rig = rig_new(&keeps, &any);
    (void)state;
    struct ask ask = get(rig, "/busy/9", 5000, NULL);
    assert_int_equal(ask.code, ERR_HTTP_BUSY);
    assert_int_equal(ask.retry_after_ms, 9000);
    int64_t left_ms = rig->records.pace[0].hold_until_ms - clock_wall_ms();
    assert_in_range(left_ms, 5000, 9000);
    int64_t begun_ms = clock_mono_ms();
    ask = get(rig, "/ok", 2000, NULL);
    assert_int_equal(ask.code, ERR_HTTP_BUSY);
    assert_int_equal(ask.status, 0);
    assert_non_null(strstr(ask.why.text, "op.test"));
    assert_true(clock_mono_ms() - begun_ms < 2000); /* longer than anybody waits: known at once */
    assert_int_equal(atomic_load(&rig->canned.requests), 1);
    rig_end(rig);
}

/* One address is held, the other one is not. */
static void another_address(void **state)
{
    struct rig *rig = rig_new(&keeps, &both);
    (void)state;
    assert_int_equal(get(rig, "/busy/60", 5000, NULL).code, ERR_HTTP_BUSY);
    assert_int_equal(get(rig, "/ok", 5000, NULL).code, ERR_OK);
    assert_true(rig->records.pace[0].refused > 0.9 && rig->records.pace[1].refused == 0);
    assert_true(rig->records.pace[1].total == 1);
    assert_int_equal(atomic_load(&rig->canned.requests), 2);
    rig_end(rig);
}

/* Nothing in hand, and others who are quicker at the record: it waits for its turn. */
static void it_waits_for_a_turn(void **state)
{
    struct rig *rig = rig_new(&keeps, &any);
    (void)state;
    rig->records.conflicts = 2;
    assert_int_equal(get(rig, "/ok", 20000, NULL).code, ERR_OK);
    rig->records.pace[0].tokens = -1;
    rig->records.pace[0].rate = 4;
    assert_int_equal(get(rig, "/ok", 20000, NULL).code, ERR_OK);
    rig->records.pace[0].tokens = -1000000;
    assert_int_equal(get(rig, "/ok", 600, NULL).code, ERR_HTTP_BUSY);
    atomic_bool stop = true;
    assert_int_equal(get(rig, "/ok", 20000, &stop).code, ERR_CLOSED);
    assert_int_equal(atomic_load(&rig->canned.requests), 2);
    rig_end(rig);
}

/* Several at once: who has a turn is asked and counts, for a held one nothing goes out. */
static void several_at_once(void **state)
{
    struct rig *rig = rig_new(&keeps, &any);
    char urls[3][128];
    const struct ctlog *logs[3];
    struct ask asks[3];
    struct err why = {.code = ERR_OK};
    (void)state;
    for (size_t i = 0; i < countof(asks); i++) {
        (void)snprintf(urls[i], sizeof urls[i], "http://127.0.0.1:%u/%s", rig->canned.port,
                       i == 1 ? "busy/9" : "ok");
        asks[i] = (struct ask){.url = urls[i], .ceiling = 1000};
        logs[i] = &rig->log;
    }
    assert_int_equal(courtesy_ask_all(&rig->courtesy, logs, asks, 3, 20000, NULL, &why), ERR_OK);
    assert_int_equal(asks[0].code, ERR_OK);
    assert_int_equal(asks[1].code, ERR_HTTP_BUSY);
    assert_int_equal(asks[2].code, ERR_OK);
    assert_true(rig->records.pace[0].total > 2.9 && rig->records.pace[0].refused > 0.9);
    ask_fini(asks, 3);
    for (size_t i = 0; i < countof(asks); i++)
        asks[i] = (struct ask){.url = urls[0], .ceiling = 1000};
    assert_int_equal(courtesy_ask_all(&rig->courtesy, logs, asks, 3, 1000, NULL, &why), ERR_OK);
    for (size_t i = 0; i < countof(asks); i++)
        assert_true(asks[i].code == ERR_HTTP_BUSY && asks[i].status == 0);
    ask_fini(asks, 3);
    assert_int_equal(atomic_load(&rig->canned.requests), 3);
    rig_end(rig);
}

static void nobody_keeps_records(void **state)
{
    struct rig *rig = rig_new(&keeps_none, &any);
    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(get(rig, "/ok", 5000, NULL).code, ERR_OK);
    rig_end(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_counts),       cmocka_unit_test(a_hold_is_kept),
        cmocka_unit_test(another_address), cmocka_unit_test(it_waits_for_a_turn),
        cmocka_unit_test(several_at_once), cmocka_unit_test(nobody_keeps_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
