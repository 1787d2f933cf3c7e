#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/text.h"

#define OFFSET_S_MAX                                                                                         \
    (INT64_C(1000) * 366 * 86400) /* a thousand years; more would leave the range of dates                   \
                                   */

static pthread_once_t env_once = PTHREAD_ONCE_INIT;
static int64_t env_offset_ms;
static _Atomic int64_t test_offset_ms;
static const char *env_file;

static void read_env(void)
{
    const char *text = getenv("CTVIGIL_TEST_CLOCK_OFFSET_S");
    int64_t offset_s;
    env_file = getenv("CTVIGIL_TEST_CLOCK_FILE");
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

/* The number on line 1 or 2 of the file that a test moves the clocks with. 0 without a file; what can not be
 * read is 0 as well: the test is to replace the file in one step. */
static int64_t file_offset_ms(unsigned line)
{
    char text[64];
    int64_t offset_s;
    must(pthread_once(&env_once, read_env) == 0);
    if (env_file == NULL)
        return 0;
    int fd = open(env_file, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0)
        (void)close(fd);
    if (len < 0)
        return 0;
    text[len] = '\0';
    const char *at = text;
    for (; line > 1; line--)
        at += strcspn(at, "\n") + (at[strcspn(at, "\n")] == '\n');
    struct span number = span_of(at, strcspn(at, "\n"));
    if (!text_int(number, &offset_s) || offset_s < -OFFSET_S_MAX || offset_s > OFFSET_S_MAX)
        return 0;
    return offset_s * 1000;
}

static int64_t real_wall_ms(void)
{
    int64_t shift_ms = file_offset_ms(1);
    return read_ns(CLOCK_REALTIME) / 1000000 + env_offset_ms + shift_ms;
}

int64_t clock_wall_ms(void)
{
    return real_wall_ms() + atomic_load_explicit(&test_offset_ms, memory_order_relaxed);
}

int64_t clock_mono_ms(void)
{
    return read_ns(CLOCK_MONOTONIC) / 1000000 + file_offset_ms(2);
}

int64_t clock_mono_ns(void)
{
    return read_ns(CLOCK_MONOTONIC) + file_offset_ms(2) * 1000000;
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
