/* Budgets as their pacer keeps them: by operator and address, filled from records that processes share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "ingest/pacer.h"

#define RECORDS 4

/* What two processes share. */
struct world {
    struct lock lock;
    struct {
        char key[PACE_OPERATOR_MAX + PACE_SOURCE_MAX + 1];
        struct pace pace;
    } record[RECORDS];
    size_t count;
    atomic_bool away; /* no store can be opened */
    atomic_uint opened, spared, filled;
};

struct opened {
    struct store store;
    struct world *world;
};

static enum err_code pace_move(struct store *store, const char *operator_key, const char *source,
                               void (*step)(void *arg, struct pace *pace, bool found, int64_t now_ms),
                               void *arg, struct err *why)
{
    struct world *world = ((struct opened *)(void *)store)->world;
    char key[PACE_OPERATOR_MAX + PACE_SOURCE_MAX + 1];
    size_t at = 0;
    (void)why;
    (void)snprintf(key, sizeof key, "%s %s", operator_key, source);
    thread_lock(&world->lock);
    while (at < world->count && strcmp(world->record[at].key, key) != 0)
        at++;
    bool found = at < world->count;
    if (!found) {
        must(world->count++ < RECORDS);
        (void)snprintf(world->record[at].key, sizeof key, "%s", key);
    }
    step(arg, &world->record[at].pace, found, clock_mono_ms() + 77777);
    thread_unlock(&world->lock);
    return ERR_OK;
}

static void store_free(struct store *store)
{
    free(store);
}

static enum err_code store_open(void *arg, struct store **store, struct err *why)
{
    static const struct store_ops ops = {.free = store_free, .pace = pace_move};
    struct world *world = arg;
    if (atomic_load(&world->away))
        return err_set(why, ERR_DB_DOWN, "away");
    struct opened *opened = calloc(1, sizeof *opened);
    must(opened != NULL);
    *opened = (struct opened){{STORE_MAGIC, &ops}, world};
    *store = &opened->store;
    (void)atomic_fetch_add(&world->opened, 1);
    return ERR_OK;
}

static void filled(void *arg)
{
    struct world *world = arg;
    (void)atomic_fetch_add(&world->filled, 1);
}

static void spare(void *arg, struct store *store)
{
    struct world *world = arg;
    must(store->magic == STORE_MAGIC);
    (void)atomic_fetch_add(&world->spared, 1);
}

static struct pacer *start(struct world *world, double ceiling)
{
    const struct pacer_options options = {.store_open = store_open,
                                          .store_arg = world,
                                          .requests_per_s = ceiling,
                                          .filled = filled,
                                          .spare = spare,
                                          .arg = world};
    struct pacer *pacer = pacer_new(&options);
    assert_non_null(pacer);
    pacer_start(pacer);
    return pacer;
}

static void end(struct pacer *pacer)
{
    pacer_stop(pacer);
    pacer_free(pacer);
}

static bool soon(struct budget *budget, int64_t most_ms)
{
    int64_t until_ms = clock_mono_ms() + 60000;
    while (clock_mono_ms() < until_ms) {
        if (budget_wait(budget, clock_mono_ms()) <= most_ms)
            return true;
        clock_sleep_ms(5);
    }
    return false;
}

static void what_is_known(void **state)
{
    static const struct {
        const char *key, *url;
        double ceiling;
        double start, max;
        bool known;
    } rows[] = {
        {"ct.googleapis.com", "https://ct.googleapis.com/logs/x", 0, 13, 1000, true},
        {"ct.googleapis.com", "https://ct.googleapis.com/logs/x", 5, 5, 5, true},
        {"nobody.test", "https://log.nobody.test/", 0, 4, 1000, false},
        {"nobody.test", "https://log.nobody.test/", 2, 2, 2, false},
        {"127.0.0.1:80", "http://127.0.0.1:80/x", 0, 10000, 10000, false},
        {"127.0.0.1:80", "http://127.0.0.1:80/x", 50, 50, 50, false},
        {"sectigo.com", "http://127.0.0.1:80/x", 0, 30, 1000, true}, /* somebody gave it that name */
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct tempo_bounds bounds = pacer_bounds(rows[i].key, rows[i].url, rows[i].ceiling);
        if (bounds.start != rows[i].start || bounds.max != rows[i].max || bounds.known != rows[i].known)
            fail_msg("%s %s: %.1f %.1f", rows[i].key, rows[i].url, bounds.start, bounds.max);
    }
}

/* Two addresses: a budget and a record each, and what one is refused the other is not. */
static void an_address_has_its_own(void **state)
{
    struct world world = {.count = 0};
    bool fresh;
    (void)state;
    thread_lock_init(&world.lock);
    struct pacer *pacer = start(&world, 0);
    struct budget *one = pacer_budget(pacer, "op.test", "127.0.0.1", "https://op.test/");
    struct budget *two = pacer_budget(pacer, "op.test", "127.0.0.2", "https://op.test/");
    assert_ptr_not_equal(one, two);
    assert_ptr_equal(one, pacer_budget(pacer, "op.test", "127.0.0.1", "https://op.test/other"));
    assert_ptr_not_equal(one, pacer_budget(pacer, "other.test", "127.0.0.1", "https://op.test/"));
    assert_true(soon(one, 0) && soon(two, 0));
    int64_t now_ms = clock_mono_ms();
    budget_take(one, false, now_ms, &fresh);
    assert_true(budget_heard(one, BUDGET_REFUSED, now_ms, 30000, now_ms));
    pacer_hurry(pacer);
    assert_true(budget_wait(one, clock_mono_ms()) > 20000);
    assert_true(soon(two, 0));
    end(pacer);
    assert_int_equal(world.count, 3);
    thread_lock_fini(&world.lock);
}

/* A Retry-After that one process meets holds the other one; the store is lent for what else is to be kept. */
static void two_processes(void **state)
{
    struct world world = {.count = 0};
    bool fresh;
    (void)state;
    thread_lock_init(&world.lock);
    struct pacer *first = start(&world, 0);
    struct pacer *second = start(&world, 0);
    struct budget *a = pacer_budget(first, "op.test", "", "https://op.test/");
    struct budget *b = pacer_budget(second, "op.test", "", "https://op.test/");
    assert_true(soon(a, 0) && soon(b, 0));
    int64_t now_ms = clock_mono_ms();
    budget_take(a, false, now_ms, &fresh);
    assert_true(budget_heard(a, BUDGET_REFUSED, now_ms, 60000, now_ms));
    pacer_hurry(first);
    int64_t until_ms = clock_mono_ms() + 20000;
    while (budget_wait(b, clock_mono_ms()) < 30000 && clock_mono_ms() < until_ms)
        clock_sleep_ms(5);
    assert_true(budget_wait(b, clock_mono_ms()) >= 30000);
    assert_int_equal(world.count, 1);
    while (atomic_load(&world.spared) < 2 && clock_mono_ms() < until_ms)
        clock_sleep_ms(5);
    assert_true(atomic_load(&world.spared) >= 2);
    end(first);
    end(second);
    assert_int_equal(atomic_load(&world.opened), 2);
    thread_lock_fini(&world.lock);
}

/* No database: requests go out all the same, and it is asked for again; then the record is there. */
static void a_database_that_is_away(void **state)
{
    struct world world = {.away = true};
    (void)state;
    thread_lock_init(&world.lock);
    struct pacer *pacer = start(&world, 0);
    struct budget *budget = pacer_budget(pacer, "op.test", "", "https://op.test/");
    assert_true(soon(budget, 0));
    assert_int_equal(world.count, 0);
    atomic_store(&world.away, false);
    int64_t until_ms = clock_mono_ms() + 20000;
    while (atomic_load(&world.opened) == 0 && clock_mono_ms() < until_ms) {
        (void)budget_wait(budget, clock_mono_ms());
        clock_sleep_ms(5);
    }
    assert_int_equal(atomic_load(&world.opened), 1);
    end(pacer);
    assert_int_equal(world.count, 1);
    thread_lock_fini(&world.lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_known),
        cmocka_unit_test(an_address_has_its_own),
        cmocka_unit_test(two_processes),
        cmocka_unit_test(a_database_that_is_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
