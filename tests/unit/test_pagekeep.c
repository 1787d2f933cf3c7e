/* What a log was seen to give: as it is asked for after a restart, and as it is kept for the next one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "ingest/pagekeep.h"

struct kept {
    struct store store;
    struct lock lock;
    unsigned calls;
    int32_t log_id;
    uint32_t page, align;
    bool fails;
};

static struct kept kept;

static enum err_code keep_page(struct store *store, int32_t log_id, uint32_t page, uint32_t align,
                               struct err *why)
{
    (void)store;
    thread_lock(&kept.lock);
    kept.calls++;
    kept.log_id = log_id;
    kept.page = page;
    kept.align = align;
    bool fails = kept.fails;
    thread_unlock(&kept.lock);
    return fails ? err_set(why, ERR_DB_DOWN, "away") : ERR_OK;
}

static unsigned calls(void)
{
    thread_lock(&kept.lock);
    unsigned count = kept.calls;
    thread_unlock(&kept.lock);
    return count;
}

static void store_free(struct store *store)
{
    (void)store;
}

static enum err_code store_open(void *arg, struct store **store, struct err *why)
{
    static const struct store_ops ops = {.free = store_free, .page = keep_page};
    (void)arg;
    (void)why;
    kept.store = (struct store){STORE_MAGIC, &ops};
    *store = &kept.store;
    return ERR_OK;
}

static struct follow *log_made(const char *url, uint32_t page, uint32_t align, bool tiles)
{
    struct follow *follow = calloc(1, sizeof *follow);
    must(follow != NULL);
    thread_lock_init(&follow->lock);
    follow->log.id = 7;
    follow->log.page = page;
    follow->log.page_align = align;
    (void)snprintf(follow->log.url, sizeof follow->log.url, "%s", url);
    plan_init(&follow->plan, tiles, 256);
    pagekeep_recall(follow);
    return follow;
}

static void log_gone(struct follow *follow)
{
    thread_lock_fini(&follow->lock);
    free(follow);
}

static void what_it_begins_with(void **state)
{
    static const struct {
        const char *url;
        uint32_t page, align; /* as kept */
        bool tiles;
        uint64_t want_page, want_align;
    } rows[] = {
        {"https://ct.example/log", 0, 0, false, 256, 0},
        {"https://ct.example/log", 64, 64, false, 64, 64},
        {"https://ct.googleapis.com/logs/us1/argon2027h1/", 0, 0, false, 32, 32},
        {"https://ct.googleapis.com/logs/us1/argon2027h1/", 128, 128, false, 128, 128}, /* seen is better */
        {"https://ct.example/log", 64, 64, true, 256, 0},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct follow *follow = log_made(rows[i].url, rows[i].page, rows[i].align, rows[i].tiles);
        if (follow->plan.page != rows[i].want_page || follow->plan.align != rows[i].want_align)
            fail_msg("%s %u: %d %d", rows[i].url, rows[i].page, (int)follow->plan.page,
                     (int)follow->plan.align);
        log_gone(follow);
    }
}

/* Until `count` calls were made, or for a while in which there should be no more. */
static unsigned calls_within(unsigned count, int64_t wait_ms)
{
    int64_t until_ms = clock_mono_ms() + wait_ms;
    while (calls() < count && clock_mono_ms() < until_ms)
        clock_sleep_ms(10);
    return calls();
}

static void learn(struct follow *follow)
{
    thread_lock(&follow->lock);
    plan_learn(&follow->plan, 0, 256, 32);
    plan_learn(&follow->plan, 32, 288, 64);
    thread_unlock(&follow->lock);
}

/* Only what a reply taught is kept, once, and again when keeping failed. */
static void what_is_kept(void **state)
{
    struct plant *plant = calloc(1, sizeof *plant);
    struct follow *follow = log_made("https://ct.example/log", 0, 0, false);
    (void)state;
    must(plant != NULL);
    thread_lock_init(&kept.lock);
    plant->options.store_open = store_open;
    plant->follows[0] = follow;
    atomic_store(&plant->follow_count, 1);
    kept.fails = true;
    struct pacer *pacer = pagekeep_pacer(plant);
    assert_non_null(pacer);
    pacer_start(pacer);
    assert_int_equal(calls_within(1, 1500), 0); /* nothing was learned */
    learn(follow);
    assert_true(calls_within(2, 20000) >= 2);
    thread_lock(&kept.lock);
    kept.fails = false;
    unsigned before = kept.calls;
    thread_unlock(&kept.lock);
    assert_true(calls_within(before + 1, 20000) == before + 1);
    assert_int_equal(calls_within(before + 2, 1500), before + 1);
    pacer_stop(pacer);
    assert_int_equal(kept.log_id, 7);
    assert_int_equal(kept.page, 32);
    assert_int_equal(kept.align, 32);
    assert_int_equal(follow->page_kept, 32);
    pacer_free(pacer);
    thread_lock_fini(&kept.lock);
    log_gone(follow);
    free(plant);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_it_begins_with), cmocka_unit_test(what_is_kept)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
