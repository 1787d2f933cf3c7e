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

/* Recovery after a crash reads the whole write-ahead log again: minutes, on a slow disk many. Who gives up
 * ends it, and the next one begins anew. */
#define START_WAIT_MS INT64_C(3600000)
#define SILENT_MS     2000  /* nobody looks at a silent program for longer without wondering */
#define AGAIN_MS      60000 /* then what it waits for is said again */
#define RETRY_MS      5000  /* between two starts of a keeper that ended at once */
#define RETRY_MAX_MS  30000

struct cluster {
    char state_dir[CLUSTERDIR_PATH_MAX];
    char program[CLUSTERDIR_PATH_MAX];
    int users_fd;
    int keeper_fd;
    int64_t retry_at; /* cluster_keep: the next try, and why the last one failed */
    int64_t retry_ms;
    struct err failed;
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

/* Somebody who waits: says for what when it takes long. */
struct patience {
    int64_t begin;
    int64_t said_at; /* 0: not yet */
};

static struct patience patience_from_now(void)
{
    return (struct patience){.begin = clock_mono_ms()};
}

static bool used_up(const struct patience *patience)
{
    return clock_mono_ms() - patience->begin >= START_WAIT_MS;
}

static void say_waiting(struct patience *patience, enum say_level level, const char *what)
{
    int64_t now = clock_mono_ms();
    if (now - patience->begin < SILENT_MS || (patience->said_at != 0 && now - patience->said_at < AGAIN_MS))
        return;
    patience->said_at = now;
    say(level, "db", "waiting for the private database: %s", what);
}

/* What a keeper that is at work does, in words. */
static void say_keeper(struct patience *patience, const char *state_dir, const struct clusterdir_note *note)
{
    enum say_level level = SAY_WARN;
    const char *what =
        "it is starting; after a crash it reads again what it wrote last, which can take minutes";
    if (clusterdir_major(state_dir) == 0) {
        level = SAY_INFO;
        what = "it is made now, once and for all";
    } else if (note->state == CLUSTERDIR_RUNNING) {
        what = "it runs but does not answer";
    } else if (note->why[0] != '\0') {
        what = note->why;
    }
    say_waiting(patience, level, what);
}

/* Reads what the keeper says about its start: "0", or an error's number and text. */
static enum err_code hear_keeper(const struct cluster *cluster, int fd, struct err *why)
{
    char text[ERR_TEXT_MAX + 16];
    size_t len = 0;
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    struct patience patience = patience_from_now();
    while (len < sizeof text - 1) {
        struct clusterdir_note note;
        if (used_up(&patience) || (poll(&wait, 1, 500) < 0 && errno != EINTR))
            return err_set(why, ERR_TIMEOUT,
                           "private database: it did not start in %d minutes; see %s/pg/log",
                           (int)(START_WAIT_MS / 60000), cluster->state_dir);
        if (wait.revents == 0) {
            clusterdir_read_note(cluster->keeper_fd, &note);
            say_keeper(&patience, cluster->state_dir, &note);
            continue;
        }
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

static enum err_code start_keeper(const struct cluster *cluster, struct err *why)
{
    char *argv[] = {(char *)(uintptr_t) "ctvigil", (char *)(uintptr_t)CLUSTER_KEEPER_COMMAND,
                    (char *)(uintptr_t)cluster->state_dir, NULL};
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return err_set(why, ERR_SYSTEM, "private database: pipe: %s", strerror(errno));
    pid_t pid = fork();
    if (pid == 0)
        become_keeper(cluster->program, argv, ends[1]);
    (void)close(ends[1]);
    enum err_code code;
    if (pid < 0) {
        code = err_set(why, ERR_SYSTEM, "private database: fork: %s", strerror(errno));
    } else {
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            continue;
        code = hear_keeper(cluster, ends[0], why);
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

/* True when the keeper has failed to start the server since we came: it tries again as soon as it sees that
 * somebody waits, so its word is never older than that. */
static bool gave_up(const struct clusterdir_note *note, const struct clusterdir_note *first)
{
    bool later = note->keeper != first->keeper || note->attempt != first->attempt ||
                 first->state == CLUSTERDIR_STARTING;
    return note->state == CLUSTERDIR_FAILED && later;
}

static enum err_code bring_up(const struct cluster *cluster, char *dsn, struct err *why)
{
    struct patience patience = patience_from_now();
    struct clusterdir_note first = {0};
    for (bool known = false;; clock_sleep_ms(50)) {
        struct clusterdir_note note;
        if (!keeper_runs(cluster->keeper_fd)) {
            enum err_code code = start_keeper(cluster, why);
            if (code != ERR_OK)
                return code;
        }
        clusterdir_read_note(cluster->keeper_fd, &note);
        if (!known)
            first = note;
        known = true;
        bool open = note.state == CLUSTERDIR_RUNNING || note.state == CLUSTERDIR_UNKNOWN;
        if (open && answers(cluster->state_dir, dsn))
            return ERR_OK;
        if (gave_up(&note, &first))
            return err_set(why, ERR_CLUSTER, "%s", note.why);
        if (used_up(&patience))
            return err_set(why, ERR_TIMEOUT, "private database: %s/pg does not answer; see its log file",
                           cluster->state_dir);
        say_keeper(&patience, cluster->state_dir, &note);
    }
}

/* Takes flock `operation`; says what it waits for. */
static bool wait_lock(int fd, int operation, struct patience *patience, const char *what)
{
    while (!clusterdir_lock(fd, operation, 500)) {
        if (used_up(patience))
            return false;
        say_waiting(patience, SAY_WARN, what);
    }
    return true;
}

/* The connection string of the server, which is started if it does not run, in dsn[CLUSTER_DSN_MAX]. */
static enum err_code use_locked(const struct cluster *cluster, char *dsn, struct err *why)
{
    int start_fd = -1;
    struct patience patience = patience_from_now();
    enum err_code code = clusterdir_open_lock(cluster->state_dir, ".start", &start_fd, why);
    /* A keeper that ends the server holds the users' lock: whoever comes now waits and starts it again. */
    if (code == ERR_OK &&
        (!wait_lock(cluster->users_fd, LOCK_SH, &patience, "it is ending, and is started again then") ||
         !wait_lock(start_fd, LOCK_EX, &patience, "another program is starting it")))
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

/* Starts keeper and server again; seldom, when that keeps failing. */
static enum err_code revive(struct cluster *cluster, struct err *why)
{
    char dsn[CLUSTER_DSN_MAX];
    int64_t now = clock_mono_ms();
    if (now < cluster->retry_at)
        return err_set(why, cluster->failed.code, "%s", cluster->failed.text);
    if (cluster->retry_ms == 0)
        say_warn("db", "the private database was ended from outside; starting it again");
    err_clear(&cluster->failed);
    if (use_locked(cluster, dsn, &cluster->failed) != ERR_OK) {
        cluster->retry_ms += cluster->retry_ms < RETRY_MAX_MS ? RETRY_MS : 0;
        cluster->retry_at = clock_mono_ms() + cluster->retry_ms;
        return err_set(why, cluster->failed.code, "%s", cluster->failed.text);
    }
    /* Whoever holds a copy of the old one would wait for ever. */
    if (strcmp(dsn, cluster->dsn) != 0)
        return err_set(why, ERR_CLOSED,
                       "private database: it was ended from outside and is found under another socket now: "
                       "start this program again");
    return ERR_OK;
}

enum err_code cluster_keep(struct cluster *cluster, struct err *why)
{
    struct clusterdir_note note;
    if (!keeper_runs(cluster->keeper_fd))
        return revive(cluster, why);
    clusterdir_read_note(cluster->keeper_fd, &note);
    if (note.state == CLUSTERDIR_RUNNING)
        cluster->retry_at = cluster->retry_ms = 0;
    if (note.state == CLUSTERDIR_FAILED)
        return err_set(why, ERR_CLUSTER, "%s", note.why);
    if (note.state == CLUSTERDIR_STARTING && note.why[0] != '\0')
        return err_set(why, ERR_DB_DOWN, "%s", note.why);
    return ERR_OK;
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
    struct clusterdir_note note;
    clusterdir_read_note(keeper_fd, &note);
    if (status->running || note.state == CLUSTERDIR_FAILED)
        (void)snprintf(status->why, sizeof status->why, "%s", note.why);
    if (status->running) {
        status->keeper = note.keeper;
        status->server = note.server;
        status->starting = note.state == CLUSTERDIR_STARTING;
    }
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
