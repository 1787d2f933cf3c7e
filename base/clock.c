#include "base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/text.h"

#define OFFSET_S_MAX                                                                                         \
    (INT64_C(1000) * 366 * 86400) /* a thousand years; more would leave the range of dates                   \
                                   */

static pthread_once_t env_once = PTHREAD_ONCE_INIT;
static int64_t env_offset_ms;
static _Atomic int64_t test_offset_ms;

static void read_env(void)
{
    const char *text = getenv("CTVIGIL_TEST_CLOCK_OFFSET_S");
    int64_t offset_s;
    if (text != NULL && text_int(span_str(text), &offset_s) && offset_s >= -OFFSET_S_MAX &&
        offset_s <= OFFSET_S_MAX)
        env_offset_ms = offset_s * 1000;
}

static int64_t read_ns(clockid_t which)
{
    struct timespec now;
    must(clock_gettime(which, &now) == 0);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t real_wall_ms(void)
{
    must(pthread_once(&env_once, read_env) == 0);
    return read_ns(CLOCK_REALTIME) / 1000000 + env_offset_ms;
}

int64_t clock_wall_ms(void)
{
    return real_wall_ms() + atomic_load_explicit(&test_offset_ms, memory_order_relaxed);
}

int64_t clock_mono_ms(void)
{
    return read_ns(CLOCK_MONOTONIC) / 1000000;
}

int64_t clock_mono_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

void clock_sleep_ms(int64_t wait_ms)
{
    if (wait_ms <= 0)
        return;
    struct timespec left = {.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
        ;
}

void clock_set_test(int64_t wall_ms)
{
    atomic_store_explicit(&test_offset_ms, wall_ms < 0 ? 0 : wall_ms - real_wall_ms(), memory_order_relaxed);
}
