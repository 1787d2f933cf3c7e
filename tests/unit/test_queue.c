#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/queue.h"

#define PRODUCERS 4
#define CONSUMERS 4
#define EACH      5000

static void first_in_first_out(void **state)
{
    struct queue queue;
    int items[3];
    void *got = NULL;
    (void)state;
    assert_true(queue_init(&queue, 2));
    for (int round = 0; round < 5; round++) {
        assert_true(queue_put(&queue, &items[0]));
        assert_true(queue_put_try(&queue, &items[1]));
        assert_false(queue_put_try(&queue, &items[2]));
        assert_int_equal(queue_count(&queue), 2);
        assert_int_equal(queue_get(&queue, &got, 0), QUEUE_ITEM);
        assert_ptr_equal(got, &items[0]);
        assert_int_equal(queue_get(&queue, &got, -1), QUEUE_ITEM);
        assert_ptr_equal(got, &items[1]);
    }
    int64_t begin_ms = clock_mono_ms();
    assert_int_equal(queue_get(&queue, &got, 0), QUEUE_EMPTY);
    assert_int_equal(queue_get(&queue, &got, 20), QUEUE_EMPTY);
    assert_true(clock_mono_ms() - begin_ms >= 19);
    queue_fini(&queue);
}

static void closing_drains(void **state)
{
    struct queue queue;
    int item;
    void *got = NULL;
    (void)state;
    assert_true(queue_init(&queue, 4));
    assert_true(queue_put(&queue, &item));
    queue_close(&queue);
    assert_false(queue_put(&queue, &item));
    assert_false(queue_put_try(&queue, &item));
    assert_int_equal(queue_get(&queue, &got, -1), QUEUE_ITEM);
    assert_int_equal(queue_get(&queue, &got, -1), QUEUE_CLOSED);
    queue_fini(&queue);
}

static struct queue shared;
static int numbers[PRODUCERS * EACH];
static _Atomic int seen[PRODUCERS * EACH];

static void produce(void *arg)
{
    int *first = arg;
    for (int i = 0; i < EACH; i++)
        must(queue_put(&shared, first + i));
}

/* Order per producer is kept as one consumer sees it. */
static void consume(void *arg)
{
    int last[PRODUCERS] = {-1, -1, -1, -1};
    void *item;
    (void)arg;
    while (queue_get(&shared, &item, -1) == QUEUE_ITEM) {
        int at = (int)((int *)item - numbers);
        must(at % EACH > last[at / EACH]);
        last[at / EACH] = at % EACH;
        atomic_fetch_add(&seen[at], 1);
    }
}

static void many_threads_lose_and_double_nothing(void **state)
{
    struct thread producers[PRODUCERS], consumers[CONSUMERS];
    (void)state;
    assert_true(queue_init(&shared, 7));
    for (int i = 0; i < CONSUMERS; i++)
        assert_true(thread_start(&consumers[i], "consumer", consume, NULL));
    for (int i = 0; i < PRODUCERS; i++)
        assert_true(thread_start(&producers[i], "producer", produce, &numbers[i * EACH]));
    for (int i = 0; i < PRODUCERS; i++)
        thread_join(&producers[i]);
    queue_close(&shared);
    for (int i = 0; i < CONSUMERS; i++)
        thread_join(&consumers[i]);
    for (int i = 0; i < PRODUCERS * EACH; i++)
        assert_int_equal(atomic_load(&seen[i]), 1);
    queue_fini(&shared);
}

static void put_blocked(void *arg)
{
    int item;
    *(bool *)arg = queue_put(&shared, &item);
}

static void closing_wakes_who_waits_for_room(void **state)
{
    struct thread thread;
    int item;
    bool taken = true;
    void *got;
    (void)state;
    assert_true(queue_init(&shared, 1));
    assert_true(queue_put(&shared, &item));
    assert_true(thread_start(&thread, "blocked", put_blocked, &taken));
    clock_sleep_ms(10);
    queue_close(&shared);
    thread_join(&thread);
    assert_false(taken);
    assert_int_equal(queue_get(&shared, &got, 0), QUEUE_ITEM);
    queue_fini(&shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_in_first_out),
        cmocka_unit_test(closing_drains),
        cmocka_unit_test(many_threads_lose_and_double_nothing),
        cmocka_unit_test(closing_wakes_who_waits_for_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
