#include "db/initdb.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "db/clustersize.h"

struct job {
    const char *home;
    const struct pgbin *bin;
    const struct pguser *user;
};

static const char settings[] =
    "# Written by ctvigil at every start. Put settings of your own into local.conf beside this file.\n"
    "listen_addresses = ''\n"
    "unix_socket_permissions = 0700\n"
    "max_connections = 40\n"
    "maintenance_work_mem = 64MB\n"
    "work_mem = 8MB\n"
    "jit = off\n"
    "fsync = on\n"
    "synchronous_commit = on\n"
    "full_page_writes = on\n"
    /* Its keeper starts it again, with pauses; by itself it would try for ever, and without one. */
    "restart_after_crash = off\n"
    "recovery_init_sync_method = syncfs\n"
    "wal_level = minimal\n"
    "max_wal_senders = 0\n"
    "min_wal_size = 80MB\n"
    "checkpoint_timeout = 15min\n"
    "random_page_cost = 1.1\n"
    "timezone = 'UTC'\n"
    "log_timezone = 'UTC'\n"
    "log_line_prefix = '%m [%p] '\n"
    "cluster_name = 'ctvigil'\n";

/* It may change any of them. One that is there and can not be read (made by root, with mode 600) must not be
 * passed over. */
#define LAST_SETTING       "include = 'local.conf'\n"
#define LAST_SETTING_LATER "include_if_exists = 'local.conf'\n"

/* Child processes die of their own words: this one goes to the catcher in pguser_run. */
static int complain(const char *path)
{
    dprintf(STDERR_FILENO, "error: %s: %s\n", path, strerror(errno));
    return 1;
}

static int write_file(const char *home, const char *name, const char *text)
{
    char path[4300];
    char fresh[4310];
    if (snprintf(path, sizeof path, "%s/data/%s", home, name) >= (int)sizeof path)
        return 1;
    (void)snprintf(fresh, sizeof fresh, "%s.new", path);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return complain(fresh);
    size_t len = strlen(text);
    bool written = write(fd, text, len) == (ssize_t)len;
    written = close(fd) == 0 && written;
    if (!written || rename(fresh, path) != 0)
        return complain(path);
    return 0;
}

/* Whoever gets through to the socket is the server's user or root: its folder and itself are closed to all
 * others. */
static const char readers_too[] = "local all ctvigil peer map=ctvigil\n"
                                  "local replication ctvigil peer map=ctvigil\n"
                                  "local all +ctvigil_reader trust\n";

/* Waits for a child; 1 when it was killed or can not be waited for. */
static int ended(pid_t pid)
{
    int status = 0;
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return complain("fork");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* lz4 costs a fifth of the processor time of the server's own compression, which every server has; whether
 * this one was built with lz4, it says itself, by the configuration that was just written. What it complains
 * about otherwise (local.conf, for one), it says again when it is started. */
static bool has_lz4(const struct job *job)
{
    char program[4200];
    char data[4200];
    (void)snprintf(program, sizeof program, "%s/postgres", job->bin->dir);
    (void)snprintf(data, sizeof data, "%s/data", job->home);
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (null >= 0 && dup2(null, STDOUT_FILENO) >= 0 && dup2(null, STDERR_FILENO) >= 0)
            (void)execl(program, program, "-D", data, "-c", "wal_compression=lz4", "-C", "wal_compression",
                        (char *)NULL);
        _exit(1);
    }
    return ended(pid) == 0;
}

static struct clustersize size_here(const char *home)
{
    struct statvfs disk;
    uint64_t bytes = statvfs(home, &disk) == 0 ? (uint64_t)disk.f_blocks * disk.f_frsize : 0;
    return clustersize_of(memory_bytes(), bytes);
}

static const char *last_setting(const char *home)
{
    char path[4300];
    (void)snprintf(path, sizeof path, "%s/data/local.conf", home);
    return access(path, F_OK) == 0 ? LAST_SETTING : LAST_SETTING_LATER;
}

static int write_settings(const struct job *job, const char *compression)
{
    const struct clustersize size = size_here(job->home);
    char all[sizeof settings + 256];
    (void)snprintf(all, sizeof all, "%sshared_buffers = %uMB\nmax_wal_size = %uMB\nwal_compression = %s\n%s",
                   settings, size.buffers_mb, size.wal_mb, compression, last_setting(job->home));
    return write_file(job->home, "postgresql.conf", all);
}

static int configure(void *arg)
{
    const struct job *job = arg;
    char ident[2 * PGUSER_NAME_MAX + 128];
    /* Names are quoted: a user may be called "all" or have a space. */
    (void)snprintf(ident, sizeof ident, "ctvigil \"root\" ctvigil\nctvigil \"%s\" ctvigil\n",
                   job->user->name);
    return write_settings(job, "on") != 0 || (has_lz4(job) && write_settings(job, "lz4") != 0) ||
           write_file(job->home, "pg_hba.conf", readers_too) != 0 ||
           write_file(job->home, "pg_ident.conf", ident) != 0;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

static void remove_tree(const char *path)
{
    (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int run_initdb(const struct job *job, const char *data)
{
    char program[4200];
    char *argv[] = {program,
                    (char *)(uintptr_t) "--pgdata",
                    (char *)(uintptr_t)data,
                    (char *)(uintptr_t) "--username=ctvigil",
                    (char *)(uintptr_t) "--encoding=UTF8",
                    (char *)(uintptr_t) "--locale=C",
                    (char *)(uintptr_t) "--auth=peer",
                    (char *)(uintptr_t) "--data-checksums",
                    (char *)(uintptr_t) "--no-instructions",
                    NULL};
    char *env[] = {(char *)(uintptr_t) "PATH=/usr/bin:/bin", (char *)(uintptr_t) "LC_ALL=C",
                   (char *)(uintptr_t) "TZ=UTC", NULL};
    (void)snprintf(program, sizeof program, "%s/initdb", job->bin->dir);
    pid_t pid = fork();
    if (pid == 0) {
        (void)execve(program, argv, env);
        _exit(complain(program));
    }
    return ended(pid);
}

static int make(void *arg)
{
    const struct job *job = arg;
    char data[4200];
    char fresh[4210];
    (void)snprintf(data, sizeof data, "%s/data", job->home);
    (void)snprintf(fresh, sizeof fresh, "%s.new", data);
    /* Of a start that was killed in the middle. */
    remove_tree(fresh);
    int failed = run_initdb(job, fresh);
    if (failed == 0 && rename(fresh, data) != 0)
        failed = complain(data);
    if (failed != 0)
        remove_tree(fresh);
    return failed;
}

enum err_code initdb_make(const char *home, const struct pgbin *bin, const struct pguser *user,
                          struct err *why)
{
    struct job job = {home, bin, user};
    return pguser_run(user, make, &job, why);
}

enum err_code initdb_configure(const char *home, const struct pgbin *bin, const struct pguser *user,
                               struct err *why)
{
    struct job job = {home, bin, user};
    return pguser_run(user, configure, &job, why);
}
