#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>

#include "base/clock.h"
#include "base/thread.h"

#define THREADS 4
#define ROUNDS  20000

static struct lock lock;
static struct signal_cond cond;
static int counter;
static char name_seen[32];
static sigset_t mask_seen;

static void count_up(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        thread_lock(&lock);
        must(thread_lock_held(&lock));
        counter++;
        thread_unlock(&lock);
        must(!thread_lock_held(&lock));
    }
}

static void a_lock_excludes(void **state)
{
    struct thread threads[THREADS];
    (void)state;
    counter = 0;
    thread_lock_init(&lock);
    for (int i = 0; i < THREADS; i++)
        assert_true(thread_start(&threads[i], "counter", count_up, NULL));
    for (int i = 0; i < THREADS; i++)
        thread_join(&threads[i]);
    assert_int_equal(counter, THREADS * ROUNDS);
    thread_lock_fini(&lock);
}

static void look(void *arg)
{
    (void)arg;
    (void)snprintf(name_seen, sizeof name_seen, "%s", thread_name());
    must(pthread_sigmask(SIG_SETMASK, NULL, &mask_seen) == 0);
}

static void a_thread_has_a_name_and_takes_no_signals(void **state)
{
    struct thread thread;
    sigset_t own;
    (void)state;
    assert_true(thread_start(&thread, "a-name-that-is-too-long", look, NULL));
    thread_join(&thread);
    thread_join(&thread);
    assert_string_equal(name_seen, "a-name-that-is-");
    assert_string_equal(thread_name(), "main");
    assert_int_equal(sigismember(&mask_seen, SIGTERM), 1);
    assert_int_equal(sigismember(&mask_seen, SIGCHLD), 1);
    assert_int_equal(sigismember(&mask_seen, SIGSEGV), 0);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &own), 0);
    assert_int_equal(sigismember(&own, SIGTERM), 0);
}

static void answer(void *arg)
{
    (void)arg;
    thread_lock(&lock);
    while (counter != 1)
        thread_cond_wait(&cond, &lock);
    counter = 2;
    thread_cond_broadcast(&cond);
    thread_unlock(&lock);
}

static void conditions_wake_and_time_out(void **state)
{
    struct thread thread;
    (void)state;
    counter = 0;
    thread_lock_init(&lock);
    thread_cond_init(&cond);
    thread_lock(&lock);
    int64_t begin_ms = clock_mono_ms();
    assert_false(thread_cond_wait_ms(&cond, &lock, 20));
    assert_true(clock_mono_ms() - begin_ms >= 19);
    assert_false(thread_cond_wait_ms(&cond, &lock, -1));
    assert_true(thread_lock_held(&lock));
    assert_true(thread_start(&thread, "answer", answer, NULL));
    counter = 1;
    thread_cond_signal(&cond);
    while (counter != 2)
        assert_true(thread_cond_wait_ms(&cond, &lock, 10000));
    thread_unlock(&lock);
    thread_join(&thread);
    thread_cond_fini(&cond);
    thread_lock_fini(&lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lock_excludes),
        cmocka_unit_test(a_thread_has_a_name_and_takes_no_signals),
        cmocka_unit_test(conditions_wake_and_time_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
