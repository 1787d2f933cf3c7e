#include "db/cluster.h"

#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/say.h"
#include "base/text.h"
#include "db/clusterdir.h"
#include "db/keeper.h"
#include "db/pgbin.h"

/* Recovery after a crash reads the whole write-ahead log again: minutes in the worst case. */
#define START_WAIT_MS INT64_C(600000)

struct cluster {
    char state_dir[CLUSTERDIR_PATH_MAX];
    char program[CLUSTERDIR_PATH_MAX];
    int users_fd;
    int keeper_fd;
    char dsn[CLUSTER_DSN_MAX];
};

/* Asks with a shared lock, which is free exactly when the keeper's exclusive one is not held. */
static bool keeper_runs(int keeper_fd)
{
    if (flock(keeper_fd, LOCK_SH | LOCK_NB) != 0)
        return true;
    (void)flock(keeper_fd, LOCK_UN);
    return false;
}

/* Reads what the keeper says about its start: "0", or an error's number and text. */
static enum err_code hear_keeper(int fd, struct err *why)
{
    char text[ERR_TEXT_MAX + 16];
    size_t len = 0;
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int64_t deadline = clock_mono_ms() + START_WAIT_MS;
    while (len < sizeof text - 1) {
        int64_t left = deadline - clock_mono_ms();
        if (left <= 0 || (poll(&wait, 1, (int)left) < 0 && errno != EINTR))
            return err_set(why, ERR_TIMEOUT, "private database: it did not start in %d minutes; see pg/log",
                           (int)(START_WAIT_MS / 60000));
        if (wait.revents == 0)
            continue;
        ssize_t got = read(fd, text + len, sizeof text - 1 - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        len += (size_t)got;
    }
    text[len] = '\0';
    uint64_t number;
    size_t digits = strspn(text, "0123456789");
    if (!text_uint(span_of(text, digits), &number))
        return err_set(why, ERR_CLUSTER, "private database: its keeper died while it started");
    if (number == 0)
        return ERR_OK;
    return err_set(why, (enum err_code)number, "%s", text + digits + (text[digits] == ' ' ? 1 : 0));
}

/* In the child between fork and exec: only what is safe there in a program with threads. The grandchild is
 * nobody's child, so no user of the library ever has to wait for it. */
static _Noreturn void become_keeper(const char *program, char **argv, int ready_fd)
{
    sigset_t none;
    int null_fd = open("/dev/null", O_RDWR);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (setsid() < 0 || fork() != 0)
        _exit(0);
    for (int fd = 0; fd < 3; fd++)
        (void)dup2(null_fd, fd);
    if (ready_fd == CLUSTERDIR_READY_FD)
        (void)fcntl(ready_fd, F_SETFD, 0);
    else
        (void)dup2(ready_fd, CLUSTERDIR_READY_FD);
    (void)close_range(CLUSTERDIR_READY_FD + 1, ~0u, 0);
    (void)execv(program, argv);
    _exit(127);
}

static enum err_code start_keeper(const char *state_dir, const char *program, struct err *why)
{
    char *argv[] = {(char *)(uintptr_t) "ctvigil", (char *)(uintptr_t)CLUSTER_KEEPER_COMMAND,
                    (char *)(uintptr_t)state_dir, NULL};
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return err_set(why, ERR_SYSTEM, "private database: pipe: %s", strerror(errno));
    pid_t pid = fork();
    if (pid == 0)
        become_keeper(program, argv, ends[1]);
    (void)close(ends[1]);
    enum err_code code;
    if (pid < 0) {
        code = err_set(why, ERR_SYSTEM, "private database: fork: %s", strerror(errno));
    } else {
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            continue;
        code = hear_keeper(ends[0], why);
    }
    (void)close(ends[0]);
    return code;
}

/* The keeper runs; the server may still be starting (its starter died) or ending (it was told to). A whole
 * connection, because a server that answers need not have our database yet. */
static bool answers(const char *state_dir, char *dsn)
{
    struct clusterdir_socket socket;
    if (!clusterdir_read_socket(state_dir, &socket) ||
        !clusterdir_dsn(socket.dir, "ctvigil", dsn, CLUSTER_DSN_MAX))
        return false;
    PGconn *pg = PQconnectdb(dsn);
    bool connected = PQstatus(pg) == CONNECTION_OK;
    PQfinish(pg);
    return connected;
}

static enum err_code bring_up(const struct cluster *cluster, char *dsn, struct err *why)
{
    int64_t deadline = clock_mono_ms() + START_WAIT_MS;
    for (;;) {
        if (!keeper_runs(cluster->keeper_fd)) {
            enum err_code code = start_keeper(cluster->state_dir, cluster->program, why);
            if (code != ERR_OK)
                return code;
        }
        if (answers(cluster->state_dir, dsn))
            return ERR_OK;
        if (clock_mono_ms() >= deadline)
            return err_set(why, ERR_TIMEOUT, "private database: %s/pg does not answer; see its log file",
                           cluster->state_dir);
        clock_sleep_ms(50);
    }
}

/* The connection string of the server, which is started if it does not run, in dsn[CLUSTER_DSN_MAX]. */
static enum err_code use_locked(const struct cluster *cluster, char *dsn, struct err *why)
{
    int start_fd = -1;
    enum err_code code = clusterdir_open_lock(cluster->state_dir, ".start", &start_fd, why);
    /* A keeper that ends the server holds the users' lock: whoever comes now waits and starts it again. */
    if (code == ERR_OK && (!clusterdir_lock(cluster->users_fd, LOCK_SH, START_WAIT_MS) ||
                           !clusterdir_lock(start_fd, LOCK_EX, START_WAIT_MS)))
        code = err_set(why, ERR_TIMEOUT, "private database: another program has been starting it for long");
    if (code == ERR_OK)
        code = bring_up(cluster, dsn, why);
    if (start_fd >= 0)
        (void)close(start_fd);
    return code;
}

enum err_code cluster_use(const char *state_dir, const char *program, struct cluster **out, struct err *why)
{
    struct pgbin bin;
    char home[CLUSTERDIR_PATH_MAX];
    *out = NULL;
    enum err_code code = clusterdir_path(state_dir, "", home, why);
    /* Asked before anything is made, so that a machine without PostgreSQL stays as it is. */
    if (code == ERR_OK)
        code = pgbin_find(clusterdir_major(state_dir), &bin, why);
    if (code != ERR_OK)
        return code;
    struct cluster *cluster = calloc(1, sizeof *cluster);
    if (cluster == NULL)
        return err_set(why, ERR_MEMORY, "private database: no memory");
    cluster->users_fd = -1;
    cluster->keeper_fd = -1;
    (void)snprintf(cluster->state_dir, sizeof cluster->state_dir, "%s", state_dir);
    if (snprintf(cluster->program, sizeof cluster->program, "%s", program) >= (int)sizeof cluster->program)
        code = err_set(why, ERR_CLUSTER, "private database: the path of the program is too long");
    if (code == ERR_OK)
        code = clusterdir_open_lock(state_dir, ".users", &cluster->users_fd, why);
    if (code == ERR_OK)
        code = clusterdir_open_lock(state_dir, ".keeper", &cluster->keeper_fd, why);
    if (code == ERR_OK)
        code = use_locked(cluster, cluster->dsn, why);
    if (code != ERR_OK) {
        cluster_release(cluster);
        return code;
    }
    *out = cluster;
    return ERR_OK;
}

enum err_code cluster_keep(struct cluster *cluster, struct err *why)
{
    char dsn[CLUSTER_DSN_MAX];
    if (keeper_runs(cluster->keeper_fd))
        return ERR_OK;
    say_warn("db", "the private database was ended from outside; starting it again");
    enum err_code code = use_locked(cluster, dsn, why);
    /* Whoever holds a copy of the old one would wait for ever. */
    if (code == ERR_OK && strcmp(dsn, cluster->dsn) != 0)
        code = err_set(
            why, ERR_CLUSTER,
            "private database: it was ended from outside and is found under another socket now: start "
            "this program again");
    return code;
}

const char *cluster_dsn(const struct cluster *cluster)
{
    return cluster->dsn;
}

void cluster_release(struct cluster *cluster)
{
    if (cluster == NULL)
        return;
    if (cluster->users_fd >= 0)
        (void)close(cluster->users_fd);
    if (cluster->keeper_fd >= 0)
        (void)close(cluster->keeper_fd);
    free(cluster);
}

enum err_code cluster_stay(struct cluster *cluster, struct err *why)
{
    int fd;
    enum err_code code = clusterdir_open_lock(cluster->state_dir, ".stay", &fd, why);
    if (code == ERR_OK)
        (void)close(fd);
    return code;
}

enum err_code cluster_stop(const char *state_dir, bool *in_use, struct err *why)
{
    struct cluster_status status;
    int keeper_fd = -1;
    int users_fd = -1;
    int64_t begin = clock_mono_ms();
    *in_use = false;
    clusterdir_remove(state_dir, ".stay");
    enum err_code code = cluster_status(state_dir, &status, why);
    if (code != ERR_OK || !status.running)
        return code;
    code = clusterdir_open_lock(state_dir, ".keeper", &keeper_fd, why);
    if (code == ERR_OK)
        code = clusterdir_open_lock(state_dir, ".users", &users_fd, why);
    while (code == ERR_OK && !*in_use && keeper_runs(keeper_fd)) {
        /* Refused exclusive but granted shared: others share it. Refused both: the keeper is ending the
         * server. */
        bool unused = flock(users_fd, LOCK_EX | LOCK_NB) == 0;
        bool shared = !unused && flock(users_fd, LOCK_SH | LOCK_NB) == 0;
        (void)flock(users_fd, LOCK_UN);
        *in_use = shared && clock_mono_ms() - begin > 1500;
        if (clock_mono_ms() - begin > START_WAIT_MS)
            code = err_set(why, ERR_TIMEOUT, "private database: it does not end; see %s/pg/log", state_dir);
        clock_sleep_ms(100);
    }
    if (keeper_fd >= 0)
        (void)close(keeper_fd);
    if (users_fd >= 0)
        (void)close(users_fd);
    return code;
}

static void read_pids(int keeper_fd, struct cluster_status *status)
{
    char text[64];
    uint64_t pid[2] = {0, 0};
    ssize_t len = pread(keeper_fd, text, sizeof text - 1, 0);
    if (len <= 0)
        return;
    text[len] = '\0';
    size_t first = strspn(text, "0123456789");
    const char *second = text + first + (text[first] == ' ' ? 1 : 0);
    if (text_uint(span_of(text, first), &pid[0]) &&
        text_uint(span_of(second, strspn(second, "0123456789")), &pid[1])) {
        status->keeper = (pid_t)pid[0];
        status->server = (pid_t)pid[1];
    }
}

enum err_code cluster_status(const char *state_dir, struct cluster_status *status, struct err *why)
{
    int keeper_fd;
    *status = (struct cluster_status){0};
    enum err_code code = clusterdir_path(state_dir, "", status->home, why);
    if (code != ERR_OK)
        return code;
    status->made = clusterdir_major(state_dir) != 0;
    status->stays = clusterdir_exists(state_dir, ".stay");
    if (!clusterdir_exists(state_dir, ".keeper"))
        return ERR_OK;
    code = clusterdir_open_lock(state_dir, ".keeper", &keeper_fd, why);
    if (code != ERR_OK)
        return code;
    status->running = keeper_runs(keeper_fd);
    if (status->running)
        read_pids(keeper_fd, status);
    (void)close(keeper_fd);
    struct clusterdir_socket socket;
    if (status->running && clusterdir_read_socket(state_dir, &socket) &&
        !clusterdir_dsn(socket.dir, "ctvigil", status->dsn, sizeof status->dsn))
        status->dsn[0] = '\0';
    return ERR_OK;
}

int cluster_keeper_main(const char *state_dir)
{
    return keeper_main(state_dir);
}
