#include "watcher/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/span.h"

/* A descriptor for the child's end is newer than the C library's headers on some systems; asking often is
 * simple. */
#define POLL_STEP_MS  20
#define READ_AT_ONCE  65536
#define DRAIN_AT_MOST (1u << 20)

struct running {
    pid_t pid;
    int pipe_fd;
    int64_t term_at_ms;
    int64_t kill_at_ms;
    bool termed;
    bool killed;
    bool reaped;
    struct child_result *result;
};

/* Keeps the last CHILD_SAID_MAX bytes. */
static void keep(struct child_result *result, struct span bytes)
{
    if (bytes.len > CHILD_SAID_MAX)
        bytes = span_part(bytes, bytes.len - CHILD_SAID_MAX, bytes.len);
    size_t old = result->said_len;
    if (old + bytes.len > CHILD_SAID_MAX) {
        size_t drop = old + bytes.len - CHILD_SAID_MAX;
        memmove(result->said, result->said + drop, old - drop);
        old -= drop;
    }
    memcpy(result->said + old, bytes.at, bytes.len);
    result->said_len = old + bytes.len;
    result->said[result->said_len] = '\0';
}

/* What is there now, without waiting; at most so much that a program that never stops talking can not hold
 * us. */
static void drain(struct running *run)
{
    char bytes[READ_AT_ONCE];
    size_t total = 0;
    while (run->pipe_fd >= 0 && total < DRAIN_AT_MOST) {
        ssize_t got = read(run->pipe_fd, bytes, sizeof bytes);
        if (got > 0) {
            keep(run->result, span_of(bytes, (size_t)got));
            total += (size_t)got;
            continue;
        }
        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0 || errno != EAGAIN) {
            close(run->pipe_fd);
            run->pipe_fd = -1;
        }
        return;
    }
}

static void reap(struct running *run)
{
    pid_t pid = waitpid(run->pid, &run->result->status, WNOHANG);
    if (pid == run->pid)
        run->reaped = true;
    else if (pid < 0 && errno != EINTR) {
        /* Somebody else waits for our children: treat it as failed. */
        run->result->status = 127 << 8;
        run->reaped = true;
    }
}

static void push(struct running *run, const struct child_options *options)
{
    int64_t now_ms = clock_mono_ms();
    bool stop = options->stop != NULL && atomic_load(options->stop);
    if (!run->termed && (stop || now_ms >= run->term_at_ms)) {
        run->termed = true;
        run->result->timed_out = true;
        run->kill_at_ms = now_ms + options->grace_ms;
        (void)kill(-run->pid, SIGTERM);
    } else if (run->termed && !run->killed && now_ms >= run->kill_at_ms) {
        run->killed = true;
        (void)kill(-run->pid, SIGKILL);
    }
}

static void watch(struct running *run, const struct child_options *options)
{
    while (!run->reaped) {
        struct pollfd poll_fd = {.fd = run->pipe_fd, .events = POLLIN};
        if (poll(&poll_fd, 1, POLL_STEP_MS) > 0)
            drain(run);
        reap(run);
        if (!run->reaped)
            push(run, options);
    }
    drain(run);
    /* The leader is gone; what it started and we timed out must not outlive it. */
    if (run->termed)
        (void)kill(-run->pid, SIGKILL);
    if (run->pipe_fd >= 0)
        close(run->pipe_fd);
}

static bool actions_fill(posix_spawn_file_actions_t *actions, int said_fd)
{
    return posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0) == 0 &&
           posix_spawn_file_actions_adddup2(actions, said_fd, 1) == 0 &&
           posix_spawn_file_actions_adddup2(actions, said_fd, 2) == 0 &&
           posix_spawn_file_actions_addclosefrom_np(actions, 3) == 0;
}

/* A process group of its own and every signal as a fresh program expects it: our threads block them all. */
static bool attributes_fill(posix_spawnattr_t *attributes)
{
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    sigdelset(&all, SIGKILL);
    sigdelset(&all, SIGSTOP);
    return posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                                    POSIX_SPAWN_SETSIGDEF) == 0 &&
           posix_spawnattr_setpgroup(attributes, 0) == 0 &&
           posix_spawnattr_setsigmask(attributes, &none) == 0 &&
           posix_spawnattr_setsigdefault(attributes, &all) == 0;
}

static int spawn(const struct child_options *options, int said_fd, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    char *name = strdup(options->program);
    int failed = name == NULL ? ENOMEM : posix_spawn_file_actions_init(&actions);
    if (failed != 0) {
        free(name);
        return failed;
    }
    failed = posix_spawnattr_init(&attributes);
    if (failed == 0) {
        char *argv[] = {name, NULL};
        failed = ENOMEM;
        if (actions_fill(&actions, said_fd) && attributes_fill(&attributes))
            failed = posix_spawnp(pid, name, &actions, &attributes, argv, options->environment);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    free(name);
    return failed;
}

enum err_code child_run(const struct child_options *options, struct child_result *result, struct err *why)
{
    int ends[2];
    struct running run = {.result = result};
    *result = (struct child_result){0};
    if (pipe2(ends, O_CLOEXEC) != 0)
        return err_set(why, ERR_SYSTEM, "%s: no pipe: %s", options->program, strerror(errno));
    (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
    int failed = spawn(options, ends[1], &run.pid);
    close(ends[1]);
    if (failed != 0) {
        close(ends[0]);
        return err_set(why, ERR_SYSTEM, "%s: %s", options->program, strerror(failed));
    }
    run.pipe_fd = ends[0];
    run.term_at_ms = clock_mono_ms() + options->timeout_ms;
    watch(&run, options);
    return ERR_OK;
}
