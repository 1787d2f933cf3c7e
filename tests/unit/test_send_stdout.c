#include "watcher/send_stdout.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/thread.h"

static void lines(void **state)
{
    int ends[2];
    char text[64] = "";
    (void)state;
    assert_int_equal(pipe(ends), 0);
    struct channel *channel = send_stdout_new(ends[1], 1000);
    struct channel_message message = {.json = "{\"a\":1}"};
    assert_non_null(channel);
    assert_string_equal(channel->name, "stdout");
    assert_int_equal(channel->ops->send(channel, &message, NULL), ERR_OK);
    assert_int_equal(channel->ops->send(channel, &message, NULL), ERR_OK);
    assert_int_equal(read(ends[0], text, sizeof text - 1), 16);
    assert_string_equal(text, "{\"a\":1}\n{\"a\":1}\n");
    channel->ops->free(channel);
    close(ends[0]);
    close(ends[1]);
}

struct reader {
    int fd;
    size_t lines;
    size_t whole; /* of the expected length */
    size_t length;
};

static void read_all(void *arg)
{
    struct reader *reader = arg;
    char bytes[4096];
    size_t line = 0;
    ssize_t got;
    while ((got = read(reader->fd, bytes, sizeof bytes)) > 0) {
        for (ssize_t i = 0; i < got; i++) {
            if (bytes[i] != '\n') {
                line++;
                continue;
            }
            reader->lines++;
            reader->whole += line == reader->length;
            line = 0;
        }
    }
}

/* Nobody reads: the send fails in time, and the next one begins a new line. */
static void not_read(void **state)
{
    enum { LENGTH = 200000 };
    int ends[2];
    struct thread thread = {0};
    char *big = malloc(LENGTH + 1);
    struct channel_message message = {.json = big};
    struct err why = {0};
    int64_t begin_ms = clock_mono_ms();
    (void)state;
    assert_non_null(big);
    memset(big, 'x', LENGTH);
    big[LENGTH] = '\0';
    assert_int_equal(pipe(ends), 0);
    struct channel *channel = send_stdout_new(ends[1], 500);
    assert_int_equal(channel->ops->send(channel, &message, &why), ERR_TIMEOUT);
    assert_true(clock_mono_ms() - begin_ms < 30000);
    struct reader reader = {.fd = ends[0], .length = LENGTH};
    assert_true(thread_start(&thread, "reader", read_all, &reader));
    assert_int_equal(channel->ops->send(channel, &message, NULL), ERR_OK);
    assert_int_equal(channel->ops->send(channel, &message, NULL), ERR_OK);
    close(ends[1]);
    thread_join(&thread);
    assert_int_equal(reader.lines, 3);
    assert_int_equal(reader.whole, 2);
    channel->ops->free(channel);
    close(ends[0]);
    free(big);
}

static void reader_gone(void **state)
{
    int ends[2];
    struct channel_message message = {.json = "{}"};
    struct err why = {0};
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    struct channel *channel = send_stdout_new(ends[1], 500);
    assert_int_equal(channel->ops->send(channel, &message, &why), ERR_SYSTEM);
    channel->ops->free(channel);
    close(ends[1]);
}

static void stopped(void **state)
{
    int ends[2];
    atomic_bool stop = true;
    char big[100001];
    struct channel_message message = {.json = big};
    int64_t begin_ms = clock_mono_ms();
    (void)state;
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    assert_int_equal(pipe(ends), 0);
    struct channel *channel = send_stdout_new(ends[1], 60000);
    channel->stop = &stop;
    assert_int_equal(channel->ops->send(channel, &message, NULL), ERR_TIMEOUT);
    assert_true(clock_mono_ms() - begin_ms < 30000);
    channel->ops->free(channel);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),
        cmocka_unit_test(not_read),
        cmocka_unit_test(reader_gone),
        cmocka_unit_test(stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
