#include "watcher/send_stdout.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

#define POLL_STEP_MS 200

struct out {
    struct channel channel;
    int fd;
    bool broken; /* the last line ended in the middle */
};

static bool stopping(const struct out *out)
{
    return out->channel.stop != NULL && atomic_load(out->channel.stop);
}

/* A pipe that polls as writable takes PIPE_BUF bytes without blocking, and the descriptor may be shared with
 * programs that do not expect it to be non-blocking. */
static enum err_code put(struct out *out, struct span bytes, int64_t until_ms, struct err *why)
{
    while (bytes.len != 0) {
        struct pollfd poll_fd = {.fd = out->fd, .events = POLLOUT};
        int ready = poll(&poll_fd, 1, POLL_STEP_MS);
        if (ready == 0 && clock_mono_ms() < until_ms && !stopping(out))
            continue;
        if (ready == 0)
            return err_set(why, ERR_TIMEOUT, "standard output: nobody reads it");
        ssize_t wrote = -1;
        if (ready > 0)
            wrote = write(out->fd, bytes.at, bytes.len < PIPE_BUF ? bytes.len : PIPE_BUF);
        if (wrote < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (wrote < 0)
            return err_set(why, ERR_SYSTEM, "standard output: %s", strerror(errno));
        out->broken = true;
        bytes = span_part(bytes, (size_t)wrote, bytes.len);
    }
    return ERR_OK;
}

static enum err_code send_line(struct channel *channel, const struct channel_message *message,
                               struct err *why)
{
    struct out *out = (struct out *)channel;
    int64_t until_ms = clock_mono_ms() + channel->send_ms_max;
    enum err_code code = ERR_OK;
    if (out->broken)
        code = put(out, SPAN_LIT("\n"), until_ms, why);
    if (code == ERR_OK)
        code = put(out, span_str(message->json), until_ms, why);
    if (code == ERR_OK)
        code = put(out, SPAN_LIT("\n"), until_ms, why);
    if (code == ERR_OK)
        out->broken = false;
    return code;
}

static void destroy(struct channel *channel)
{
    free(channel);
}

static const struct channel_ops ops = {.send = send_line, .free = destroy};

struct channel *send_stdout_new(int fd, int64_t timeout_ms)
{
    struct out *out = calloc(1, sizeof *out);
    if (out == NULL)
        return NULL;
    out->channel = (struct channel){.ops = &ops, .name = SEND_STDOUT_NAME, .send_ms_max = timeout_ms};
    out->fd = fd;
    return &out->channel;
}

void send_stdout_name(struct channel *channel, const char *name)
{
    channel->name = name;
}
