#include "db/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "db/clusterdir.h"
#include "db/initdb.h"
#include "db/pgbin.h"
#include "db/pgexec.h"
#include "db/pguser.h"
#include "db/serverlog.h"
#include "db/stray.h"

#define POLL_MS        300
#define SOCKET_NAME    "/.s.PGSQL.5432"
#define SOCKET_MAX     107 /* sun_path of Linux without its NUL */
#define LOG_BYTES_MAX  (8 << 20)
#define RETRY_MS       5000 /* after a server that ended at once; then longer */
#define RETRY_MAX_MS   30000
#define RETRY_ASKED_MS 1000 /* while somebody waits for it */

struct keeper {
    const char *state_dir;
    char home[CLUSTERDIR_PATH_MAX];   /* STATE/pg as we see it */
    char inside[CLUSTERDIR_PATH_MAX]; /* the same as the server's user can reach it */
    char server_socket[CLUSTERDIR_PATH_MAX];
    struct clusterdir_socket socket;
    char old_run[CLUSTERDIR_PATH_MAX]; /* folder in /tmp of a keeper that was killed; "": none */
    bool mounted;
    struct pguser user;
    struct pgbin bin;
    int users_fd;
    int lock_fd;
    int start_fd; /* held by others while they wait for the server */
    struct clusterdir_note note;
    int64_t log_begin; /* where the server's own words begin in its log */
    int64_t started_at;
    int64_t asked_at; /* whether it is ready */
    int64_t failed_at;
    int64_t retry_at;
    int64_t retry_ms;
    bool home_made; /* by this start: taken away again when it fails */
};

/* --- the folders */

static int try_reach(void *arg)
{
    const char *home = arg;
    if (access(home, R_OK | W_OK | X_OK) == 0)
        return 0;
    dprintf(STDERR_FILENO, "%s: %s\n", home, strerror(errno));
    return 1;
}

static enum err_code make_home(struct keeper *keeper, struct err *why)
{
    struct stat info;
    if (mkdir(keeper->home, 0700) == 0)
        keeper->home_made = true;
    else if (errno != EEXIST)
        return err_set(why, ERR_CLUSTER, "%s: %s: choose another state directory with --state-dir",
                       keeper->home, strerror(errno));
    if (lstat(keeper->home, &info) != 0 || !S_ISDIR(info.st_mode))
        return err_set(why, ERR_CLUSTER, "%s: not a folder: move it away", keeper->home);
    if (info.st_uid == keeper->user.uid)
        return ERR_OK;
    if (!keeper->home_made && clusterdir_major(keeper->state_dir) != 0)
        return err_set(why, ERR_CLUSTER,
                       "%s belongs to root, as which PostgreSQL does not run: chown -R %s %s", keeper->home,
                       keeper->user.name, keeper->home);
    if (lchown(keeper->home, keeper->user.uid, keeper->user.gid) != 0)
        return err_set(why, ERR_CLUSTER, "%s: chown %s: %s", keeper->home, keeper->user.name,
                       strerror(errno));
    return ERR_OK;
}

static enum err_code await_strays(const struct keeper *keeper, struct err *why)
{
    char data[CLUSTERDIR_PATH_MAX];
    enum err_code code = clusterdir_path(keeper->state_dir, "/data", data, why);
    return code == ERR_OK ? stray_wait(data, why) : code;
}

/* A killed server leaves its socket and the lock beside it, and that lock holds for ever when the process id
 * it names has a new owner, or nobody collects the dead process. */
static void drop_socket(const char *dir)
{
    static const char *const names[] = {SOCKET_NAME, SOCKET_NAME ".lock"};
    char path[CLUSTERDIR_PATH_MAX];
    for (size_t i = 0; i < countof(names); i++)
        if (snprintf(path, sizeof path, "%s%s", dir, names[i]) < (int)sizeof path)
            (void)unlink(path);
}

static bool is_run_folder(const char *run)
{
    return strncmp(run, "/tmp/ctvigil-", 13) == 0 && strchr(run + 13, '/') == NULL &&
           strstr(run, "..") == NULL;
}

/* Whatever an earlier keeper that was killed left in /tmp. */
static void drop_run_folder(const char *run)
{
    char path[CLUSTERDIR_PATH_MAX];
    if (!is_run_folder(run))
        return;
    if (snprintf(path, sizeof path, "%s/s", run) < (int)sizeof path) {
        drop_socket(path);
        (void)rmdir(path);
    }
    if (snprintf(path, sizeof path, "%s/pg", run) < (int)sizeof path)
        (void)rmdir(path);
    (void)rmdir(run);
}

/* The name of before when there was one, because the users of a killed server know it. */
static enum err_code make_run_folder(struct keeper *keeper, struct err *why)
{
    char path[CLUSTERDIR_PATH_MAX];
    if (keeper->socket.run[0] != '\0')
        return ERR_OK;
    (void)snprintf(path, sizeof path, "%s", keeper->old_run);
    if (path[0] == '\0' || mkdir(path, 0700) != 0) {
        (void)snprintf(path, sizeof path, "/tmp/ctvigil-XXXXXX");
        if (mkdtemp(path) == NULL)
            return err_set(why, ERR_CLUSTER, "private database: a folder in /tmp: %s", strerror(errno));
    }
    if (chmod(path, 0711) != 0)
        return err_set(why, ERR_CLUSTER, "private database: a folder in /tmp: %s", strerror(errno));
    (void)snprintf(keeper->socket.run, sizeof keeper->socket.run, "%s", path);
    return ERR_OK;
}

/* A folder above the state directory is closed to the server's user, as a root-only temporary folder is. A
 * mount that only this process and its children see puts the home where that user can reach it. */
static enum err_code mount_home(struct keeper *keeper, const struct err *refused, struct err *why)
{
    enum err_code code = make_run_folder(keeper, why);
    if (code != ERR_OK)
        return code;
    if (snprintf(keeper->inside, sizeof keeper->inside, "%s/pg", keeper->socket.run) >=
        (int)sizeof keeper->inside)
        return err_set(why, ERR_CLUSTER, "private database: the path is too long");
    if (mkdir(keeper->inside, 0711) == 0 && unshare(CLONE_NEWNS) == 0 &&
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
        mount(keeper->home, keeper->inside, NULL, MS_BIND, NULL) == 0) {
        keeper->mounted = true;
        return ERR_OK;
    }
    return err_set(why, ERR_CLUSTER,
                   "%s, as seen by user %s, and a private mount is not permitted (%s): chmod o+x the folders "
                   "above it or choose another --state-dir",
                   refused->text, keeper->user.name, strerror(errno));
}

static enum err_code reach_home(struct keeper *keeper, struct err *why)
{
    struct err refused = {0};
    (void)snprintf(keeper->inside, sizeof keeper->inside, "%s", keeper->home);
    if (pguser_run(&keeper->user, try_reach, keeper->inside, &refused) == ERR_OK)
        return ERR_OK;
    if (geteuid() != 0)
        return err_set(why, ERR_CLUSTER, "%s", refused.text);
    enum err_code code = mount_home(keeper, &refused, why);
    if (code == ERR_OK)
        code = pguser_run(&keeper->user, try_reach, keeper->inside, why);
    return code;
}

static int make_socket_folder(void *arg)
{
    const struct keeper *keeper = arg;
    if (mkdir(keeper->server_socket, 0700) == 0 || errno == EEXIST)
        return 0;
    dprintf(STDERR_FILENO, "%s: %s\n", keeper->server_socket, strerror(errno));
    return 1;
}

/* The socket lies in the home; where its path is too long for the kernel, or holds the comma that separates
 * socket folders, in a short folder of its own. */
static enum err_code place_socket(struct keeper *keeper, struct err *why)
{
    int ours = snprintf(keeper->socket.dir, sizeof keeper->socket.dir, "%s/sock", keeper->home);
    int inside = snprintf(keeper->server_socket, sizeof keeper->server_socket, "%s/sock", keeper->inside);
    bool fits = (size_t)ours + strlen(SOCKET_NAME) <= SOCKET_MAX &&
                (size_t)inside + strlen(SOCKET_NAME) <= SOCKET_MAX && strpbrk(keeper->home, ",\"") == NULL;
    if (fits)
        return pguser_run(&keeper->user, make_socket_folder, keeper, why);
    enum err_code code = make_run_folder(keeper, why);
    if (code != ERR_OK)
        return code;
    if (snprintf(keeper->socket.dir, sizeof keeper->socket.dir, "%.64s/s", keeper->socket.run) < 0)
        return err_set(why, ERR_CLUSTER, "private database: the path is too long");
    memcpy(keeper->server_socket, keeper->socket.dir, sizeof keeper->server_socket);
    if ((mkdir(keeper->socket.dir, 0700) != 0 && errno != EEXIST) ||
        lchown(keeper->socket.dir, keeper->user.uid, keeper->user.gid) != 0)
        return err_set(why, ERR_CLUSTER, "%s: %s", keeper->socket.dir, strerror(errno));
    return ERR_OK;
}

/* --- the server */

static _Noreturn void become_server(const struct keeper *keeper, pid_t parent)
{
    char program[CLUSTERDIR_PATH_MAX + 16];
    char data[CLUSTERDIR_PATH_MAX + 16];
    char log[CLUSTERDIR_PATH_MAX + 16];
    char *argv[] = {program,
                    (char *)(uintptr_t) "-D",
                    data,
                    (char *)(uintptr_t) "-k",
                    (char *)(uintptr_t)keeper->server_socket,
                    NULL};
    char *env[] = {(char *)(uintptr_t) "PATH=/usr/bin:/bin", (char *)(uintptr_t) "LC_ALL=C",
                   (char *)(uintptr_t) "TZ=UTC", NULL};
    sigset_t none;
    (void)sigemptyset(&none);
    (void)snprintf(program, sizeof program, "%s/postgres", keeper->bin.dir);
    (void)snprintf(data, sizeof data, "%s/data", keeper->inside);
    (void)snprintf(log, sizeof log, "%s/log", keeper->inside);
    if (!pguser_become(&keeper->user))
        _exit(126);
    /* After the change of user, which would clear it. It is what ends the server when the keeper is killed.
     */
    if (prctl(PR_SET_PDEATHSIG, SIGINT) != 0 || getppid() != parent)
        _exit(126);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
    if (fd >= 0) {
        (void)dup2(fd, STDOUT_FILENO);
        (void)dup2(fd, STDERR_FILENO);
    }
    (void)signal(SIGPIPE, SIG_DFL);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)close_range(3, ~0u, 0);
    (void)execve(program, argv, env);
    _exit(127);
}

static enum err_code make_database(const char *dsn, struct err *why)
{
    enum err_code code = ERR_OK;
    PGconn *pg = PQconnectdb(dsn);
    PGresult *res = PQexec(pg, "SELECT FROM pg_database WHERE datname = 'ctvigil'");
    if (PQresultStatus(res) == PGRES_TUPLES_OK && PQntuples(res) == 0) {
        PQclear(res);
        res = PQexec(pg, "CREATE DATABASE ctvigil");
    }
    if (PQresultStatus(res) != PGRES_TUPLES_OK && PQresultStatus(res) != PGRES_COMMAND_OK)
        code = err_set(why, ERR_CLUSTER, "private database: %.*s", (int)strcspn(PQerrorMessage(pg), "\n"),
                       PQerrorMessage(pg));
    PQclear(res);
    PQfinish(pg);
    return code;
}

static void note(struct keeper *keeper, enum clusterdir_state state)
{
    keeper->note.keeper = getpid();
    keeper->note.state = state;
    clusterdir_write_note(keeper->lock_fd, &keeper->note);
}

static void log_path(const struct keeper *keeper, char out[CLUSTERDIR_PATH_MAX + 16])
{
    (void)snprintf(out, CLUSTERDIR_PATH_MAX + 16, "%s/log", keeper->home);
}

static enum err_code launch_server(struct keeper *keeper, struct err *why)
{
    char log[CLUSTERDIR_PATH_MAX + 16];
    enum err_code code = await_strays(keeper, why);
    drop_socket(keeper->socket.dir);
    if (code == ERR_OK)
        code = initdb_configure(keeper->inside, &keeper->bin, &keeper->user, why);
    if (code != ERR_OK)
        return code;
    log_path(keeper, log);
    keeper->log_begin = serverlog_size(log);
    pid_t parent = getpid();
    pid_t server = fork();
    if (server == 0)
        become_server(keeper, parent);
    if (server < 0)
        return err_set(why, ERR_SYSTEM, "private database: fork: %s", strerror(errno));
    keeper->note.server = server;
    keeper->started_at = clock_mono_ms();
    keeper->asked_at = 0;
    return ERR_OK;
}

/* True once, when the server has ended; *why is then what it said about that. */
static bool server_ended(struct keeper *keeper, struct err *why)
{
    char log[CLUSTERDIR_PATH_MAX + 16];
    char said[ERR_TEXT_MAX / 2] = "";
    int status = 0;
    if (keeper->note.server == 0 || waitpid(keeper->note.server, &status, WNOHANG) != keeper->note.server)
        return false;
    keeper->note.server = 0;
    log_path(keeper, log);
    if (WIFSIGNALED(status))
        (void)snprintf(said, sizeof said, "killed by signal %d", WTERMSIG(status));
    else
        serverlog_why(log, keeper->log_begin, said, sizeof said);
    err_set(why, ERR_CLUSTER, "private database: the server %s: %s%s(see %.200s)",
            keeper->note.state == CLUSTERDIR_RUNNING ? "ended" : "does not start", said,
            said[0] != '\0' ? " " : "", log);
    return true;
}

/* Looks whether the server that was launched has become ready; a server that recovers from a crash takes as
 * long as it takes. Seldom after a while, because it writes a line about every question. */
static enum err_code await_server(struct keeper *keeper, struct err *why)
{
    char dsn[2 * CLUSTERDIR_PATH_MAX];
    int64_t now = clock_mono_ms();
    if (server_ended(keeper, why))
        return why->code;
    if (now - keeper->asked_at < (now - keeper->started_at < 3000 ? 20 : 500))
        return ERR_OK;
    keeper->asked_at = now;
    if (!clusterdir_dsn(keeper->socket.dir, "postgres", dsn, sizeof dsn))
        return err_set(why, ERR_CLUSTER, "private database: the path of the socket is too long");
    if (PQping(dsn) != PQPING_OK)
        return ERR_OK;
    enum err_code code = make_database(dsn, why);
    if (code == ERR_OK) {
        keeper->note.why[0] = '\0';
        note(keeper, CLUSTERDIR_RUNNING);
    }
    return code;
}

static bool wait_end(struct keeper *keeper, int64_t wait_ms)
{
    int64_t deadline = clock_mono_ms() + wait_ms;
    while (waitpid(keeper->note.server, NULL, WNOHANG) == 0) {
        if (clock_mono_ms() > deadline)
            return false;
        clock_sleep_ms(10);
    }
    keeper->note.server = 0;
    return true;
}

static void stop_server(struct keeper *keeper)
{
    if (keeper->note.server == 0)
        return;
    (void)kill(keeper->note.server, SIGINT);
    if (wait_end(keeper, 180000)) /* it writes its buffers; cut off it reads its log again */
        return;
    (void)kill(keeper->note.server, SIGQUIT);
    if (wait_end(keeper, 10000))
        return;
    (void)kill(keeper->note.server, SIGKILL);
    (void)wait_end(keeper, 10000);
}

/* --- the keeper's life */

static enum err_code prepare(struct keeper *keeper, struct err *why)
{
    struct clusterdir_socket old;
    enum err_code code = clusterdir_path(keeper->state_dir, "", keeper->home, why);
    if (code == ERR_OK)
        code = clusterdir_open_lock(keeper->state_dir, ".keeper", &keeper->lock_fd, why);
    if (code == ERR_OK)
        code = clusterdir_open_lock(keeper->state_dir, ".users", &keeper->users_fd, why);
    if (code == ERR_OK && !clusterdir_lock(keeper->lock_fd, LOCK_EX, 2000))
        code = err_set(why, ERR_CLUSTER, "private database: another keeper is there already");
    if (code == ERR_OK)
        note(keeper, CLUSTERDIR_STARTING);
    if (code == ERR_OK)
        code = clusterdir_open_lock(keeper->state_dir, ".start", &keeper->start_fd, why);
    if (code == ERR_OK)
        code = pgbin_find(clusterdir_major(keeper->state_dir), &keeper->bin, why);
    if (code == ERR_OK)
        code = pguser_choose(keeper->state_dir, keeper->home, &keeper->user, why);
    if (code != ERR_OK)
        return code;
    /* First the processes, then what they stand on: taking a mount point away detaches what is mounted there,
     * also in the mount namespace of a server that is still writing its last checkpoint. */
    code = await_strays(keeper, why);
    if (code != ERR_OK)
        return code;
    if (clusterdir_read_socket(keeper->state_dir, &old) && is_run_folder(old.run)) {
        drop_run_folder(old.run);
        memcpy(keeper->old_run, old.run, sizeof keeper->old_run);
    }
    clusterdir_remove(keeper->state_dir, ".socket");
    return make_home(keeper, why);
}

static void clean_up(struct keeper *keeper, bool failed)
{
    char path[CLUSTERDIR_PATH_MAX];
    stop_server(keeper);
    if (keeper->home[0] == '\0')
        return;
    if (failed && keeper->home_made && clusterdir_major(keeper->state_dir) == 0) {
        if (snprintf(path, sizeof path, "%s/sock", keeper->home) < (int)sizeof path)
            (void)rmdir(path);
        if (keeper->mounted)
            (void)umount2(keeper->inside, MNT_DETACH);
        (void)rmdir(keeper->home);
    } else if (keeper->mounted) {
        (void)umount2(keeper->inside, MNT_DETACH);
    }
    if (keeper->lock_fd >= 0 && (keeper->socket.dir[0] != '\0' || keeper->socket.run[0] != '\0'))
        clusterdir_remove(keeper->state_dir, ".socket");
    if (keeper->socket.run[0] != '\0')
        drop_run_folder(keeper->socket.run);
}

/* The log is the server's own; a keeper of years must not let it fill the disk. */
static void bound_log(const struct keeper *keeper)
{
    char path[CLUSTERDIR_PATH_MAX + 16];
    struct stat info;
    log_path(keeper, path);
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_nlink == 1 &&
        info.st_size > LOG_BYTES_MAX && ftruncate(fd, 0) != 0)
        (void)unlink(path);
    (void)close(fd);
}

/* True when nobody holds the users' lock any more; it is ours then and stays so until we are gone, which
 * makes newcomers wait for the end before they start again. */
static bool unused(const struct keeper *keeper)
{
    if (clusterdir_exists(keeper->state_dir, ".stay"))
        return false;
    if (flock(keeper->users_fd, LOCK_EX | LOCK_NB) != 0)
        return false;
    if (!clusterdir_exists(keeper->state_dir, ".stay"))
        return true;
    (void)flock(keeper->users_fd, LOCK_UN);
    return false;
}

/* True when the keeper shall end: it was told to, or nobody uses the server any more. */
static bool wanted_no_more(const struct keeper *keeper, const sigset_t *signals, int64_t wait_ms)
{
    const struct timespec wait = {.tv_nsec = wait_ms * 1000000L};
    int signal_number = sigtimedwait(signals, NULL, &wait);
    return signal_number == SIGTERM || signal_number == SIGINT || unused(keeper);
}

static enum err_code start(struct keeper *keeper, const sigset_t *signals, struct err *why)
{
    enum err_code code = prepare(keeper, why);
    if (code == ERR_OK)
        code = reach_home(keeper, why);
    if (code == ERR_OK)
        code = place_socket(keeper, why);
    if (code == ERR_OK && clusterdir_major(keeper->state_dir) == 0)
        code = initdb_make(keeper->inside, &keeper->bin, &keeper->user, why);
    if (code == ERR_OK)
        code = clusterdir_write_socket(keeper->state_dir, &keeper->socket, why);
    if (code == ERR_OK)
        code = launch_server(keeper, why);
    note(keeper, CLUSTERDIR_STARTING);
    while (code == ERR_OK && (code = await_server(keeper, why)) == ERR_OK &&
           keeper->note.state != CLUSTERDIR_RUNNING)
        if (wanted_no_more(keeper, signals, 20))
            code = err_set(why, ERR_CLUSTER, "private database: it was told to end while it started");
    return code;
}

/* Somebody waits for the server: holds the lock of those who start it. */
static bool asked_for(const struct keeper *keeper)
{
    if (flock(keeper->start_fd, LOCK_SH | LOCK_NB) != 0)
        return true;
    (void)flock(keeper->start_fd, LOCK_UN);
    return false;
}

/* Tried again at once when it is the first time for long. Whoever waits is told only of starts that failed: a
 * server that was killed is about to come back. */
static void server_failed(struct keeper *keeper, const struct err *why)
{
    int64_t now = clock_mono_ms();
    bool again = keeper->failed_at != 0 && now - keeper->failed_at < 3 * RETRY_MAX_MS;
    stop_server(keeper);
    keeper->failed_at = now;
    keeper->retry_ms = again ? keeper->retry_ms + RETRY_MS : 0;
    if (keeper->retry_ms > RETRY_MAX_MS)
        keeper->retry_ms = RETRY_MAX_MS;
    keeper->retry_at = now + keeper->retry_ms;
    (void)snprintf(keeper->note.why, sizeof keeper->note.why, "%s", why->text);
    note(keeper, keeper->note.state == CLUSTERDIR_RUNNING ? CLUSTERDIR_STARTING : CLUSTERDIR_FAILED);
}

static bool retry_due(const struct keeper *keeper)
{
    int64_t now = clock_mono_ms();
    return now >= keeper->retry_at || (now - keeper->failed_at >= RETRY_ASKED_MS && asked_for(keeper));
}

static enum err_code restart(struct keeper *keeper, struct err *why)
{
    keeper->note.attempt++;
    note(keeper, CLUSTERDIR_STARTING);
    enum err_code code = launch_server(keeper, why);
    if (code == ERR_OK)
        note(keeper, CLUSTERDIR_STARTING);
    return code;
}

/* One look at the server. When somebody killed it, or it killed itself, it is started again; its users find
 * it by connecting again. */
static void look_after(struct keeper *keeper)
{
    struct err why = {0};
    enum err_code code = ERR_OK;
    if (keeper->note.server == 0 && retry_due(keeper))
        code = restart(keeper, &why);
    else if (keeper->note.server != 0 && keeper->note.state == CLUSTERDIR_STARTING)
        code = await_server(keeper, &why);
    else if (keeper->note.state == CLUSTERDIR_RUNNING && server_ended(keeper, &why))
        code = why.code;
    if (code != ERR_OK)
        server_failed(keeper, &why);
}

static void keep(struct keeper *keeper, const sigset_t *signals)
{
    while (!wanted_no_more(keeper, signals, keeper->note.state == CLUSTERDIR_STARTING ? 20 : POLL_MS)) {
        bound_log(keeper);
        look_after(keeper);
    }
}

/* Gone before it says so: who hears it must not meet this keeper any more. */
static void give_up(struct keeper *keeper, const struct err *why)
{
    clean_up(keeper, true);
    if (keeper->note.keeper == 0)
        return; /* the lock is another one's */
    (void)snprintf(keeper->note.why, sizeof keeper->note.why, "%s", why->text);
    note(keeper, CLUSTERDIR_FAILED);
    (void)close(keeper->lock_fd);
}

static void report(enum err_code code, const struct err *why)
{
    dprintf(CLUSTERDIR_READY_FD, "%d %s", (int)code, code == ERR_OK ? "" : why->text);
    (void)close(CLUSTERDIR_READY_FD);
}

int keeper_main(const char *state_dir)
{
    static struct keeper keeper = {.users_fd = -1, .lock_fd = -1, .start_fd = -1};
    struct err why = {0};
    struct stat info;
    sigset_t signals;
    keeper.state_dir = state_dir;
    if (fstat(CLUSTERDIR_READY_FD, &info) != 0 || !S_ISFIFO(info.st_mode)) {
        fprintf(stderr, "ctvigil: the keeper is started by the program itself, not by hand\n");
        return 2;
    }
    (void)fcntl(CLUSTERDIR_READY_FD, F_SETFD, FD_CLOEXEC);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGHUP);
    (void)sigaddset(&signals, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &signals, NULL);
    (void)umask(077);
    if (chdir("/") != 0)
        return 1;
    enum err_code code = start(&keeper, &signals, &why);
    if (code != ERR_OK)
        give_up(&keeper, &why);
    report(code, &why);
    if (code != ERR_OK)
        return 1;
    keep(&keeper, &signals);
    clean_up(&keeper, false);
    return 0;
}
